//! What was found, as one page that opens without a network.

use corelay_load::html::{Block, Page, Section, Table};

use super::finding::{self, Claims, Finding, Outcome};
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

fn verdicts(claims: &Claims) -> Section {
    let row = |finding: &Finding| {
        vec![finding.number.to_string(), finding.claim.clone(), finding.verdict.words().to_owned()]
    };
    let table = Table {
        caption: "What became of each claim on this machine".to_owned(),
        heads: ["", "claim", "verdict"].map(String::from).to_vec(),
        rows: claims.findings.iter().map(row).collect(),
    };
    Section { title: "Verdicts".to_owned(), blocks: vec![Block::Table(table)] }
}

fn section(found: &Finding) -> Section {
    let Finding { number, claim, source, verdict, evidence, .. } = found;
    let mut blocks = vec![
        Block::Text(format!("{claim}.")),
        Block::Text(format!("Claimed: {source}.")),
        Block::Text(format!("Here: {}. {}", verdict.words(), evidence.conditions)),
    ];
    let unknown = evidence.checks.iter().filter(|check| check.outcome == Outcome::Unknown);
    blocks.extend(unknown.map(|check| Block::Warning(format!("{}: {}", check.expected, check.found))));
    let check = |check: &finding::Check| {
        vec![check.expected.clone(), check.found.clone(), check.outcome.words().to_owned()]
    };
    blocks.push(Block::Table(Table {
        caption: "What it takes to hold".to_owned(),
        heads: ["to hold", "found", ""].map(String::from).to_vec(),
        rows: evidence.checks.iter().map(check).collect(),
    }));
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
