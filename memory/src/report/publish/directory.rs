//! Where reports stand, and whether that place is safe.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::super::proc;
use super::error::PublishError;

/// Bits that nobody but the owner may have.
const OTHERS: u32 = 0o077;

/// Where a process of this user publishes: below `XDG_RUNTIME_DIR` where that is set to an absolute path, else in
/// `/tmp`.
pub fn own_directory(xdg_runtime_dir: Option<&OsStr>, user: u32) -> PathBuf {
    match xdg_runtime_dir.map(Path::new).filter(|path| path.is_absolute()) {
        Some(path) => path.join("plimsoll"),
        None => PathBuf::from(format!("/tmp/plimsoll-{user}")),
    }
}

/// Where the reports of a user's processes may stand, as seen by a process of the user `own`: a daemon has not always
/// the environment of a login.
pub fn readable_directories(xdg_runtime_dir: Option<&OsStr>, own: u32, user: u32) -> Vec<PathBuf> {
    let mut directories = Vec::new();
    if own == user {
        directories.push(own_directory(xdg_runtime_dir, user));
    }
    for path in [PathBuf::from(format!("/run/user/{user}/plimsoll")), own_directory(None, user)] {
        if !directories.contains(&path) {
            directories.push(path);
        }
    }
    directories
}

pub(super) fn file(directory: &Path, pid: u32) -> PathBuf {
    directory.join(format!("{pid}.json"))
}

/// Makes the directory, or takes the one that is there, if it is safe.
pub(super) fn make(directory: &Path) -> Result<(), PublishError> {
    let failed = |why: String| PublishError::Directory { path: directory.to_owned(), why };
    let user =
        proc::own_user().map_err(|error| failed(format!("whose process this is cannot be told: {error}")))?;
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error.to_string())),
        _ => {}
    }
    check(directory, user)
}

/// That the directory is one, is the user's, and the user's alone. A link is none of these.
pub(super) fn check(directory: &Path, user: u32) -> Result<(), PublishError> {
    let path = || directory.to_owned();
    let found = fs::symlink_metadata(directory)
        .map_err(|error| PublishError::Directory { path: path(), why: error.to_string() })?;
    if !found.is_dir() {
        return Err(PublishError::NotADirectory { path: path() });
    }
    if found.uid() != user {
        return Err(PublishError::Foreign { path: path(), owner: found.uid(), user });
    }
    if found.mode() & OTHERS != 0 {
        return Err(PublishError::Open { path: path(), mode: found.mode() & 0o7777 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_reports_stand() {
        let own = |xdg: Option<&str>| own_directory(xdg.map(OsStr::new), 1000);
        assert_eq!(own(Some("/run/user/1000")), Path::new("/run/user/1000/plimsoll"));
        for no_path in [None, Some(""), Some("relative/path")] {
            assert_eq!(own(no_path), Path::new("/tmp/plimsoll-1000"));
        }
        let readable = |xdg: Option<&str>, own| -> Vec<String> {
            let paths = readable_directories(xdg.map(OsStr::new), own, 1000);
            paths.into_iter().map(|path| path.to_str().unwrap().to_owned()).collect()
        };
        assert_eq!(readable(Some("/run/user/1000"), 1000), ["/run/user/1000/plimsoll", "/tmp/plimsoll-1000"]);
        assert_eq!(
            readable(Some("/x"), 1000),
            ["/x/plimsoll", "/run/user/1000/plimsoll", "/tmp/plimsoll-1000"]
        );
        // root's own directory is not where another user's process publishes
        assert_eq!(readable(Some("/run/user/0"), 0), ["/run/user/1000/plimsoll", "/tmp/plimsoll-1000"]);
    }
}
