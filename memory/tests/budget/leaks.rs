//! What nobody gave back is found and named; what is given back twice is not believed.

use plimsoll_memory::budget::Pool;

use crate::MIB;

#[test]
#[expect(clippy::mem_forget, clippy::disallowed_methods, reason = "the leak is the point")]
fn a_leak_is_reported_with_its_owners_name() {
    let pool = Pool::root("managed", 64 * MIB).unwrap();
    let slot = pool.child("slot 0", 32 * MIB).unwrap();
    let (tidy, leaky) = (slot.owner("tidy").register().unwrap(), slot.owner("leaky map").register().unwrap());
    drop(tidy.try_reserve(MIB).unwrap());
    std::mem::forget(leaky.try_reserve(3 * MIB).unwrap());
    let _open = pool.owner("still open").register().inspect(|owner| {
        std::mem::forget(owner.try_reserve(1000).unwrap());
    });
    drop(leaky);
    assert_eq!(
        pool.verify_empty().unwrap_err().to_string(),
        "3.0 MiB (3146728 bytes) were never given back:\n  \
         3 MiB (3145728 bytes) by \"leaky map\" of managed / slot 0, which is gone\n  \
         1000 B by \"still open\" of managed"
    );
    assert_eq!(slot.verify_empty().unwrap_err().leaks[0].pool, "managed / slot 0");
    // what is leaked stays on the books: it may be in use for all we know
    assert_eq!(pool.held_bytes(), 3 * MIB + 1000);
}

#[test]
fn giving_back_more_than_is_held_is_a_bug() {
    let pool = Pool::root("managed", MIB).unwrap();
    let owner = pool.owner("careless").register().unwrap();
    let mut held = owner.try_reserve(100).unwrap();
    let twice = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| held.shrink(101)));
    assert_eq!(pool.over_releases(), 1);
    if cfg!(debug_assertions) {
        let said = twice.unwrap_err();
        let said = said.downcast_ref::<String>().unwrap();
        assert_eq!(said, "careless gives back 101 bytes of managed, and holds 100");
        assert_eq!(held.bytes(), 100);
    } else {
        assert_eq!(held.bytes(), 0);
    }
    drop(held);
    let charge = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| owner.uncharge(1)));
    assert_eq!((charge.is_err(), pool.over_releases()), (cfg!(debug_assertions), 2));
    pool.verify_empty().unwrap();
}

#[test]
fn pieces_add_up() {
    let pool = Pool::root("managed", 10 * MIB).unwrap();
    let (one, two) = (pool.owner("one").register().unwrap(), pool.owner("two").register().unwrap());
    let mut whole = one.try_reserve_shared(6 * MIB).unwrap();
    whole.try_grow(2 * MIB).unwrap();
    assert!(whole.try_grow(3 * MIB).is_err());
    assert_eq!(whole.bytes(), 8 * MIB);
    let piece = whole.split(3 * MIB);
    let piece = piece.move_to(&*two).map_err(|(_, refusal)| refusal).unwrap();
    assert_eq!((one.held_bytes(), two.held_bytes()), (5 * MIB, 3 * MIB));
    whole.try_resize(MIB).unwrap();
    whole.try_resize(2 * MIB).unwrap();
    assert_eq!((one.held_bytes(), one.peak_bytes(), two.peak_bytes()), (2 * MIB, 8 * MIB, 3 * MIB));
    drop((whole, piece));
    pool.verify_empty().unwrap();
    drop((one, two));
    assert_eq!(pool.usage().granted_bytes, 0);
}

#[test]
fn bytes_that_cannot_move_stay_where_they_were() {
    let pool = Pool::root("managed", 10 * MIB).unwrap();
    let small = pool.child("slot 0", MIB).unwrap();
    let other = Pool::root("network", MIB).unwrap();
    let from = pool.owner("from").register().unwrap();
    let held = from.try_reserve(2 * MIB).unwrap();
    let mut back = held;
    for to in [small.owner("to").register().unwrap(), other.owner("to").register().unwrap()] {
        let (held, refusal) = back.move_to(&*to).map(|_| ()).unwrap_err();
        assert_eq!((held.bytes(), refusal.missing_bytes, to.held_bytes()), (2 * MIB, MIB, 0));
        back = held;
    }
    assert_eq!(from.held_bytes(), 2 * MIB);
}
