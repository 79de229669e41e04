//! What a local folder can do that no other store can.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Links a file into the folder, durably. `false` where the file systems differ or know no links.
pub(super) fn link(from: &Path, folder: &Path, path: &str) -> io::Result<bool> {
    let to = folder.join(path);
    let parent = to.parent().ok_or(ErrorKind::InvalidInput)?;
    fs::create_dir_all(parent)?;
    // the bytes first: a name without its bytes must not survive a loss of power
    File::open(from)?.sync_all()?;
    match fs::hard_link(from, &to) {
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

/// Removes what `object_store` leaves of a file whose completion failed: `name#1` beside `name`. Names are
/// used once, so nobody else is writing there.
pub(super) fn remove_staged(path: &Path) {
    for number in 1..=8 {
        let mut staged = path.as_os_str().to_owned();
        staged.push(format!("#{number}"));
        let _ = fs::remove_file(Path::new(&staged));
    }
}
