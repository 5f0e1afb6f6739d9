//! The three places a setting is given in: flags, environment, file. Each gives the same thing, texts for
//! rows of the table; none of them knows what a text means.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::ArgMatches;

use super::Options;
use super::error::{Place, SettingsError};
use super::table::{SETTINGS, Set, Setting};

/// The flag and, as a variable, the name of the file: the one setting that is not in the table.
pub(crate) const CONFIG: &str = "config";
pub(crate) const CONFIG_VARIABLE: &str = "CORELAY_CONFIG";

/// One setting as one source gave it.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) setting: &'static Setting,
    texts: Vec<String>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Flag,
    Variable,
    /// The key as it is spelled in the file.
    File {
        key: String,
        file: PathBuf,
    },
}

impl Given {
    /// Reads the texts and stores the value.
    pub(crate) fn apply(&self, options: &mut Options) -> Result<(), SettingsError> {
        self.setting.apply(options, &self.texts).ok_or_else(|| SettingsError::Invalid {
            place: self.place(),
            value: self.texts.join(","),
            expected: self.setting.takes.expected,
        })
    }

    /// Where it was given.
    pub(crate) fn place(&self) -> Place {
        let flag = self.setting.flag();
        match &self.source {
            Source::Flag => Place::Flag { flag },
            Source::Variable => Place::Variable { flag, variable: self.setting.variable() },
            Source::File { key, file } => Place::Key { flag, key: key.clone(), file: file.clone() },
        }
    }
}

/// The file to read: `--config`, else `CORELAY_CONFIG`, else none.
pub(crate) fn config_path(
    flags: &ArgMatches,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    let flag = flags.get_one::<PathBuf>(CONFIG).cloned();
    flag.or_else(|| environment(CONFIG_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from))
}

/// What the command line gave.
pub(crate) fn from_flags(flags: &ArgMatches) -> Vec<Given> {
    let given = |setting: &'static Setting| {
        let values = flags.get_many::<String>(setting.name)?;
        let texts = values.flat_map(|value| setting.split(value)).collect();
        Some(Given { setting, texts, source: Source::Flag })
    };
    SETTINGS.iter().filter_map(given).collect()
}

/// What the environment gave. An empty variable counts as absent, as compose files and shells leave them
/// behind.
///
/// Other `CORELAY_*` variables are ignored: Kubernetes makes up `CORELAY_PORT` and `CORELAY_SERVICE_HOST` for
/// a service that is called corelay.
///
/// # Errors
///
/// A value that is not UTF-8.
pub(crate) fn from_environment(
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Vec<Given>, SettingsError> {
    let mut all = Vec::new();
    for setting in SETTINGS {
        let Some(value) = environment(&setting.variable()).filter(|value| !value.is_empty()) else {
            continue;
        };
        let (text, utf8) = match value.into_string() {
            Ok(text) => (text, true),
            Err(bytes) => (bytes.to_string_lossy().into_owned(), false),
        };
        let given = Given { setting, texts: setting.split(&text), source: Source::Variable };
        if !utf8 {
            let expected = setting.takes.expected;
            return Err(SettingsError::Invalid { place: given.place(), value: text, expected });
        }
        all.push(given);
    }
    Ok(all)
}

/// What the text of a TOML file gives: one flat table of keys.
///
/// # Errors
///
/// Text that is not TOML, an unknown key, a key spelled in both ways.
pub(crate) fn from_file(path: &Path, text: &str) -> Result<Vec<Given>, SettingsError> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| SettingsError::NotToml {
        path: path.into(),
        reason: error.to_string(),
    })?;
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for (key, value) in table {
        let name = key.replace('_', "-");
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
            return Err(SettingsError::UnknownKey { key, file: path.into() });
        };
        if !seen.insert(setting.name) {
            return Err(SettingsError::RepeatedKey { key, file: path.into() });
        }
        let source = Source::File { key, file: path.into() };
        all.push(Given { setting, texts: setting.file_texts(value), source });
    }
    Ok(all)
}

impl Setting {
    /// The texts in one argument or variable: a list's elements stand between commas.
    pub(super) fn split(&self, value: &str) -> Vec<String> {
        match self.set {
            Set::Many(_) => value.split(',').map(str::to_owned).collect(),
            Set::One(_) | Set::Switch(_) => vec![value.to_owned()],
        }
    }

    /// The texts in a value of the file: an array's elements stand alone, so that they may hold commas.
    fn file_texts(&self, value: toml::Value) -> Vec<String> {
        match (value, &self.set) {
            (toml::Value::Array(elements), Set::Many(_)) => elements.into_iter().map(scalar).collect(),
            (value, _) => self.split(&scalar(value)),
        }
    }
}

/// A scalar as the text a flag would have; anything else as TOML, which no setting takes and the error then
/// shows.
fn scalar(value: toml::Value) -> String {
    match value {
        toml::Value::String(text) => text,
        other => other.to_string(),
    }
}
