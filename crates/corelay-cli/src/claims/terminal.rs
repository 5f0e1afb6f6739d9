//! What was found, for a terminal: verdicts first, then each claim with its figures.

use std::io::{self, Write};

use super::finding::{Claims, Finding, Table};

/// Writes all of it.
pub(super) fn write(out: &mut impl Write, claims: &Claims) -> io::Result<()> {
    for finding in &claims.findings {
        write_finding(out, finding)?;
    }
    writeln!(out, "{}, corelay {}, {}\n", claims.date, claims.corelay, claims.machine)?;
    for Finding { number, claim, verdict, .. } in &claims.findings {
        writeln!(out, "{number:>2}  {:<17}  {claim}", verdict.words())?;
    }
    Ok(())
}

fn write_finding(out: &mut impl Write, finding: &Finding) -> io::Result<()> {
    let Finding { number, claim, verdict, evidence, seconds, .. } = finding;
    writeln!(out, "{number}. {claim}\n   {} ({seconds:.0} s)\n", verdict.words())?;
    if !evidence.conditions.is_empty() {
        writeln!(out, "{}", evidence.conditions)?;
    }
    for command in &evidence.commands {
        writeln!(out, "  {command}")?;
    }
    for check in &evidence.checks {
        writeln!(out, "  {}: {}: {}", check.outcome.words(), check.expected, check.found)?;
    }
    for table in &evidence.tables {
        write_table(out, table)?;
    }
    for note in &evidence.notes {
        writeln!(out, "  {note}")?;
    }
    writeln!(out)
}

fn write_table(out: &mut impl Write, table: &Table) -> io::Result<()> {
    writeln!(out, "\n{} ({})", table.title, table.origin.words())?;
    let lines = || std::iter::once(&table.heads).chain(&table.rows);
    let width = |column: usize| {
        lines().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    for line in lines() {
        let cells = line.iter().enumerate().map(|(column, cell)| format!("{cell:<0$}", width(column)));
        writeln!(out, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::finding::sample;

    #[test]
    fn verdicts_come_last_where_a_terminal_shows_them() {
        let mut out = Vec::new();
        write(&mut out, &sample()).expect("memory");
        let text = String::from_utf8_lossy(&out);
        assert!(text.ends_with("\n 5  not testable here  it is so\n"), "{text}");
        assert!(text.contains("  holds: more is answered: 1.5 times\n"), "{text}");
        assert!(text.contains("eight cores (simulated)\n  placement  mean ms\n  a|b        0.9\n"), "{text}");
    }
}
