//! Each reservation in turn fails, in every operation: nothing is lost, nothing is half done.

use std::sync::Arc;

use plimsoll_memory::budget::{Pool, Refusal};

use crate::MIB;

/// Uses every operation that reserves, once or more; ends at the first refusal.
fn story(pool: &Pool) -> Result<u32, Box<Refusal>> {
    let (one, two) = (pool.owner("one").register().unwrap(), pool.owner("two").register().unwrap());
    let mut steps = 0;
    let mut step = || steps += 1;
    let mut held = one.try_reserve_shared(MIB)?;
    step();
    held.try_grow(MIB)?;
    step();
    held.try_resize(4 * MIB)?;
    step();
    let scoped = two.try_reserve(MIB)?;
    step();
    let far = Instant::far();
    let waited = two.reserve(MIB, far)?;
    step();
    let shared = two.reserve_shared(MIB, far)?;
    step();
    let piece = held.split(MIB).move_to(Arc::clone(&two)).map_err(|(_, refusal)| refusal)?;
    step();
    if !one.try_charge(100) {
        return Err(one.refusal(100));
    }
    one.uncharge(100);
    step();
    if !one.make_room(100) {
        return Err(one.refusal(100));
    }
    drop((held, scoped, waited, shared, piece));
    Ok(steps + 1)
}

/// A moment that no test reaches.
struct Instant;

impl Instant {
    #[expect(clippy::disallowed_methods, reason = "deadlines are moments of the clock")]
    fn far() -> std::time::Instant {
        std::time::Instant::now() + std::time::Duration::from_hours(1)
    }
}

#[test]
fn no_reservation_that_fails_leaves_anything_behind() {
    let mut refused = 0;
    for nth in 1.. {
        let pool = Pool::root("pool", 64 * MIB).unwrap();
        pool.fail_nth(Some(nth));
        let outcome = story(&pool);
        pool.fail_nth(None);
        pool.verify_empty().unwrap();
        assert_eq!(pool.usage().granted_bytes, 0, "after reservation {nth} failed");
        assert_eq!(pool.over_releases(), 0);
        match outcome {
            Ok(steps) => {
                assert_eq!(steps, 9);
                break;
            }
            Err(_) => refused += 1,
        }
    }
    // moving inside one pool and asking for room reserve nothing new that could be refused
    assert!(refused >= 7, "only {refused} reservations could be made to fail");
}
