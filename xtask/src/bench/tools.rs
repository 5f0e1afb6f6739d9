//! The programs a run needs: built, found or extracted before anything is measured.

mod build;
mod debian;
mod go;
mod java;
mod oha;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::options::Options;
use super::servers::{Origin, Server};

/// Every program, and where it is.
pub(crate) struct Tools {
    root: PathBuf,
    target: PathBuf,
    programs: BTreeMap<String, PathBuf>,
    versions: BTreeMap<Server, String>,
    /// CPUs this process may use.
    pub(crate) cpus: usize,
}

impl Tools {
    /// Builds and finds what the options call for.
    pub(crate) fn prepare(options: &Options) -> Result<Self> {
        let mut tools = Self::none()?;
        tools.add_debian("wrk")?;
        tools.add_servers(&options.all_servers())?;
        Ok(tools)
    }

    /// Builds and finds what `bench skew` compares, and corelay-load's driver.
    pub(crate) fn prepare_skew() -> Result<Self> {
        let mut tools = Self::prepare_relay()?;
        tools.add_servers(&[Server::Hyper, Server::Actix, Server::Nginx])?;
        Ok(tools)
    }

    fn add_servers(&mut self, servers: &[Server]) -> Result<()> {
        for &server in servers {
            let version = match server.origin() {
                Origin::Debian(package) => self.add_debian(package)?,
                Origin::Workspace => build::commit(&self.root),
                Origin::Bench { of: Some(name), .. } => build::locked_version(&self.root, name)?,
                Origin::Bench { .. } => String::new(),
            };
            self.versions.insert(server, version);
        }
        self.programs.extend(build::build(&self.root, &self.target, servers)?);
        Ok(())
    }

    /// Builds corelay and corelay-load's driver, and nothing else.
    pub(crate) fn prepare_relay() -> Result<Self> {
        Self::prepare_programs(&[("corelay-cli", "corelay"), ("corelay-load", "corelay-load-driver")])
    }

    /// Builds these programs, each of a package, and nothing else.
    pub(crate) fn prepare_programs(programs: &[(&str, &str)]) -> Result<Self> {
        let mut tools = Self::none()?;
        tools.versions.insert(Server::Corelay, build::commit(&tools.root));
        for &(package, program) in programs {
            let path = build::program(&tools.root, &tools.target, package, program)?;
            tools.programs.insert(program.to_owned(), path);
        }
        Ok(tools)
    }

    /// Builds these examples, and nothing else.
    pub(crate) fn prepare_examples(examples: &[&str]) -> Result<Self> {
        let mut tools = Self::none()?;
        tools.versions.insert(Server::Corelay, build::commit(&tools.root));
        for &example in examples {
            let path = build::example(&tools.root, &tools.target, example)?;
            tools.programs.insert(example.to_owned(), path);
        }
        Ok(tools)
    }

    /// Builds one of corelay-bench's peers, and gives the version of the crate it is a peer for.
    pub(crate) fn add_peer(&mut self, peer: &str, of: &str) -> Result<String> {
        self.programs.insert(peer.to_owned(), build::peer(&self.root, &self.target, peer)?);
        build::locked_version(&self.root, of)
    }

    /// Builds the peer in Go, `peer-go`, and gives the compiler's version.
    pub(crate) fn add_go(&mut self) -> Result<String> {
        let (program, version) = go::build(&self.root, &self.scratch("go")?)?;
        self.programs.insert("peer-go".into(), program);
        Ok(version)
    }

    /// Compiles the peer in Java, `java` with the classes in `java-classes`, and gives the runtime's version.
    pub(crate) fn add_java(&mut self) -> Result<String> {
        let java::Java { runtime, version, classes } = java::build(&self.root, &self.scratch("java")?)?;
        self.programs.extend([("java".into(), runtime), ("java-classes".into(), classes)]);
        Ok(version)
    }

    /// Finds oha, or builds it, and gives its version.
    pub(crate) fn add_oha(&mut self) -> Result<String> {
        let (program, version) = oha::find_or_install(&self.scratch("oha")?)?;
        self.programs.insert("oha".into(), program);
        Ok(version)
    }

    fn none() -> Result<Self> {
        let cpus = std::thread::available_parallelism()?.get();
        ensure!(cpus >= 2, "two CPUs are needed: one for the server, one for the load");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask is inside the workspace")?;
        // This program is at TARGET/debug/xtask, wherever the user keeps the target directory.
        let executable = std::env::current_exe()?;
        let target = executable.ancestors().nth(2).context("xtask was not run by cargo")?;
        Ok(Self {
            root: root.to_owned(),
            target: target.to_owned(),
            programs: BTreeMap::new(),
            versions: BTreeMap::new(),
            cpus,
        })
    }

    /// The path of a program, relative to the workspace where it is inside.
    pub(crate) fn program(&self, name: &str) -> Result<String> {
        let path = self.programs.get(name).with_context(|| format!("{name} was not prepared"))?;
        Ok(path.strip_prefix(&self.root).unwrap_or(path).display().to_string())
    }

    /// A command to be run in the workspace's root.
    pub(crate) fn command(&self, words: &[String]) -> Command {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(&self.root);
        let extracted = self.scratch_path("debian");
        if words.iter().any(|word| self.root.join(word).starts_with(&extracted)) {
            command.env("LD_LIBRARY_PATH", debian::libraries(&extracted));
        }
        command
    }

    /// The version of a server, empty for the floor, which has none.
    pub(crate) fn version(&self, server: Server) -> &str {
        self.versions.get(&server).map_or("", String::as_str)
    }

    /// A directory of this command under target/bench, created if it is not there.
    pub(crate) fn scratch(&self, name: &str) -> Result<PathBuf> {
        let path = self.scratch_path(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path)
    }

    fn scratch_path(&self, name: &str) -> PathBuf {
        self.target.join("bench").join(name)
    }

    /// Finds a program of Debian's that does not tell its version.
    pub(crate) fn add_installed(&mut self, program: &'static str) -> Result<()> {
        let path = debian::find_or_extract(program, &self.scratch("debian")?)?;
        self.programs.insert(program.to_owned(), path);
        Ok(())
    }

    /// Finds a program of Debian's, or extracts it, and gives its version.
    pub(crate) fn add_debian(&mut self, program: &'static str) -> Result<String> {
        let path = debian::find_or_extract(program, &self.scratch("debian")?)?;
        self.programs.insert(program.to_owned(), path);
        let said = self.command(&[self.program(program)?, debian::version_flag(program).into()]).output()?;
        debian::version(program, &said)
    }
}

/// A command line as a shell would take it.
pub(crate) fn shown(words: &[String]) -> String {
    let quoted = words.iter().map(|word| if word.contains(' ') { format!("'{word}'") } else { word.clone() });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_a_space_is_quoted() {
        let words = ["wrk", "-H", "Connection: close"].map(String::from);
        assert_eq!(shown(&words), "wrk -H 'Connection: close'");
    }
}
