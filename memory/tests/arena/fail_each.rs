//! Every charge fails once: the first, the second, and so on until none is left to fail.
//!
//! Whatever operation meets the refusal gives an error or copes; nothing aborts, nothing leaks, no content is lost.

use std::sync::Arc;

use allocator_api2::boxed::Box as PoolBox;
use allocator_api2::vec::Vec as PoolVec;
use hashbrown::HashMap;
use plimsoll_memory::arena::{ArenaError, PoolAllocator, PoolArena};

use super::support::{Ledger, MIB};

#[repr(align(8192))]
struct Page([u8; 8192]);

#[repr(align(64))]
struct Line([u8; 200]);

/// All public operations on a pool of 16 MiB; how many of them were refused.
fn everything(ledger: &Arc<Ledger>) -> Result<u64, ArenaError> {
    let pool = PoolAllocator::new(PoolArena::new("operations", 16 * MIB, ledger.clone())?);
    let mut refused = 0;
    let mut note = |ok: bool| refused += u64::from(!ok);

    // Many small ones, freed at the end.
    let small: Vec<_> = (0..1500u64).map(|index| PoolBox::try_new_in([index; 32], pool.clone())).collect();
    for (index, object) in small.iter().enumerate() {
        note(object.is_ok());
        assert!(object.as_ref().is_ok_and(|object| **object == [index as u64; 32]) || object.is_err());
    }

    // Vectors: allocate, grow through the classes into the large sizes, shrink back.
    let mut numbers: PoolVec<u64, _> = PoolVec::new_in(pool.clone());
    for target in [1usize, 4, 100, 1000, 5000, 20_000, 200_000] {
        let fits = numbers.try_reserve_exact(target - numbers.len()).is_ok();
        note(fits);
        if fits {
            numbers.extend(numbers.len() as u64..target as u64);
        }
        assert!(numbers.iter().copied().eq(0..numbers.len() as u64));
    }
    for target in [150_000, 4000, 900, 3, 0] {
        numbers.truncate(target);
        numbers.shrink_to_fit();
        assert!(numbers.iter().copied().eq(0..numbers.len() as u64));
    }

    // A table.
    let mut table: HashMap<u64, u64, _, _> =
        HashMap::with_hasher_in(hashbrown::DefaultHashBuilder::default(), pool.clone());
    for key in 0..10_000 {
        let fits = table.try_reserve(1).is_ok();
        note(fits);
        if fits {
            table.insert(key, key * 3);
        }
    }
    assert!(table.iter().all(|(key, value)| *value == key * 3));
    table.retain(|key, _| key % 16 == 0);
    // Not `shrink_to_fit`: hashbrown's allocates, and aborts when it is refused.
    assert!(table.iter().all(|(key, value)| *value == key * 3));

    // Zeroed, over-aligned, empty.
    let zeroed = PoolBox::<[u8; 300_000], _>::try_new_zeroed_in(pool.clone());
    note(zeroed.is_ok());
    let page = PoolBox::try_new_in(Page([5; 8192]), pool.clone());
    note(page.is_ok());
    if let Ok(page) = &page {
        assert_eq!((&raw const **page).addr() % 8192, 0);
        assert!(page.0.iter().all(|byte| *byte == 5));
    }
    let line = PoolBox::try_new_in(Line([6; 200]), pool.clone());
    note(line.is_ok());
    if let Ok(line) = &line {
        assert_eq!((&raw const **line).addr() % 64, 0);
        assert!(line.0.iter().all(|byte| *byte == 6));
    }
    note(PoolBox::try_new_in((), pool.clone()).is_ok());
    drop(small);
    pool.purge();
    assert_eq!(pool.committed_bytes(), ledger.held());
    assert!(pool.committed_peak_bytes() <= pool.cap_bytes());
    assert!(pool.refusals() >= refused, "{} {refused}", pool.refusals());
    Ok(refused)
}

#[test]
fn each_charge_may_fail_without_an_abort_or_a_leak() {
    let whole = Arc::new(Ledger::new());
    assert_eq!(everything(&whole).unwrap(), 0);
    assert_eq!(whole.held(), 0);
    assert!(whole.calls() > 50, "{}", whole.calls());

    let (mut call, mut survived, mut refused) = (0, 0, 0);
    loop {
        let ledger = Arc::new(Ledger::refusing_at(call));
        match everything(&ledger) {
            Ok(count) => {
                survived += u64::from(count == 0);
                refused += u64::from(count > 0);
            }
            Err(ArenaError::Unpaid { .. }) => assert_eq!(call, 0),
            Err(error) => panic!("charge {call}: {error}"),
        }
        assert_eq!(ledger.held(), 0, "charge {call}");
        if ledger.calls() <= call {
            break;
        }
        call += 1;
    }
    println!(
        "{call} charges, each failed once: {survived} runs satisfied by the retry, {refused} with a refusal"
    );
    assert!(call > 50, "{call}");
    assert!(survived > 0, "one refusal is what a retry is for");
}

#[test]
fn from_any_charge_on_everything_is_refused_and_all_comes_back() {
    let whole = Arc::new(Ledger::new());
    everything(&whole).unwrap();
    let mut with_refusals = 0;
    for call in 1..whole.calls() {
        let ledger = Arc::new(Ledger::refusing_from(call));
        let refused = everything(&ledger).unwrap();
        with_refusals += u64::from(refused > 0);
        assert_eq!(ledger.held(), 0, "from charge {call}");
        assert!(refused == 0 || ledger.rooms() > 0, "the owner was asked to make room, from charge {call}");
    }
    assert!(with_refusals > 50, "{with_refusals}");
}
