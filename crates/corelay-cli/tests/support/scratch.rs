//! A directory of one test's own, removed with it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The directory. Its path is short: a Unix socket's path has at most 107 bytes (unix(7)).
pub(crate) struct Scratch {
    directory: PathBuf,
}

impl Scratch {
    /// A new empty directory.
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("corelay-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).expect("the temporary directory is writable");
        Self { directory }
    }

    /// The path of a file in it, which need not exist.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.join(name)
    }

    /// Writes a file in it and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("the directory is writable");
        path
    }

    /// Writes a program in it, in the place of whatever has this name: a process that runs that goes on.
    pub(crate) fn write_program(&self, name: &str, text: &str) {
        let new = self.write(&format!("{name}.new"), text);
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).expect("the file is ours");
        fs::rename(&new, self.path(name)).expect("the directory is writable");
    }

    /// Puts the binary in the place of whatever has this name.
    pub(crate) fn link_program(&self, name: &str) {
        let new = self.path(format!("{name}.new"));
        symlink(env!("CARGO_BIN_EXE_corelay"), &new).expect("the directory is writable");
        fs::rename(&new, self.path(name)).expect("the directory is writable");
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}
