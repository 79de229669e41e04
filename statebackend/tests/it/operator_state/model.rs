//! Random writes, snapshots and restores at changing parallelisms, beside plain lists and maps.

use std::collections::BTreeMap;

use plimsoll_statebackend::operator::{OperatorStateHandle, PendingOperatorSnapshot, repartition};

use super::{SLOT_BYTES, Task, request, text};
use crate::snapshot_samples::Random;
use crate::support::Place;

/// What a subtask should have.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    split: Vec<String>,
    union: Vec<i64>,
    rules: BTreeMap<String, i64>,
}

impl Model {
    fn assert_is(&self, task: &Task, when: &str) {
        assert_eq!(task.split.get().unwrap(), self.split, "{when}");
        assert_eq!(task.split.len().unwrap(), self.split.len(), "{when}");
        assert_eq!(task.union.get().unwrap(), self.union, "{when}");
        let entries = task.rules.entries().unwrap();
        assert_eq!(entries.len(), self.rules.len(), "{when}");
        assert_eq!(task.rules.len().unwrap(), self.rules.len(), "{when}");
        assert_eq!(entries.into_iter().collect::<BTreeMap<_, _>>(), self.rules, "{when}");
    }
}

/// A write to the lists of one subtask.
fn write(random: &mut Random, task: &Task, model: &mut Model) {
    let fresh = |random: &mut Random| text(random.next());
    match random.below(8) {
        0..=2 => {
            let element = fresh(random);
            task.split.add(&element).unwrap();
            model.split.push(element);
        }
        3 => {
            let elements: Vec<String> = (0..random.below(300)).map(|_| fresh(random)).collect();
            task.split.add_all(&elements).unwrap();
            model.split.extend(elements);
        }
        4 => {
            let elements: Vec<String> = (0..random.below(30)).map(|_| fresh(random)).collect();
            task.split.update(&elements).unwrap();
            model.split = elements;
        }
        5 if random.below(4) == 0 => {
            task.split.clear().unwrap();
            model.split.clear();
        }
        _ => {
            let element = i64::try_from(random.below(1_000)).unwrap();
            if model.union.len() > 50 {
                task.union.update(&[element]).unwrap();
                model.union = vec![element];
            } else {
                task.union.add(&element).unwrap();
                model.union.push(element);
            }
        }
    }
}

/// A write to the broadcast state of all subtasks, as a program does it.
fn broadcast(random: &mut Random, tasks: &[Task], models: &mut [Model]) {
    let (key, value) = (text(random.below(200)), i64::try_from(random.below(9_000)).unwrap());
    let what = random.below(40);
    for (task, model) in tasks.iter().zip(models) {
        assert_eq!(task.rules.get(&key).unwrap(), model.rules.get(&key).copied());
        match what {
            0 => {
                task.rules.clear().unwrap();
                model.rules.clear();
            }
            1..=12 => {
                task.rules.remove(&key).unwrap();
                model.rules.remove(&key);
            }
            _ => {
                task.rules.put(&key, &value).unwrap();
                model.rules.insert(key.clone(), value);
            }
        }
    }
}

/// What subtasks should have after a restore: split elements are checked and taken as they were dealt.
fn restored(before: &[Model], tasks: &[Task], when: &str) -> Vec<Model> {
    let sorted = |mut elements: Vec<String>| {
        elements.sort();
        elements
    };
    let dealt: Vec<Vec<String>> = tasks.iter().map(|task| task.split.get().unwrap()).collect();
    let old = sorted(before.iter().flat_map(|model| model.split.clone()).collect());
    assert_eq!(sorted(dealt.concat()), old, "{when}");
    if before.len() == tasks.len() {
        assert!(dealt.iter().zip(before).all(|(dealt, model)| *dealt == model.split), "{when}");
    }
    let union: Vec<i64> = before.iter().flat_map(|model| model.union.clone()).collect();
    let model = |split| Model { split, union: union.clone(), rules: before[0].rules.clone() };
    dealt.into_iter().map(model).collect()
}

fn run(seed: u64) {
    println!("seed {seed}");
    let mut random = Random(seed);
    let place = Place::new(SLOT_BYTES);
    let mut tasks = vec![Task::open(&place, 0, "0", &[]).unwrap()];
    let mut models = vec![Model::default()];
    let mut pending: Option<(Vec<PendingOperatorSnapshot>, Vec<Model>)> = None;
    let mut restores = 0;
    for step in 0..400_u64 {
        let when = format!("seed {seed}, step {step}");
        match random.below(20) {
            0 => {
                let inline = random.below(2) << 20;
                let snapshot =
                    |task: &mut Task| task.backend.snapshot(&request(&place, step, inline)).unwrap();
                pending = Some((tasks.iter_mut().map(snapshot).collect(), models.clone()));
            }
            1 => {
                let Some((snapshots, before)) = pending.take() else { continue };
                let run = |snapshot: PendingOperatorSnapshot| vec![snapshot.run().unwrap().handle];
                let handles: Vec<Vec<OperatorStateHandle>> = snapshots.into_iter().map(run).collect();
                let now = if random.below(3) == 0 { handles.len() } else { 1 + random.below(6) };
                let [old, new] = [handles.len(), now].map(|count| u32::try_from(count).unwrap());
                let shares = repartition(&handles, old, new).unwrap();
                let open =
                    |(at, share): (usize, &Vec<_>)| Task::open(&place, at, &step.to_string(), share).unwrap();
                tasks = shares.iter().enumerate().map(open).collect();
                models = restored(&before, &tasks, &when);
                restores += 1;
            }
            2..=7 => broadcast(&mut random, &tasks, &mut models),
            _ => {
                let at = random.below(tasks.len());
                write(&mut random, &tasks[at], &mut models[at]);
            }
        }
        if step % 16 == 0 {
            models.iter().zip(&tasks).for_each(|(model, task)| model.assert_is(task, &when));
        }
    }
    models.iter().zip(&tasks).for_each(|(model, task)| model.assert_is(task, "at the end"));
    assert!(restores > 0, "seed {seed} restores");
}

#[test]
fn random_histories_beside_plain_collections() {
    for seed in 1..=60 {
        run(seed);
    }
}
