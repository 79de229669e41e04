//! Where the files of a job's checkpoints stand, as in Flink: `{job}/{shared,taskowned,chk-N}`.

use super::CheckpointStorage;

/// The folders of one job. Names handed out are those of the storage; errors show the whole place.
#[derive(Debug, Clone)]
pub struct CheckpointDirectory {
    storage: CheckpointStorage,
    job: String,
}

impl CheckpointDirectory {
    /// The folders of a job.
    pub fn new(storage: CheckpointStorage, job: &str) -> Self {
        Self { storage, job: job.to_owned() }
    }

    /// The storage.
    pub fn storage(&self) -> &CheckpointStorage {
        &self.storage
    }

    /// The folder of the job.
    pub fn job(&self) -> &str {
        &self.job
    }

    /// Files that several checkpoints refer to.
    pub fn shared(&self) -> String {
        format!("{}/shared", self.job)
    }

    /// Files that the tasks remove themselves.
    pub fn task_owned(&self) -> String {
        format!("{}/taskowned", self.job)
    }

    /// Files of one checkpoint alone.
    pub fn exclusive(&self, checkpoint: u64) -> String {
        format!("{}/chk-{checkpoint}", self.job)
    }
}
