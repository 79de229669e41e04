//! A report as a file that other processes of the same user find: `memcalc top`, a script, a scraper.
//!
//! | module | what |
//! |---|---|
//! | `directory` | where: pure functions of a user and an environment; the checks of a directory |
//! | `read` | a report back out of its file, and who publishes |
//! | `error` | why not, with the remedy |
//!
//! The file is `PID.json` in `$XDG_RUNTIME_DIR/plimsoll`, or in `/tmp/plimsoll-UID` where there is no such variable.
//! The directory belongs to the user alone (mode 0700); one that does not is refused, and so is a link in its place. A
//! file is replaced as a whole by renaming: a reader sees the report before or the report after, never half of one. It
//! is removed when the [`Publisher`] is dropped; after a crash it stays, and readers tell it from the number and the
//! start time of the process.
//!
//! What it does not cover: other users (root may read everybody's), and a clock. Once a second is the caller's: a
//! `probe::Sampler` has the thread.

mod directory;
mod error;
mod read;

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

pub use directory::{own_directory, readable_directories};
pub use error::PublishError;
pub use read::{Publishing, publishing, read};

use super::data::Report;

/// Longer reports are neither written nor read.
pub const REPORT_MAX_BYTES: u64 = 16 << 20;

/// Writes the reports of this process. The file goes with it.
#[derive(Debug)]
#[must_use = "the report is removed where this is dropped"]
pub struct Publisher {
    path: PathBuf,
    fresh: PathBuf,
}

impl Publisher {
    /// A publisher of this process into a directory, which is made if it is not there (its parent must be).
    ///
    /// # Errors
    /// [`PublishError`]: the directory cannot be made, is no directory, belongs to somebody else, or is open to others.
    pub fn open(directory: &Path) -> Result<Self, PublishError> {
        directory::make(directory)?;
        let pid = std::process::id();
        Ok(Self { path: directory::file(directory, pid), fresh: directory.join(format!(".{pid}.json.new")) })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the report. Where this fails, the one before stays.
    ///
    /// # Errors
    /// [`PublishError`]: the file cannot be written, or the report is longer than [`REPORT_MAX_BYTES`].
    pub fn publish(&self, report: &Report) -> Result<(), PublishError> {
        let text = report.to_json();
        let bytes = text.len() as u64;
        if bytes > REPORT_MAX_BYTES {
            return Err(PublishError::TooLarge { path: self.path.clone(), bytes });
        }
        let failed =
            |error: io::Error| PublishError::Unwritable { path: self.path.clone(), why: error.to_string() };
        self.write(text.as_bytes()).map_err(failed)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        // what an earlier process of this number left there; `create_new` follows no link
        match fs::remove_file(&self.fresh) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.fresh)?;
        file.write_all(bytes)?;
        drop(file);
        fs::rename(&self.fresh, &self.path)
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // nobody is left to be told
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(&self.fresh);
    }
}
