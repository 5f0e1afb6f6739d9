//! What `corelay serve` is told, and by whom.
//!
//! Every setting is one row of [`table::SETTINGS`]: its flag, its `CORELAY_*` variable, its key in the file,
//! its help, its default and how its text becomes a value. The three sources only *collect text* for rows of
//! that table ([`sources`]); reading the text, refusing it and storing the value happen once, here. So a
//! setting cannot exist in one source and be missing in another, and a bad value gets the same words wherever
//! it was written.
//!
//! ```text
//!   file ──┐
//!   env  ──┼─▶ Given { setting, texts, source } ──▶ Setting::set ──▶ Options { listen, config, log, … }
//!   flags ─┘        (applied in this order: a later source replaces an earlier one)
//! ```
//!
//! Every source is read to its end, also where a stronger one overrides it: a mistake in the file must not
//! wait for the day the flag is left out.
//!
//! Deliberately absent: reloading a running server's settings, and settings that only one source knows
//! (`--config` is the one exception: it names the file).

mod admin;
mod error;
mod memory;
mod overload;
mod proxies;
mod sockets;
pub(crate) mod sources;
pub(crate) mod table;
pub(crate) mod value;

use std::path::{Path, PathBuf};

use corelay::Config;
use corelay::config::Address;
use tracing_subscriber::filter::LevelFilter;

pub(crate) use error::SettingsError;
use sources::Given;

/// Everything `corelay serve` needs to know to start.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Where to listen. Empty only where proxies connect.
    pub(crate) listen: Vec<Address>,
    /// Whether that was said, and is no default.
    pub(crate) is_told_to_listen: bool,
    /// Where to listen for proxies, which send PROXY protocol headers.
    pub(crate) proxy_listen: Vec<Address>,
    /// What the library is told.
    pub(crate) config: Config,
    /// How log lines look.
    pub(crate) log: LogFormat,
    /// What is too fine for the log, until the admin listener changes it.
    pub(crate) log_level: LevelFilter,
    /// Where the admin listener is, if there is one.
    pub(crate) admin: Option<Address>,
    /// Where the token is that changes something there.
    pub(crate) admin_token_file: Option<PathBuf>,
    /// Whether the routes that misbehave are served.
    pub(crate) fault_routes: bool,
    /// Where the process's id is to be found.
    pub(crate) pid_file: Option<PathBuf>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people: `2026-11-22T09:48:00Z  INFO target: message field=value`.
    Text,
    /// For programs: one JSON object a line.
    Json,
    /// Nothing is logged, and nothing is formatted.
    Off,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: vec![Address::Tcp(([127, 0, 0, 1], 8080).into())],
            is_told_to_listen: false,
            proxy_listen: Vec::new(),
            config: Config::default(),
            log: LogFormat::Text,
            log_level: LevelFilter::INFO,
            admin: None,
            admin_token_file: None,
            fault_routes: false,
            pid_file: None,
        }
    }
}

impl Options {
    /// Settings from the flags, the environment and the file that `--config` or `CORELAY_CONFIG` names.
    ///
    /// # Errors
    ///
    /// The first bad value, unknown key, conflict or unreadable file, naming its source.
    pub(crate) fn gather(flags: &clap::ArgMatches) -> Result<Self, SettingsError> {
        let environment = |name: &str| std::env::var_os(name);
        let file = match sources::config_path(flags, environment) {
            Some(path) => sources::from_file(&path, &read(&path)?)?,
            None => Vec::new(),
        };
        Self::resolve([file, sources::from_environment(environment)?, sources::from_flags(flags)])
    }

    /// Applies the sources from the weakest to the strongest over the defaults.
    fn resolve(sources: [Vec<Given>; 3]) -> Result<Self, SettingsError> {
        let mut options = Self::default();
        for source in &sources {
            refuse_conflicts(source)?;
            for given in source {
                given.apply(&mut options)?;
                options.is_told_to_listen |= given.setting.name == "listen";
            }
        }
        // Who names a place for proxies and no other wants no other: through the default one clients could come past the proxy.
        if !options.proxy_listen.is_empty() && !options.is_told_to_listen {
            options.listen.clear();
        }
        Ok(options)
    }
}

fn read(path: &Path) -> Result<String, SettingsError> {
    std::fs::read_to_string(path)
        .map_err(|error| SettingsError::UnreadableFile { path: path.into(), reason: error.to_string() })
}

/// Two settings of one source that exclude each other. Across sources the stronger source simply wins.
fn refuse_conflicts(source: &[Given]) -> Result<(), SettingsError> {
    for given in source {
        let other = source.iter().find(|other| given.setting.excludes == Some(other.setting.name));
        if let Some(other) = other {
            return Err(SettingsError::Conflict(Box::new([given.place(), other.place()])));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
