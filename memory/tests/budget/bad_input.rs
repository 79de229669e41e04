//! What cannot be right is refused at construction, with the numbers.

use plimsoll_memory::budget::Pool;

use crate::MIB;

#[test]
fn a_pool_of_nothing() {
    let text = Pool::root("managed", 0).unwrap_err().to_string();
    assert_eq!(text, "pool managed would have 0 bytes: give it a size, or leave it out");
}

#[test]
fn a_level_above_its_pool() {
    let pool = Pool::root("managed", 10 * MIB).unwrap();
    let slot = pool.child("slot 0", 10 * MIB).unwrap();
    assert_eq!(
        slot.child("join", 10 * MIB + 1).unwrap_err().to_string(),
        "pool join would have 10.0 MiB (10485761 bytes), more than the 10 MiB (10485760 bytes) of managed / slot 0: \
         lower the one or raise the other"
    );
    assert_eq!(
        slot.child("join", 0).unwrap_err().to_string(),
        "pool join would have 0 bytes: give it a size, or leave it out"
    );
}

#[test]
fn guarantees_that_are_not_there() {
    let pool = Pool::root("managed", 10 * MIB).unwrap();
    let first = pool.owner("first").guaranteed(7 * MIB).register().unwrap();
    assert_eq!(
        pool.owner("second").guaranteed(4 * MIB).register().unwrap_err().to_string(),
        "managed cannot guarantee 4 MiB (4194304 bytes) to \"second\": 3 MiB (3145728 bytes) are left; lower this minimum \
         or another one, or raise the pool"
    );
    drop(first);
    assert!(pool.owner("second").guaranteed(10 * MIB).register().is_ok());
}

#[test]
fn sums_that_overflow() {
    let pool = Pool::root("pool", u64::MAX).unwrap();
    let owner = pool.owner("owner").register().unwrap();
    let held = owner.try_reserve(u64::MAX - 1).unwrap();
    assert!(owner.try_reserve(2).is_err());
    assert!(owner.try_reserve(u64::MAX).is_err());
    assert!(owner.try_reserve(1).is_ok());
    drop(held);
    pool.verify_empty().unwrap();
}
