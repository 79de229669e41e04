//! The steps of the register.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Entry, Event, FileKey, FileReference, SharedRegistry};

impl SharedRegistry {
    /// Takes an event and says what to do. Deletions may be carried out at any time later, in any order.
    pub fn step(&mut self, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Begin { checkpoint } => {
                if self.retained.contains_key(&checkpoint) {
                    return reject(checkpoint, "it is retained already");
                }
                self.pending.insert(checkpoint);
            }
            Event::Complete { checkpoint, files } => {
                if let Some(why) = self.objection(checkpoint, &files) {
                    return reject(checkpoint, &why);
                }
                self.complete(checkpoint, files, &mut actions);
                self.end(checkpoint, &mut actions);
            }
            Event::Abort { checkpoint } => self.end(checkpoint, &mut actions),
            Event::Discard { files } => self.discard(files, &mut actions),
            Event::Drop { checkpoint } => {
                let Some(files) = self.retained.remove(&checkpoint) else {
                    return reject(checkpoint, "it is not retained");
                };
                for key in files {
                    self.release(&key, &mut actions);
                }
            }
            Event::Restore { checkpoint, files, claim } => {
                if self.retained.contains_key(&checkpoint) {
                    return reject(checkpoint, "it is retained already");
                }
                self.restore(checkpoint, files, claim);
            }
        }
        actions
    }

    /// Why a checkpoint cannot complete.
    fn objection(&self, checkpoint: u64, files: &[FileReference]) -> Option<String> {
        if self.retained.contains_key(&checkpoint) {
            return Some("it is retained already".to_owned());
        }
        // which file is uploaded where, by this checkpoint
        let mut uploaded = BTreeMap::new();
        for FileReference { key, path, fresh } in files {
            if *fresh {
                let there = self.places.get(path).or_else(|| uploaded.insert(path, key));
                if there.is_some_and(|there| there != key) {
                    return Some(format!("it has uploaded two files to {path}"));
                }
            } else if !self.files.contains_key(key) {
                let FileKey { backend, name, .. } = key;
                return Some(format!(
                    "it refers to {name} of {backend} at {path}, which no retained checkpoint has: a task \
                     must refer to files of checkpoints alone whose completion it was told"
                ));
            }
        }
        None
    }

    fn complete(&mut self, checkpoint: u64, files: Vec<FileReference>, actions: &mut Vec<Action>) {
        let mut retained = BTreeSet::new();
        for FileReference { key, path, fresh } in files {
            match self.files.get(&key) {
                None => self.insert(key.clone(), path, true),
                Some(entry) if entry.path != path => {
                    let kept = entry.path.clone();
                    if fresh {
                        actions.push(Action::Delete { path });
                    }
                    actions.push(Action::Refer { checkpoint, key: key.clone(), path: kept });
                }
                Some(_) => {}
            }
            self.refer(&mut retained, key);
        }
        self.retained.insert(checkpoint, retained);
    }

    fn discard(&mut self, files: Vec<FileReference>, actions: &mut Vec<Action>) {
        for FileReference { path, fresh, .. } in files {
            // what was registered after all belongs to the checkpoint that did it
            if fresh && !self.places.contains_key(&path) {
                actions.push(Action::Delete { path });
            }
        }
    }

    fn restore(&mut self, checkpoint: u64, files: Vec<FileReference>, claim: bool) {
        let mut retained = BTreeSet::new();
        for FileReference { key, path, .. } in files {
            // stored handles name this very copy, so it stays beside another one that is known already
            let key = match (self.places.get(&path), self.files.contains_key(&key)) {
                (Some(there), _) => there.clone(),
                (None, false) => key,
                (None, true) => FileKey { name: format!("{} at {path}", key.name), ..key },
            };
            match self.files.get_mut(&key) {
                None => self.insert(key.clone(), path, claim),
                // what anybody has lent us is not ours
                Some(entry) => entry.ours &= claim,
            }
            self.refer(&mut retained, key);
        }
        self.retained.insert(checkpoint, retained);
    }

    fn insert(&mut self, key: FileKey, path: String, ours: bool) {
        self.places.insert(path.clone(), key.clone());
        self.files.insert(key, Entry { path, ours, references: 0, waiting: BTreeSet::new() });
    }

    fn refer(&mut self, retained: &mut BTreeSet<FileKey>, key: FileKey) {
        let entry = self.files.get_mut(&key).expect("it was looked up or put there");
        if retained.insert(key) {
            entry.references += 1;
            entry.waiting.clear();
        }
    }

    fn release(&mut self, key: &FileKey, actions: &mut Vec<Action>) {
        let entry = self.files.get_mut(key).expect("retained checkpoints refer to known files");
        entry.references -= 1;
        if entry.references == 0 {
            entry.waiting.clone_from(&self.pending);
            self.delete_unless_waiting(key, actions);
        }
    }

    fn delete_unless_waiting(&mut self, key: &FileKey, actions: &mut Vec<Action>) {
        let entry = &self.files[key];
        if entry.references == 0 && entry.waiting.is_empty() {
            let entry = self.files.remove(key).expect("it was just looked at");
            self.places.remove(&entry.path);
            if entry.ours {
                actions.push(Action::Delete { path: entry.path });
            }
        }
    }

    /// A checkpoint is under way no more.
    fn end(&mut self, checkpoint: u64, actions: &mut Vec<Action>) {
        if !self.pending.remove(&checkpoint) {
            return;
        }
        let waited = self.files.iter_mut().filter_map(|(key, entry)| {
            let was_last = entry.waiting.remove(&checkpoint) && entry.waiting.is_empty();
            was_last.then(|| key.clone())
        });
        for key in waited.collect::<Vec<_>>() {
            self.delete_unless_waiting(&key, actions);
        }
    }
}

fn reject(checkpoint: u64, why: &str) -> Vec<Action> {
    vec![Action::Reject { checkpoint, why: format!("checkpoint {checkpoint}: {why}") }]
}
