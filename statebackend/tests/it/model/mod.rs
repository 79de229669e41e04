//! State machines of all kinds of state: every step on every backend answers as the plain maps do, with snapshots that
//! are written later or beside the steps that follow, with restores by other backends and other parallelisms, and with
//! so little room for hot entries that they give way all the time.
//!
//! `PLIMSOLL_CASES` sets the number of histories, `PLIMSOLL_SEED` repeats a run.

mod reference;
#[expect(
    clippy::ptr_arg,
    clippy::type_complexity,
    clippy::needless_for_each,
    reason = "the state's own types, and one line for each of them"
)]
mod system;

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::Ordering;

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};

use reference::Reference;
use system::{STEPS, System};

const CASES: u32 = 42;
const STEPS_OF_A_CASE: usize = 2_500;

#[test]
fn every_state_on_every_backend_is_a_plain_map() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let cases = number("PLIMSOLL_CASES").map_or(CASES, |cases| u32::try_from(cases).unwrap());
    let seed = number("PLIMSOLL_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    let config = Config { cases, max_shrink_iters: 400, failure_persistence: None, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config.clone(), random);
    let histories = Reference::sequential_strategy(STEPS_OF_A_CASE..STEPS_OF_A_CASE + 1);
    let run = runner.run(&histories, |(first, transitions, seen)| {
        System::test_sequential(config.clone(), first, transitions, seen);
        Ok(())
    });
    if let Err(error) = run {
        panic!("PLIMSOLL_SEED={seed}: {error}");
    }
    let steps = STEPS.load(Ordering::Relaxed);
    println!("{steps} operations");
    assert!(steps >= 100_000 || cases < CASES, "{steps}");
}
