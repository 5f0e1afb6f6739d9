//! The file with the id of the process that serves.
//!
//! It is written when this process serves, and after an upgrade when it serves alone: until then the old process may still go on. The old
//! one writes it too, as soon as it has handed over all: whoever hears of the end of an upgrade finds it done, and at no time
//! is there none. It is put in its place as a whole, and removed at the end by the process that it names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The file, of this process.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
    /// Written already, beside it: that it can be written is known before the server serves.
    draft: PathBuf,
    /// This process has no more to do with it. Locked while it has: an upgrade may be over just as the process ends.
    is_done: Mutex<bool>,
}

impl PidFile {
    /// Prepares it.
    ///
    /// # Errors
    ///
    /// The directory cannot be written to.
    pub(crate) fn prepare(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
        let id = std::process::id();
        let draft = path.with_file_name(format!(".{name}.{id}"));
        let file = Self { path, draft, is_done: Mutex::new(false) };
        file.draw_up(id)?;
        Ok(file)
    }

    /// Puts it in its place.
    pub(crate) fn publish(&self) {
        self.unless_done(|| {
            self.told(fs::rename(&self.draft, &self.path));
            false
        });
    }

    /// Names the process that has replaced this one. It does so itself, but later; and if it has, there may be others after it by now.
    pub(crate) fn hand_over(&self, to: u32) {
        self.unless_done(|| {
            if self.names_us() {
                self.told(self.draw_up(to).and_then(|()| fs::rename(&self.draft, &self.path)));
            }
            true
        });
    }

    /// Removes it if it is still this process's; for when that ends.
    pub(crate) fn remove(&self) {
        self.unless_done(|| {
            if self.names_us() {
                let _ = fs::remove_file(&self.path);
            }
            true
        });
        let _ = fs::remove_file(&self.draft);
    }

    /// Does something with it, after which this process may have no more to do with it.
    fn unless_done(&self, act: impl FnOnce() -> bool) {
        let mut is_done = self.is_done.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_done {
            *is_done = act();
        }
    }

    fn draw_up(&self, id: u32) -> io::Result<()> {
        fs::write(&self.draft, format!("{id}\n"))
    }

    fn names_us(&self) -> bool {
        let ours = std::process::id().to_string();
        fs::read_to_string(&self.path).is_ok_and(|text| text.trim() == ours)
    }

    fn told(&self, outcome: io::Result<()>) {
        if let Err(error) = outcome {
            tracing::error!(%error, path = %self.path.display(), "the file with the process id could not be written");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("corelay-pid-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        directory
    }

    #[test]
    fn it_is_there_when_published_and_removed_only_by_its_own_process() {
        let directory = scratch("removed");
        let path = directory.join("pid");
        let file = PidFile::prepare(&path).unwrap();
        assert!(!path.exists(), "not before it is published");
        file.publish();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        file.remove();
        assert!(!path.exists());
        let file = PidFile::prepare(&path).unwrap();
        file.publish();
        fs::write(&path, "1\n").unwrap();
        file.remove();
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n", "another one's");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "no draft is left");
        fs::remove_dir_all(&directory).unwrap();
        assert!(PidFile::prepare(&path).is_err());
    }

    #[test]
    fn it_names_the_process_that_has_replaced_this_one_and_is_left_to_it() {
        let directory = scratch("handed-over");
        let path = directory.join("pid");
        let file = PidFile::prepare(&path).unwrap();
        file.publish();
        file.hand_over(7);
        assert_eq!(fs::read_to_string(&path).unwrap(), "7\n");
        file.publish();
        fs::write(&path, format!("{}\n", std::process::id())).unwrap();
        file.remove();
        assert!(path.exists(), "between a look and the removal it could become another one's");
        let file = PidFile::prepare(&path).unwrap();
        file.publish();
        fs::write(&path, "8\n").unwrap();
        file.hand_over(7);
        assert_eq!(fs::read_to_string(&path).unwrap(), "8\n", "that one has been replaced as well");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "no draft is left");
        fs::remove_dir_all(&directory).unwrap();
    }
}
