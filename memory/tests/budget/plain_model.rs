//! Random use of a budget, step by step beside a plain model of it.

use std::sync::Arc;

use plimsoll_memory::budget::{Owner, Pool, Reservation};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Reserve { owner: usize, bytes: u64 },
    Drop { at: usize },
    Grow { at: usize, bytes: u64 },
    Shrink { at: usize, part: f64 },
    Split { at: usize, part: f64 },
    Move { at: usize, owner: usize },
}

const LIMIT: u64 = 1 << 20;
/// Two slots, the second with less; and an owner that belongs to no slot.
const SLOTS: [u64; 3] = [LIMIT * 3 / 4, LIMIT / 2, LIMIT];

fn step() -> impl Strategy<Value = Step> {
    let bytes = prop_oneof![0..100_u64, 1..LIMIT / 2, Just(LIMIT)];
    let (at, owner) = (0..20_usize, 0..SLOTS.len());
    prop_oneof![
        4 => (owner.clone(), bytes.clone()).prop_map(|(owner, bytes)| Step::Reserve { owner, bytes }),
        2 => at.clone().prop_map(|at| Step::Drop { at }),
        1 => (at.clone(), bytes).prop_map(|(at, bytes)| Step::Grow { at, bytes }),
        1 => (at.clone(), 0.0..1.0).prop_map(|(at, part)| Step::Shrink { at, part }),
        1 => (at.clone(), 0.0..1.0).prop_map(|(at, part)| Step::Split { at, part }),
        1 => (at, owner).prop_map(|(at, owner)| Step::Move { at, owner }),
    ]
}

/// What each owner holds, and what it may.
#[derive(Default)]
struct Plain {
    held: [u64; SLOTS.len()],
}

impl Plain {
    fn fits(&self, owner: usize, bytes: u64) -> bool {
        let total: u64 = self.held.iter().sum();
        total + bytes <= LIMIT && self.held[owner] + bytes <= SLOTS[owner]
    }

    fn take(&mut self, owner: usize, bytes: u64) -> bool {
        let fits = self.fits(owner, bytes);
        if fits {
            self.held[owner] += bytes;
        }
        fits
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "any part does"
)]
fn part_of(bytes: u64, part: f64) -> u64 {
    ((bytes as f64 * part) as u64).min(bytes)
}

fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let pool = Pool::root("pool", LIMIT).unwrap();
    let owners: Vec<Arc<Owner>> = SLOTS
        .iter()
        .enumerate()
        .map(|(i, limit)| {
            pool.child(&format!("slot {i}"), *limit).unwrap().owner("owner").register().unwrap()
        })
        .collect();
    let index = |owner: &Owner| owners.iter().position(|other| std::ptr::eq(other.as_ref(), owner)).unwrap();
    let mut plain = Plain::default();
    let mut out: Vec<Reservation> = Vec::new();
    for step in steps {
        match step {
            Step::Reserve { owner, bytes } => {
                let got = owners[owner].try_reserve_shared(bytes);
                prop_assert_eq!(got.is_ok(), plain.take(owner, bytes));
                out.extend(got);
            }
            Step::Drop { at } if at < out.len() => {
                let gone = out.swap_remove(at);
                plain.held[index(gone.owner())] -= gone.bytes();
            }
            Step::Grow { at, bytes } if at < out.len() => {
                let owner = index(out[at].owner());
                prop_assert_eq!(out[at].try_grow(bytes).is_ok(), plain.take(owner, bytes));
            }
            Step::Shrink { at, part } if at < out.len() => {
                let bytes = part_of(out[at].bytes(), part);
                plain.held[index(out[at].owner())] -= bytes;
                out[at].shrink(bytes);
            }
            Step::Split { at, part } if at < out.len() => {
                let bytes = part_of(out[at].bytes(), part);
                let piece = out[at].split(bytes);
                out.push(piece);
            }
            Step::Move { at, owner } if at < out.len() => {
                let moving = out.swap_remove(at);
                let (from, bytes) = (index(moving.owner()), moving.bytes());
                plain.held[from] -= bytes;
                let fits = plain.take(owner, bytes);
                if !fits {
                    plain.held[from] += bytes;
                }
                let moved = moving.move_to(Arc::clone(&owners[owner]));
                prop_assert_eq!(moved.is_ok(), fits);
                out.push(moved.unwrap_or_else(|(stayed, _)| stayed));
            }
            _ => {}
        }
        let held: Vec<u64> = owners.iter().map(|owner| owner.held_bytes()).collect();
        prop_assert_eq!(&held[..], &plain.held[..]);
        let usage = pool.usage();
        prop_assert_eq!(usage.held_bytes, plain.held.iter().sum::<u64>());
        prop_assert!(usage.granted_bytes <= LIMIT && usage.granted_bytes >= usage.held_bytes);
    }
    drop(out);
    prop_assert!(pool.verify_empty().is_ok());
    drop(owners);
    prop_assert_eq!(pool.usage().granted_bytes, 0);
    prop_assert_eq!(pool.over_releases(), 0);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn a_budget_is_a_sum_that_refuses(steps in prop::collection::vec(step(), 1..60)) {
        run(steps)?;
    }
}
