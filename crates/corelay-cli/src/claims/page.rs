//! What was found, as one page that opens without a network.

use corelay_load::html::{Block, Page, Section, Table};

use super::finding::{Check, Claims, Finding, sentence};
use super::setup::list;

/// The whole page.
pub(super) fn of(claims: &Claims) -> Page {
    let Claims { date, command, corelay, machine, scale, .. } = claims;
    let lead = vec![
        format!("corelay {corelay} on {machine}"),
        format!(
            "{date}: `{command}`, scale {scale}. Servers on the processors {}, load on {}, unless a claim says otherwise.",
            list(&claims.server_cpus),
            list(&claims.load_cpus)
        ),
    ];
    let mut sections = vec![verdicts(claims)];
    sections.extend(claims.findings.iter().map(section));
    Page { title: "Ten claims".to_owned(), lead, sections }
}

/// Sentences, not a table: what is claimed is too long for a cell on a phone.
fn verdicts(claims: &Claims) -> Section {
    let line =
        |Finding { number, claim, verdict, .. }: &Finding| format!("{number}, {}: {claim}", verdict.words());
    Section {
        title: "Verdicts".to_owned(),
        blocks: vec![Block::List(claims.findings.iter().map(line).collect())],
    }
}

fn section(found: &Finding) -> Section {
    let Finding { number, claim, source, verdict, evidence, .. } = found;
    let check = |Check { expected, found, outcome }: &Check| {
        format!("{}: {expected}: {found}", sentence(outcome.words()))
    };
    let mut blocks = vec![
        Block::Text(format!("{claim}.")),
        Block::Text(format!("Claimed: {source}.")),
        Block::Text(format!("Here: {}. {}", verdict.words(), evidence.conditions)),
        Block::List(evidence.checks.iter().map(check).collect()),
    ];
    blocks.extend(evidence.tables.iter().map(|table| {
        Block::Table(Table {
            caption: format!("{} ({})", table.title, table.origin.words()),
            heads: table.heads.clone(),
            rows: table.rows.clone(),
        })
    }));
    if !evidence.notes.is_empty() {
        blocks.push(Block::List(evidence.notes.clone()));
    }
    if !evidence.commands.is_empty() {
        blocks.push(Block::Commands(evidence.commands.clone()));
    }
    Section { title: format!("{number}: {}", verdict.words()), blocks }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::finding::sample;

    #[test]
    fn a_page_has_the_machine_the_verdict_and_every_figure() {
        let html = of(&sample()).html();
        for part in [
            "corelay 0.1.0 on Linux 6, 2 CPUs",
            "5: not testable here",
            "Claimed: somebody.",
            "Two &lt;servers&gt;.",
            "0.9 [0.8–1.1]",
            "eight cores (simulated)",
            "A note.",
        ] {
            assert!(html.contains(part), "{part:?} is not in {html}");
        }
    }
}
