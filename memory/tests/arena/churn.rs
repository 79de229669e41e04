//! Threads that allocate and free at random at the cap, while somebody watches.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;

use plimsoll_memory::arena::{BASE_BYTES, PoolArena};

use super::support::{Ledger, MIB, Object, Random, until_time_is_up};

const THREADS: u64 = 4;
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// What the threads of a churn did.
#[derive(Default)]
struct Tally {
    allocated: AtomicU64,
    refused: AtomicU64,
    resized: AtomicU64,
}

/// One thread: objects of 16 B to 4 MiB come, change, move to a neighbour and go, each with its pattern checked.
fn churn<'a>(
    pool: &'a PoolArena,
    seed: u64,
    stop: &AtomicBool,
    tally: &Tally,
    shelf: &Mutex<Vec<Object<'a>>>,
    pause: &RwLock<()>,
) {
    let mut random = Random(seed);
    let mut live: Vec<Object<'_>> = Vec::new();
    while !stop.load(Relaxed) {
        let _running = pause.read().expect("no thread panicked");
        match random.below(16) {
            0..=7 => {
                if let Some(object) = Object::new(pool, size(&mut random), random.next()) {
                    tally.allocated.fetch_add(1, Relaxed);
                    live.push(object);
                } else {
                    tally.refused.fetch_add(1, Relaxed);
                    // A thread that is refused lets go of some, as a state backend does that spills.
                    for _ in 0..=live.len() / 16 {
                        drop_one(&mut live, &mut random);
                    }
                }
            }
            8..=11 => drop_one(&mut live, &mut random),
            12..=13 if !live.is_empty() => {
                let index = usize::try_from(random.below(live.len() as u64)).expect("an index");
                live[index].check();
                tally.resized.fetch_add(u64::from(live[index].resize(size(&mut random))), Relaxed);
            }
            14 => {
                if let Some(object) = live.pop() {
                    shelf.lock().expect("no thread panicked").push(object);
                }
            }
            _ => {
                let taken = shelf.lock().expect("no thread panicked").pop();
                live.extend(taken.inspect(Object::check));
            }
        }
    }
    live.iter().for_each(Object::check);
}

/// Half of them anywhere between 16 B and 4 MiB, half of them small: otherwise nearly all bytes are in a few large
/// ones.
fn size(random: &mut Random) -> usize {
    let max = if random.below(2) == 0 { 4 * MIB } else { 64 << 10 };
    random.size(16, max)
}

fn drop_one(live: &mut Vec<Object<'_>>, random: &mut Random) {
    if !live.is_empty() {
        let index = usize::try_from(random.below(live.len() as u64)).expect("an index");
        live.swap_remove(index).check();
    }
}

#[test]
fn no_page_is_ever_committed_above_the_cap() {
    println!("seed {SEED:#x}");
    let ledger = Arc::new(Ledger::new());
    let pool = PoolArena::new("churn", 64 * MIB, ledger.clone()).expect("64 MiB");
    let (stop, tally, shelf, pause) =
        (AtomicBool::new(false), Tally::default(), Mutex::default(), RwLock::new(()));
    let (mut looks, mut resident_looks, mut resident_peak) = (0u64, 0u64, 0);
    let (mut committed_above, mut charged_above, mut resident_above) = (0u64, 0u64, 0u64);
    thread::scope(|scope| {
        let (pool, stop, tally, shelf, pause) = (&pool, &stop, &tally, &shelf, &pause);
        let start = |thread| scope.spawn(move || churn(pool, SEED ^ (thread + 1), stop, tally, shelf, pause));
        let threads: Vec<_> = (0..THREADS).map(start).collect();
        until_time_is_up(|| {
            committed_above += u64::from(pool.committed_bytes() > pool.cap_bytes());
            charged_above += u64::from(ledger.held() > pool.cap_bytes());
            if looks.is_multiple_of(16) {
                // Page by page takes a while: a page that is given back here and another that comes there would both be
                // counted, so everybody stands still.
                let _standing = pause.write().expect("no thread panicked");
                let resident = pool.resident_bytes().expect("mincore");
                resident_above += u64::from(resident > pool.committed_bytes());
                resident_peak = resident.max(resident_peak);
                resident_looks += 1;
            }
            looks += 1;
        });
        stop.store(true, Relaxed);
        // Not left to the scope: it does not wait for what a thread does at its end.
        for thread in threads {
            thread.join().expect("no thread panicked");
        }
    });
    let [allocated, refused, resized] =
        [&tally.allocated, &tally.refused, &tally.resized].map(|n| n.load(Relaxed));
    println!(
        "{allocated} allocated, {refused} refused, {resized} resized; {looks} looks: {committed_above} committed and \
         {charged_above} charged above the cap; {resident_looks} looks: {resident_above} resident above committed; \
         peaks: committed {} of {}, resident {resident_peak}",
        pool.committed_peak_bytes(),
        pool.cap_bytes(),
    );
    assert_eq!((committed_above, charged_above, resident_above), (0, 0, 0));
    assert!(pool.committed_peak_bytes() <= pool.cap_bytes());
    assert!(refused > 0, "the cap was reached");
    drop(shelf);
    pool.purge();
    assert_eq!(pool.cached_bytes(), 0, "threads that ended gave back what they had");
    assert!(pool.committed_bytes() <= 3 * BASE_BYTES, "{}", pool.committed_bytes());
    assert_eq!(ledger.held(), pool.committed_bytes());
    drop(pool);
    assert_eq!(ledger.held(), 0);
}
