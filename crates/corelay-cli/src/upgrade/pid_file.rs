//! The file with the id of the process that serves.
//!
//! It is written when this process serves, and after an upgrade when it serves alone: until then the old process may still go on. It is
//! put in its place as a whole, and removed at the end unless another process has put its own there, or is about to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The file, of this process.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
    /// Written already, beside it: that it can be written is known before the server serves.
    draft: PathBuf,
    /// Another process puts its own there: to look whose it is and then to remove it could remove that one.
    is_anothers: AtomicBool,
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
        fs::write(&draft, format!("{id}\n"))?;
        Ok(Self { path, draft, is_anothers: AtomicBool::new(false) })
    }

    /// Puts it in its place.
    pub(crate) fn publish(&self) {
        if let Err(error) = fs::rename(&self.draft, &self.path) {
            tracing::error!(%error, path = %self.path.display(), "the file with the process id could not be written");
        }
    }

    /// Leaves it to the process that has replaced this one.
    pub(crate) fn leave(&self) {
        self.is_anothers.store(true, Ordering::Relaxed);
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.draft);
        if *self.is_anothers.get_mut() {
            return;
        }
        let ours = std::process::id().to_string();
        if fs::read_to_string(&self.path).is_ok_and(|text| text.trim() == ours) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    #[test]
    fn it_is_there_when_published_and_removed_only_by_its_own_process() {
        let directory = std::env::temp_dir().join(format!("corelay-pid-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join("pid");
        let file = PidFile::prepare(&path).unwrap();
        assert!(!path.exists(), "not before it is published");
        file.publish();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        drop(file);
        assert!(!path.exists());
        let file = PidFile::prepare(&path).unwrap();
        file.publish();
        fs::write(&path, "1\n").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n", "another one's");
        let file = PidFile::prepare(&path).unwrap();
        file.publish();
        file.leave();
        drop(file);
        assert!(path.exists(), "the other process may have put its own there meanwhile");
        fs::remove_file(&path).unwrap();
        let file = PidFile::prepare(&path).unwrap();
        drop(file);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0, "no draft is left");
        fs::remove_dir_all(&directory).unwrap();
        assert!(PidFile::prepare(&path).is_err());
    }
}
