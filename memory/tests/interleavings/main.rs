//! Every interleaving of the three counters of an account, in small scenes, by a model checker.
//!
//! The claim of the account's page: whoever was told yes is within the credit, whatever the ledger withdraws meanwhile.

#![cfg(feature = "enforce")]
#![expect(clippy::unwrap_used, reason = "a test")]

/// The checker's atomics under the names that the account uses.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
}

#[path = "../../src/budget/account.rs"]
mod account;

use account::Account;
use loom::sync::{Arc, Mutex};
use loom::thread;

/// All orders with at most three switches that no thread asked for: more find nothing new in scenes of two steps, and
/// take hours.
fn every_order(scene: impl Fn() + Send + Sync + 'static) {
    let mut explorer = loom::model::Builder::new();
    explorer.preemption_bound = Some(3);
    explorer.check(scene);
}

/// What the ledger has: under a lock, as there.
struct Scene {
    account: Account,
    free: Mutex<u64>,
}

impl Scene {
    fn new(granted: u64) -> Arc<Self> {
        let account = Account::default();
        account.grant(granted);
        Arc::new(Self { account, free: Mutex::new(0) })
    }

    fn withdraw(&self) {
        let mut free = self.free.lock().unwrap();
        *free += self.account.withdraw(0, 0);
    }

    /// At rest: nothing beyond the credit is out, and no byte of it was lost or made.
    fn assert_balanced(&self, used: u64, total: u64) {
        assert_eq!(self.account.used(), used);
        assert!(self.account.used() <= self.account.granted());
        assert_eq!(self.account.granted() + *self.free.lock().unwrap(), total);
    }
}

#[test]
fn two_takers_and_a_withdrawal() {
    every_order(|| {
        let scene = Scene::new(10);
        let takers = [6, 5].map(|bytes| {
            let scene = Arc::clone(&scene);
            thread::spawn(move || if scene.account.try_take(bytes) { bytes } else { 0 })
        });
        scene.withdraw();
        let taken: u64 = takers.into_iter().map(|taker| taker.join().unwrap()).sum();
        assert!(taken <= 10, "{taken} taken out of 10");
        scene.assert_balanced(taken, 10);
    });
}

#[test]
fn a_taker_that_gives_back_and_a_withdrawal() {
    every_order(|| {
        let scene = Scene::new(8);
        let taker = {
            let scene = Arc::clone(&scene);
            thread::spawn(move || {
                if scene.account.try_take(8) {
                    scene.account.give(3).unwrap();
                    return 5;
                }
                0
            })
        };
        scene.withdraw();
        let got = taker.join().unwrap();
        scene.withdraw();
        scene.assert_balanced(got, 8);
        assert_eq!(scene.account.granted(), got);
    });
}

#[test]
fn bytes_received_cannot_be_taken_by_another() {
    every_order(|| {
        let scene = Scene::new(0);
        let thief = {
            let scene = Arc::clone(&scene);
            thread::spawn(move || scene.account.try_take(4))
        };
        scene.account.receive(4);
        assert!(!thief.join().unwrap(), "the bytes of one were taken by another");
        scene.assert_balanced(4, 4);
    });
}

#[test]
fn bytes_handed_over_leave_with_their_credit() {
    every_order(|| {
        let scene = Scene::new(4);
        assert!(scene.account.try_take(4));
        let thief = {
            let scene = Arc::clone(&scene);
            thread::spawn(move || scene.account.try_take(2))
        };
        scene.account.hand_over(3).unwrap();
        assert!(!thief.join().unwrap(), "credit that was handed over was taken");
        scene.assert_balanced(1, 1);
    });
}

#[test]
fn takes_what_was_granted_and_no_more() {
    every_order(|| {
        let account = Account::default();
        assert!(!account.try_take(1));
        account.grant(10);
        assert!(account.try_take(7));
        assert!(!account.try_take(4));
        assert!(account.try_take(3));
        assert_eq!(account.give(4), Ok(4));
        assert_eq!(account.give(7), Err(account::OverRelease { held_bytes: 6 }));
        assert_eq!((account.used(), account.granted(), account.peak()), (6, 10, 10));
        assert!(!account.try_take(u64::MAX));
    });
}

#[test]
fn withdraws_only_what_is_unused_above_the_floor() {
    every_order(|| {
        let account = Account::default();
        account.grant(100);
        assert!(account.try_take(30));
        assert_eq!(account.withdraw(0, 20), 50);
        assert_eq!(account.granted(), 50);
        assert_eq!(account.withdraw(45, 0), 5);
        assert_eq!(account.withdraw(45, 0), 0);
        assert_eq!(account.withdraw(0, 0), 15);
        assert_eq!((account.used(), account.granted()), (30, 30));
    });
}

#[test]
fn moves_bytes_with_their_credit() {
    every_order(|| {
        let (from, to) = (Account::default(), Account::default());
        from.grant(10);
        assert!(from.try_take(8));
        assert_eq!(from.hand_over(9), Err(account::OverRelease { held_bytes: 8 }));
        assert_eq!(from.granted(), 10);
        assert_eq!(from.hand_over(5), Ok(()));
        to.receive(5);
        assert_eq!((from.used(), from.granted()), (3, 5));
        assert_eq!((to.used(), to.granted(), to.peak()), (5, 5, 5));
    });
}
