//! The log's level, which may be changed while it runs.

use std::sync::{Arc, Mutex};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::{Registry, reload};

/// The levels by name, from the quietest.
const LEVELS: [(&str, LevelFilter); 5] = [
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

/// The level of this name.
pub(crate) fn level_named(name: &str) -> Option<LevelFilter> {
    LEVELS.iter().find(|(known, _)| *known == name).map(|(_, level)| *level)
}

/// Shows and changes the level of the log that runs.
pub(crate) struct LogLevel {
    current: Mutex<LevelFilter>,
    handle: reload::Handle<LevelFilter, Registry>,
}

impl LogLevel {
    /// Of the log whose filter this is the handle of.
    pub(super) fn new(current: LevelFilter, handle: reload::Handle<LevelFilter, Registry>) -> Arc<Self> {
        Arc::new(Self { current: Mutex::new(current), handle })
    }

    /// The present level's name.
    pub(crate) fn name(&self) -> &'static str {
        name_of(*self.lock())
    }

    /// Changes it; the new one's name. `None`: there is none of this name, or the log has ended.
    pub(crate) fn set(&self, name: &str) -> Option<&'static str> {
        let level = level_named(name)?;
        let mut current = self.lock();
        self.handle.reload(level).ok()?;
        *current = level;
        Some(name_of(level))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LevelFilter> {
        self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn name_of(level: LevelFilter) -> &'static str {
    LEVELS.iter().find(|(_, known)| *known == level).map_or("off", |(name, _)| name)
}
