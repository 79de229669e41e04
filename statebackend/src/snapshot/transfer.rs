//! Carrying many files at once.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::incremental::{LocalFile, Transfer, is_shared};
use super::storage::{CheckpointStorage, Stored};
use crate::StateError;

/// Uploads files, each to its path; all of them or none.
pub(super) fn upload(
    storage: &CheckpointStorage,
    jobs: &[(&LocalFile, String)],
    transfer: Transfer<'_>,
) -> Result<Vec<Stored>, StateError> {
    let done = each(jobs, transfer, |(file, path)| {
        let go_on = || transfer.check(path);
        // files that change are copied: a link would change with them
        let stored = if transfer.link && is_shared(&file.name) {
            go_on()?;
            storage.link_or_copy(&file.path, path)?
        } else {
            storage.upload_file_while(&file.path, path, go_on)?
        };
        if stored.bytes != file.bytes {
            let _ = storage.remove(path);
            let what = format!("it has {} bytes, {} were to be uploaded", stored.bytes, file.bytes);
            return Err(StateError::corrupt(file.path.display().to_string(), what));
        }
        Ok(stored)
    });
    match done {
        (done, None) => Ok(done),
        (done, Some(error)) => {
            for stored in &done {
                let _ = storage.remove(&stored.path);
            }
            Err(error)
        }
    }
}

/// Downloads files, each to its path; all of them or none.
pub(super) fn download(
    storage: &CheckpointStorage,
    jobs: &[(Stored, PathBuf)],
    transfer: Transfer<'_>,
) -> Result<(), StateError> {
    let (_, error) = each(jobs, transfer, |(stored, local)| {
        storage.download_while(stored, local, || transfer.check(&stored.path))
    });
    let Some(error) = error else { return Ok(()) };
    for (_, local) in jobs {
        let _ = fs::remove_file(local);
    }
    Err(error)
}

/// Does all jobs on a few threads. After the first error no more are begun. Answers are in the order of the
/// jobs.
fn each<J: Sync, T: Send>(
    jobs: &[J],
    transfer: Transfer<'_>,
    work: impl Fn(&J) -> Result<T, StateError> + Sync,
) -> (Vec<T>, Option<StateError>) {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let failed = Mutex::new(None);
    let run = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(at) else { return };
            match work(job) {
                Ok(answer) => done.lock().unwrap_or_else(PoisonError::into_inner).push((at, answer)),
                Err(error) => {
                    next.store(jobs.len(), Ordering::Relaxed);
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    return;
                }
            }
        }
    };
    thread::scope(|scope| {
        // this thread is one of them; where no other can be had, it does all
        for _ in 1..transfer.threads.min(jobs.len()) {
            if thread::Builder::new().name("transfer".to_owned()).spawn_scoped(scope, run).is_err() {
                break;
            }
        }
        run();
    });
    let mut answers: Vec<(usize, T)> = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    answers.sort_unstable_by_key(|(at, _)| *at);
    let error = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    (answers.into_iter().map(|(_, answer)| answer).collect(), error)
}
