//! `cargo xtask tidy`: the rules of the house that neither rustfmt nor clippy knows.
//!
//! | rule | why |
//! |---|---|
//! | a file has at most 600 lines before its tests, a function 70 | it is read line by line |
//! | the hot path, which ARCHITECTURE.md names, has at most 45 | a newcomer reads it in a minute |
//! | `unsafe` and the operating system's `cfg` only under a `sys/` folder | both are reviewed in one place |
//! | a module begins with `//!`, and is not called `util` or the like; no function is called `get_…` | the name and the first line say what is there |
//! | no test sleeps | it waits for the thing instead; a sleep is too short on one machine and too long on all others |
//! | `docs/dependencies.md` names every crate from elsewhere | each was chosen, for a reason |
//!
//! Sources are read as tokens ([`source`]), so comments and strings cannot confuse a rule, and macros are covered.
//! Deliberately absent: types and name resolution. A rule that needs those belongs to clippy.

mod rules;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace::{Metadata, root};
use source::Source;

/// Folders with sources that are the project's own.
const SOURCES: [&str; 4] = ["crates", "xtask", "examples", "fuzz"];
/// Folders that tools fill.
const NOT_OURS: [&str; 4] = ["target", "corpus", "artifacts", "node_modules"];

const HOT_PATH_LINES_MAX: usize = 45;

/// Checks every rule and prints each breach, as `file:line: what`.
///
/// # Errors
///
/// There are breaches, or a file that cannot be read.
pub(crate) fn run() -> Result<()> {
    let mut breaches = Vec::new();
    for path in sources()? {
        let text = fs::read_to_string(&path)?;
        let name = path.strip_prefix(root()).unwrap_or(&path);
        let source = Source::parse(name, &text).with_context(|| name.display().to_string())?;
        breaches.extend(rules::check(&source));
    }
    // A document that is missing is one more breach, and no reason not to tell the others.
    breaches.extend(hot_path().unwrap_or_else(|error| Some(format!("{error:#}"))));
    breaches.extend(dependencies().unwrap_or_else(|error| vec![format!("{error:#}")]));
    for breach in &breaches {
        println!("{breach}");
    }
    if !breaches.is_empty() {
        bail!(
            "{} breaches of the rules of the house (xtask/src/tidy/mod.rs says why they are rules)",
            breaches.len()
        );
    }
    Ok(())
}

/// Every Rust source of the project, in order.
fn sources() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        SOURCES.iter().map(|folder| root().join(folder)).filter(|path| path.exists()).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default();
            if path.is_dir() && !NOT_OURS.iter().any(|other| name == *other) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// ARCHITECTURE.md names the hot path in a line that begins so and holds `file.rs` and `function` in backticks.
fn hot_path() -> Result<Option<String>> {
    let text =
        fs::read_to_string(root().join("ARCHITECTURE.md")).context("ARCHITECTURE.md names the hot path")?;
    let (file, function) = named_hot_path(&text).context(
        "ARCHITECTURE.md has no line with the words hot path, a `path/to/file.rs` and a `function` in backticks",
    )?;
    let code = fs::read_to_string(root().join(file)).context(file.to_owned())?;
    let source = Source::parse(Path::new(file), &code)?;
    let found = source.functions().into_iter().find(|candidate| candidate.name == function);
    let lines = found.with_context(|| format!("{file} has no function {function}"))?.lines;
    let too_long = lines > HOT_PATH_LINES_MAX;
    Ok(too_long
        .then(|| format!("{file}: the hot path {function} has {lines} lines, of {HOT_PATH_LINES_MAX}")))
}

fn named_hot_path(text: &str) -> Option<(&str, &str)> {
    let lines = text.lines().filter(|line| line.to_ascii_lowercase().contains("hot path"));
    lines.into_iter().find_map(|line| {
        let mut quoted = line.split('`').skip(1).step_by(2);
        let file = quoted.clone().find(|word| word.ends_with(".rs"))?;
        let function = quoted.find(|word| !word.ends_with(".rs"))?.trim_end_matches("()");
        Some((file, function.rsplit("::").next()?))
    })
}

/// Crates from elsewhere that docs/dependencies.md does not name in backticks.
fn dependencies() -> Result<Vec<String>> {
    let file = "docs/dependencies.md";
    let text = fs::read_to_string(root().join(file))
        .with_context(|| format!("{file} says why each crate is used"))?;
    let unnamed = |(name, _): &(String, String)| !text.contains(&format!("`{name}`"));
    let missing = Metadata::read()?.dependencies().into_iter().filter(unnamed);
    Ok(missing.map(|(name, user)| format!("{file}: `{name}`, which {user} uses, is not named")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hot_path_is_the_file_and_function_of_its_line() {
        let text = "# x\nhot path: see below\nThe **hot path** is `Core::serve()` in `crates/corelay/src/serve.rs`.\n";
        assert_eq!(named_hot_path(text), Some(("crates/corelay/src/serve.rs", "serve")));
        assert_eq!(named_hot_path("the `cold` path is in `x.rs`"), None);
    }
}
