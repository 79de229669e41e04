//! What a local folder can do that no other store can.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Links a file into the folder, durably. `false` where the file systems differ or know no links.
pub(super) fn link(from: &Path, folder: &Path, path: &str) -> io::Result<bool> {
    let to = folder.join(path);
    let parent = to.parent().ok_or(ErrorKind::InvalidInput)?;
    // the bytes first: a name without its bytes must not survive a loss of power
    File::open(from)?.sync_all()?;
    let mut attempts = 0;
    let linked = loop {
        fs::create_dir_all(parent)?;
        match fs::hard_link(from, &to) {
            // somebody has removed the folder, which was empty
            Err(error) if error.kind() == ErrorKind::NotFound && from.exists() && attempts < 8 => {
                attempts += 1;
            }
            linked => break linked,
        }
    };
    match linked {
        Ok(()) => {}
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::CrossesDevices
                    | ErrorKind::Unsupported
                    | ErrorKind::PermissionDenied
                    | ErrorKind::TooManyLinks
            ) =>
        {
            return Ok(false);
        }
        Err(error) => return Err(error),
    }
    let synced = sync_folders(parent, folder);
    if synced.is_err() {
        let _ = fs::remove_file(&to);
    }
    synced.map(|()| true)
}

/// Syncs a folder and those above it up to the root, which may all be new.
fn sync_folders(mut folder: &Path, root: &Path) -> io::Result<()> {
    loop {
        File::open(folder)?.sync_all()?;
        match folder.parent() {
            Some(above) if folder != root => folder = above,
            _ => return Ok(()),
        }
    }
}

/// Removes what `object_store` leaves of a file whose completion failed, `name#1` beside `name`, and the
/// folders that are empty then. Names are used once, so nobody else is writing there.
pub(super) fn remove_staged(root: &Path, path: &str) {
    for number in 1..=8 {
        let _ = fs::remove_file(root.join(format!("{path}#{number}")));
    }
    remove_empty(root, root.join(path).parent());
}

/// Removes a folder and those above it, as long as they are empty.
fn remove_empty(root: &Path, mut folder: Option<&Path>) {
    while let Some(path) = folder.filter(|path| *path != root) {
        if fs::remove_dir(path).is_err() {
            return;
        }
        folder = path.parent();
    }
}

/// Removes all unfinished files below a folder, and says how many there were.
pub(super) fn sweep(root: &Path, folder: &Path) -> io::Result<u64> {
    let mut removed = 0;
    let mut open = vec![folder.to_owned()];
    let mut seen = Vec::new();
    while let Some(folder) = open.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            } else if is_staged(&entry.file_name().to_string_lossy()) {
                fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
        seen.push(folder);
    }
    // the deepest first
    for folder in seen.iter().rev() {
        remove_empty(root, Some(folder));
    }
    Ok(removed)
}

/// Whether `object_store` gives such names to unfinished files; finished ones have none with a `#`.
fn is_staged(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()))
}
