//! A full pool asks its owners in a fixed order, and nobody in vain.

use std::sync::{Arc, Mutex};

use plimsoll_memory::budget::{Pool, Stage};

use crate::{Giving, MIB};

#[test]
fn caches_before_spills_and_the_largest_first() {
    let pool = Pool::root("pool", 100 * MIB).unwrap();
    let journal = Arc::default();
    let held = [
        ("small cache", Stage::Cache, 5),
        ("spill", Stage::Spill, 50),
        ("large cache", Stage::Cache, 20),
        ("b: as large", Stage::Cache, 10),
        ("a: as large", Stage::Cache, 10),
    ]
    .map(|(name, stage, mebibytes)| {
        let giving = Giving::new(&pool, name, stage, 0, &journal);
        (0..mebibytes).for_each(|_| giving.hold(MIB));
        giving
    });
    let asking = pool.owner("asking").register().unwrap();
    // 5 MiB are free; the caches have 45, the spill must give 10 of its 50
    let got = asking.try_reserve(60 * MIB).unwrap();
    assert_eq!(
        *journal.lock().unwrap(),
        ["large cache", "a: as large", "b: as large", "small cache", "spill"]
    );
    let left = held.each_ref().map(|giving| giving.owner.held_bytes() / MIB);
    assert_eq!(left, [0, 40, 0, 0, 0]);
    drop(got);
}

#[test]
fn nobody_is_asked_for_more_than_is_missing() {
    let pool = Pool::root("pool", 10 * MIB).unwrap();
    let journal = Arc::default();
    let one = Giving::new(&pool, "one", Stage::Cache, 0, &journal);
    let two = Giving::new(&pool, "two", Stage::Cache, 0, &journal);
    (0..6).for_each(|_| one.hold(MIB));
    (0..4).for_each(|_| two.hold(MIB));
    let asking = pool.owner("asking").register().unwrap();
    let got = asking.try_reserve(2 * MIB).unwrap();
    assert_eq!(*journal.lock().unwrap(), ["one"]);
    assert_eq!((one.owner.held_bytes(), two.owner.held_bytes()), (4 * MIB, 4 * MIB));
    drop(got);
}

#[test]
fn nobody_goes_below_its_guaranteed_minimum() {
    let pool = Pool::root("pool", 10 * MIB).unwrap();
    let journal = Arc::default();
    let safe = Giving::new(&pool, "safe", Stage::Spill, 4 * MIB, &journal);
    (0..4).for_each(|_| safe.hold(MIB));
    let asking = pool.owner("asking").register().unwrap();
    let refusal = asking.try_reserve(7 * MIB).unwrap_err();
    assert!(journal.lock().unwrap().is_empty() && refusal.tried.asked.is_empty(), "{refusal}");
    assert_eq!(refusal.missing_bytes, MIB);
    // what is guaranteed and not yet used is nobody else's either
    let unused = pool.owner("later").guaranteed(3 * MIB).register().unwrap();
    assert_eq!(asking.try_reserve(4 * MIB).unwrap_err().missing_bytes, MIB);
    assert!(unused.try_reserve(3 * MIB).is_ok());
}

#[test]
fn an_owner_is_not_asked_on_behalf_of_itself() {
    let pool = Pool::root("pool", 10 * MIB).unwrap();
    let journal = Arc::default();
    let only = Giving::new(&pool, "only", Stage::Cache, 0, &journal);
    (0..8).for_each(|_| only.hold(MIB));
    assert!(only.owner.try_reserve(3 * MIB).is_err());
    assert!(journal.lock().unwrap().is_empty());
}

#[test]
fn only_owners_below_the_short_level_are_asked() {
    let pool = Pool::root("pool", 10 * MIB).unwrap();
    let (one, two) = (pool.child("slot 0", 5 * MIB).unwrap(), pool.child("slot 1", 5 * MIB).unwrap());
    let journal = Arc::default();
    let neighbour = Giving::new(&two, "neighbour", Stage::Cache, 0, &journal);
    neighbour.hold(5 * MIB);
    let at_home = Giving::new(&one, "at home", Stage::Cache, 0, &journal);
    (0..5).for_each(|_| at_home.hold(MIB));
    let asking = one.owner("asking").register().unwrap();
    let got = asking.try_reserve(3 * MIB).unwrap();
    assert_eq!(*journal.lock().unwrap(), ["at home"]);
    assert_eq!(neighbour.owner.held_bytes(), 5 * MIB);
    drop(got);
}

/// Unused credit of others is taken back without asking anybody: a pool refuses only what is really held.
#[test]
fn credit_is_never_in_the_way() {
    let pool = Pool::root("pool", 64 * MIB).unwrap();
    let owners: Vec<_> = (0..100).map(|i| pool.owner(&format!("owner {i}")).register().unwrap()).collect();
    for owner in &owners {
        drop(owner.try_reserve(1).unwrap());
    }
    assert!(pool.usage().granted_bytes > 0, "no credit was kept: this test shows nothing");
    assert_eq!(pool.held_bytes(), 0);
    assert!(owners[0].try_reserve(64 * MIB).is_ok());
}

#[test]
fn what_a_reclaimer_promises_is_not_believed() {
    struct Liar(Mutex<u32>);
    impl plimsoll_memory::budget::Reclaimer for Liar {
        fn reclaim(&self, wanted_bytes: u64) -> u64 {
            *self.0.lock().unwrap() += 1;
            wanted_bytes
        }
    }
    let pool = Pool::root("pool", MIB).unwrap();
    let owner = pool.owner("liar").register().unwrap();
    let liar = Arc::new(Liar(Mutex::new(0)));
    owner.on_reclaim(Stage::Cache, &liar);
    let _held = owner.try_reserve(MIB).unwrap();
    let asking = pool.owner("asking").register().unwrap();
    let refusal = asking.try_reserve(1).unwrap_err();
    assert_eq!(*liar.0.lock().unwrap(), 1);
    assert_eq!((refusal.tried.asked[0].freed_bytes, refusal.missing_bytes), (1, 1));
}

/// A reclaimer that panics takes nobody else with it: the next one is asked as if nothing had been.
#[test]
fn a_reclaimer_that_panics_leaves_the_pool_in_order() {
    struct Panicking;
    impl plimsoll_memory::budget::Reclaimer for Panicking {
        fn reclaim(&self, _: u64) -> u64 {
            panic!("on purpose")
        }
    }
    let pool = Pool::root("pool", MIB).unwrap();
    let owner = pool.owner("panicking").register().unwrap();
    let reclaimer = Arc::new(Panicking);
    owner.on_reclaim(Stage::Cache, &reclaimer);
    let held = owner.try_reserve(MIB).unwrap();
    let asking = pool.owner("asking").register().unwrap();
    for _ in 0..2 {
        let asked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| asking.try_reserve(1).is_ok()));
        assert!(asked.is_err(), "the panic was swallowed");
    }
    drop(held);
    assert!(asking.try_reserve(MIB).is_ok());
}
