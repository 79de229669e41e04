//! A report back out of its file.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::super::data::{Process, Report, Role};
use super::super::proc;
use super::error::PublishError;
use super::{REPORT_MAX_BYTES, directory};

/// A process that publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publishing {
    /// Its number.
    pub pid: u32,
    /// Its name.
    pub name: String,
}

/// The report of a running process of a user; `None`: it publishes none there.
///
/// # Errors
/// [`PublishError`]: the directory or the file is not to be trusted, too long, no report, or of an earlier process.
pub fn read(directory: &Path, process: &Process, user: u32) -> Result<Option<Report>, PublishError> {
    if fs::symlink_metadata(directory).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(None);
    }
    directory::check(directory, user)?;
    let path = directory::file(directory, process.pid);
    let Some(bytes) = bounded(&path, user)? else { return Ok(None) };
    let report =
        Report::from_json(&bytes).map_err(|error| PublishError::Malformed { path: path.clone(), error })?;
    let same = report.process.pid == process.pid && report.process.started_ticks == process.started_ticks;
    if same { Ok(Some(report)) } else { Err(PublishError::Stale { path, pid: process.pid }) }
}

/// The bytes of a file, if it is one, the user's, and no longer than a report; no link is followed, nothing blocks.
fn bounded(path: &Path, user: u32) -> Result<Option<Vec<u8>>, PublishError> {
    let failed = |why: String| PublishError::Unreadable { path: path.to_owned(), why };
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            return Err(PublishError::NotAFile { path: path.to_owned() });
        }
        Err(error) => return Err(failed(error.to_string())),
    };
    let found = file.metadata().map_err(|error| failed(error.to_string()))?;
    if !found.is_file() {
        return Err(PublishError::NotAFile { path: path.to_owned() });
    }
    if found.uid() != user {
        return Err(PublishError::Foreign { path: path.to_owned(), owner: found.uid(), user });
    }
    let mut bytes = Vec::new();
    file.by_ref()
        .take(REPORT_MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > REPORT_MAX_BYTES {
        return Err(PublishError::TooLarge { path: path.to_owned(), bytes: found.len() });
    }
    Ok(Some(bytes))
}

/// The running processes of a user that publish in these directories, by number. What cannot be read is left out.
pub fn publishing(directories: &[PathBuf], user: u32) -> Vec<Publishing> {
    let mut found = Vec::new();
    for directory in directories.iter().filter(|directory| directory::check(directory, user).is_ok()) {
        let Ok(entries) = fs::read_dir(directory) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let pid = name.to_str().and_then(|name| name.strip_suffix(".json")?.parse::<u32>().ok());
            let process = pid.and_then(|pid| proc::process(pid, Role::Other).ok().flatten());
            let Some(process) = process else { continue };
            if matches!(read(directory, &process, user), Ok(Some(_))) {
                found.push(Publishing { pid: process.pid, name: process.name });
            }
        }
    }
    found.sort_by_key(|publishing| publishing.pid);
    found.dedup_by_key(|publishing| publishing.pid);
    found
}
