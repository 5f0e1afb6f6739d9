//! Debian's wrk, nginx, h2o, h2load and redis: from the system if they are installed, else extracted beside it.
//!
//! Extracted and not installed, because installing nginx or h2o starts them as services and needs root. A package's
//! program runs from any directory; libraries that a minimal system lacks, wrk's LuaJIT and some of h2load's, are fetched with it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail, ensure};

/// Where programs of packages are, also for users whose PATH lacks the administrator's directories.
const PROGRAM_DIRECTORIES: [&str; 3] = ["usr/bin", "usr/sbin", "usr/local/bin"];

const REDIS_LIBRARIES: [&str; 4] = ["libjemalloc2", "liblua5.1-0", "liblzf1", "libatomic1"];

/// The package that has a program, and those with libraries of it.
fn packages(program: &str) -> Vec<&str> {
    match program {
        "wrk" => vec!["wrk", "libluajit-5.1-2"],
        "h2load" => vec!["nghttp2-client", "libnghttp2-14", "libev4", "libjansson4", "libjemalloc2"],
        "redis-benchmark" => [&["redis-tools"], REDIS_LIBRARIES.as_slice()].concat(),
        // A link to a program of the tools.
        "redis-server" => [&["redis-server", "redis-tools"], REDIS_LIBRARIES.as_slice()].concat(),
        other => vec![other],
    }
}

/// What makes a program tell its version.
pub(super) fn version_flag(program: &str) -> &'static str {
    if matches!(program, "h2load" | "redis-benchmark") { "--version" } else { "-v" }
}

/// The path of a program.
pub(super) fn find_or_extract(program: &str, extracted: &Path) -> Result<PathBuf> {
    let find = |root: &Path| {
        let candidates = PROGRAM_DIRECTORIES.iter().map(|directory| root.join(directory).join(program));
        candidates.into_iter().find(|path| path.is_file())
    };
    if let Some(path) = find(Path::new("/")).or_else(|| find(extracted)) {
        return Ok(path);
    }
    eprintln!("extracting Debian's {program} into {}", extracted.display());
    let packages = packages(program);
    let by_hand = || format!("no {program}: try apt-get install --no-install-recommends {}", packages[0]);
    extract(&packages, extracted).with_context(by_hand)?;
    find(extracted).with_context(by_hand)
}

/// The directories the dynamic linker has to look into for extracted programs, as LD_LIBRARY_PATH wants them.
pub(super) fn libraries(extracted: &Path) -> OsString {
    let entries = fs::read_dir(extracted.join("usr/lib")).into_iter().flatten().flatten();
    let directories = entries.map(|entry| entry.path()).filter(|path| path.is_dir());
    // No path of ours holds a colon: cargo refuses such a target directory.
    std::env::join_paths(directories).unwrap_or_default()
}

/// What a program says of its version, as a bare number.
pub(super) fn version(package: &str, said: &Output) -> Result<String> {
    let text = [&said.stdout[..], &said.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text);
    let first = text.lines().next().unwrap_or_default();
    if first.contains("error while loading shared libraries") {
        bail!("{package} lacks a library: apt-get install the package that has it ({first})");
    }
    let number =
        first.split([' ', '/', '=']).find(|word| word.starts_with(|letter: char| letter.is_ascii_digit()));
    Ok(number.with_context(|| format!("{package} -v said {text:?}"))?.to_owned())
}

/// Downloads packages and unpacks them into a directory, as if it were the root.
pub(super) fn extract(wanted: &[&str], into: &Path) -> Result<()> {
    let packages = into.join("packages");
    fs::create_dir_all(&packages)?;
    if download(wanted, &packages).is_err() {
        // A machine that never ran it has no package lists; it needs root, and its own message says so.
        succeed(Command::new("apt-get").args(["-q", "update"]))?;
        download(wanted, &packages)?;
    }
    for entry in fs::read_dir(&packages)? {
        succeed(Command::new("dpkg-deb").arg("-x").arg(entry?.path()).arg(into))?;
    }
    Ok(())
}

fn download(packages: &[&str], into: &Path) -> Result<()> {
    succeed(Command::new("apt-get").args(["-q", "download"]).args(packages).current_dir(into))
}

fn succeed(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    fn said(stdout: &str, stderr: &str) -> Output {
        Output { status: ExitStatus::from_raw(0), stdout: stdout.into(), stderr: stderr.into() }
    }

    #[test]
    fn the_version_is_found_in_what_each_program_says() {
        for (output, number) in [
            (said("", "nginx version: nginx/1.22.1\n"), "1.22.1"),
            (said("h2o version 2.2.5\nOpenSSL: OpenSSL 3.0.17\n", ""), "2.2.5"),
            (said("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64\n", ""), "7.0.15"),
            (said("wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012 Will Glozer\n", ""), "4.1.0-3+b2"),
        ] {
            assert_eq!(version("it", &output).unwrap(), number);
        }
    }

    #[test]
    fn a_missing_library_is_named() {
        let line = "wrk: error while loading shared libraries: libluajit-5.1.so.2: cannot open";
        assert!(version("wrk", &said("", line)).unwrap_err().to_string().contains("libluajit"));
    }
}
