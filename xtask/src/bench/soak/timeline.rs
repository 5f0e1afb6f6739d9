//! What happened when: a file with a line for each mischief and each answer that was long in coming, so that the one can be found
//! for the other.
//!
//! ```text
//! begun     ended     what
//! 12.031    12.402    enemy 1: stops
//! 11.870    14.015    a user waits: GET /plaintext
//! ```

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};

/// The file.
pub(super) struct Timeline {
    begun: Instant,
    path: PathBuf,
    lines: Mutex<BufWriter<File>>,
}

impl Timeline {
    pub(super) fn create(path: PathBuf) -> Result<Self> {
        let file = File::create(&path).with_context(|| path.display().to_string())?;
        let timeline = Self { begun: Instant::now(), path, lines: Mutex::new(BufWriter::new(file)) };
        timeline.write(format_args!("begun     ended     what"));
        Ok(timeline)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Something that began at that moment and is over now.
    pub(super) fn tell(&self, begun: Instant, what: impl std::fmt::Display) {
        let seconds = |moment: Instant| moment.saturating_duration_since(self.begun).as_secs_f64();
        self.write(format_args!("{:<9.3} {:<9.3} {what}", seconds(begun), seconds(Instant::now())));
    }

    /// A line. A disk that is full does not end the soak.
    fn write(&self, line: std::fmt::Arguments<'_>) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(lines, "{line}");
        let _ = lines.flush();
    }
}
