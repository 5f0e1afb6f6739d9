//! Why the settings were refused: always the place, what was written there, and what is allowed.

use std::fmt;
use std::path::PathBuf;

/// Where a setting was given, in the words of whoever gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `--name` on the command line.
    Flag { flag: String },
    /// `CORELAY_NAME` in the environment.
    Variable { flag: String, variable: String },
    /// `name` in the file, spelled as it is there.
    Key { flag: String, key: String, file: PathBuf },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag { flag } => write!(f, "{flag}"),
            Self::Variable { flag, variable } => {
                write!(f, "{flag}, given by the environment variable {variable}")
            }
            Self::Key { flag, key, file } => {
                write!(f, "{flag}, given by the key `{key}` in {}", file.display())
            }
        }
    }
}

/// Settings that cannot be served with. All of them are the caller's to mend: exit 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SettingsError {
    /// A value that its setting does not take.
    Invalid { place: Place, value: String, expected: &'static str },
    /// A key of the file that is no setting.
    UnknownKey { key: String, file: PathBuf },
    /// One setting twice in the file, once with dashes and once with underscores.
    RepeatedKey { key: String, file: PathBuf },
    /// Two settings of one source that exclude each other.
    Conflict(Box<[Place; 2]>),
    /// The file cannot be read.
    UnreadableFile { path: PathBuf, reason: String },
    /// The file is not TOML.
    NotToml { path: PathBuf, reason: String },
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { place, value, expected } => {
                write!(f, "invalid value '{}' for {place}: expected {expected}", value.escape_debug())
            }
            Self::UnknownKey { key, file } => {
                let (key, file) = (key.escape_debug(), file.display());
                write!(f, "unknown key `{key}` in {file}: the keys are the flags of `corelay serve --help`")
            }
            Self::RepeatedKey { key, file } => {
                let file = file.display();
                write!(
                    f,
                    "key `{key}` given twice in {file}: with dashes or underscores it is the same setting"
                )
            }
            Self::Conflict(places) => {
                let [one, other] = &**places;
                write!(f, "{one} cannot be used with {other}: give one of the two")
            }
            Self::UnreadableFile { path, reason } => {
                write!(f, "cannot read the file of --config, {}: {reason}", path.display())
            }
            Self::NotToml { path, reason } => {
                write!(f, "the file of --config, {}, is not TOML: {}", path.display(), reason.trim_end())
            }
        }
    }
}

impl std::error::Error for SettingsError {}
