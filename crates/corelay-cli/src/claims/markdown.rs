//! What was found, as the page `docs/claims.md`.

use std::fmt::Write as _;

use super::finding::{Claims, Finding, Table, sentence};
use super::setup::list;

/// The whole page.
pub(super) fn page(claims: &Claims) -> String {
    let mut page = String::from("# Ten claims\n\n");
    let Claims { date, command, corelay, machine, .. } = claims;
    let _ = write!(
        page,
        "Generated from the JSON of `{command}` on {date}; not edited by hand.\n\n\
         corelay {corelay} on {machine}. Servers on the processors {}, load on {}, unless a claim says otherwise; scale {}.\n\n\
         | | claim | verdict |\n|---|---|---|\n",
        list(&claims.server_cpus),
        list(&claims.load_cpus),
        claims.scale
    );
    for Finding { number, claim, verdict, .. } in &claims.findings {
        let _ = writeln!(page, "| {number} | {} | **{}** |", cell(claim), verdict.words());
    }
    for finding in &claims.findings {
        write_finding(&mut page, finding);
    }
    page
}

fn write_finding(page: &mut String, finding: &Finding) {
    let Finding { number, claim, source, verdict, evidence, .. } = finding;
    let _ = write!(page, "\n## {number} {claim}\n\nClaimed: {source}.\n\n**{}.**", sentence(verdict.words()));
    if !evidence.conditions.is_empty() {
        let _ = write!(page, " {}", evidence.conditions);
    }
    page.push_str("\n\n");
    if !evidence.checks.is_empty() {
        page.push_str("| to hold | found | |\n|---|---|---|\n");
    }
    for check in &evidence.checks {
        let (expected, found) = (cell(&check.expected), cell(&check.found));
        let _ = writeln!(page, "| {expected} | {found} | {} |", check.outcome.words());
    }
    for table in &evidence.tables {
        write_table(page, table);
    }
    for note in &evidence.notes {
        let _ = write!(page, "\n{note}\n");
    }
    if !evidence.commands.is_empty() {
        let _ = write!(page, "\n```text\n{}\n```\n", evidence.commands.join("\n"));
    }
}

fn write_table(page: &mut String, table: &Table) {
    let row = |cells: &[String]| {
        format!("| {} |\n", cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(" | "))
    };
    let _ = write!(page, "\n{} ({}):\n\n", table.title, table.origin.words());
    page.push_str(&row(&table.heads));
    let _ = writeln!(page, "|{}", "---|".repeat(table.heads.len()));
    for cells in &table.rows {
        page.push_str(&row(cells));
    }
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::finding::sample;

    #[test]
    fn a_page_has_the_machine_the_verdict_and_every_figure() {
        let page = page(&sample());
        for part in [
            "of `corelay compare claims` on Sun, 06 Nov 1994 08:49:37 GMT",
            "corelay 0.1.0 on Linux 6, 2 CPUs. Servers on the processors 0, load on 1",
            "| 5 | it is so | **not testable here** |",
            "\n## 5 it is so\n\nClaimed: somebody.\n\n**Not testable here.** Two <servers>.\n",
            "| p99 is below | 0.9 [0.8–1.1] | cannot be said |",
            "\neight cores (simulated):\n\n| placement | mean ms |\n|---|---|\n| a\\|b | 0.9 |\n",
            "\nA note.\n\n```text\ncorelay serve\n```\n",
        ] {
            assert!(page.contains(part), "{part:?} is not in {page}");
        }
    }

    #[test]
    fn a_bar_stays_in_its_cell() {
        assert_eq!(cell("a|b\nc"), "a\\|b c");
        assert_eq!(sentence("not testable here"), "Not testable here");
    }
}
