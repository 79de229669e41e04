//! Working inside the budget: every part is used by a thread, at about two thirds of its limit, while the drift is
//! measured once a second.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use allocator_api2::vec::Vec as PoolVec;
use plimsoll_memory::arena::BASE_BYTES;
use plimsoll_memory::budget::Owner;
use plimsoll_memory::heap;
use plimsoll_memory::probe::{Observation, Probe, Sampling, Term};
use plimsoll_memory::report::bytes_text;
use plimsoll_memory::segment::{LocalBufferPool, ManagedMemory};

use crate::desk::Desk;
use crate::random::Random;
use crate::ship::{Bunker, Ship};

/// What of an arena's bookkeeping is touched, about; the rest is committed and not in memory yet.
const BASE_TOUCHED_BYTES: u64 = 128 << 10;

/// Runs for so many seconds and prints a line for each.
pub(crate) fn run(ship: &Arc<Ship>, seconds: u64, seed: u64, desk: &Arc<Desk>) -> Result<(), Box<dyn Error>> {
    let ended = AtomicBool::new(false);
    let worst = Arc::new(AtomicU64::new(0));
    let total_bytes = ship.budget.total_bytes();
    thread::scope(|scope| {
        let ended = &ended;
        for (i, bunker) in ship.arenas.iter().enumerate() {
            scope.spawn(move || arena(bunker, seed + i as u64, ended));
        }
        for (memory, owner) in &ship.slots {
            scope.spawn(move || pages(memory, owner, seed, ended));
        }
        scope.spawn(move || buffers(&ship.gates, ended));
        scope.spawn(move || general_heap(ship.general_heap.bytes(), seed, ended));
        let outcome = watch(ship, &worst, seconds, desk);
        ended.store(true, Relaxed);
        outcome
    })?;
    let worst = worst.load(Relaxed);
    let permille = worst.saturating_mul(1000) / total_bytes;
    println!(
        "the largest drift after the first 5 seconds: {} of {}: {}.{} %",
        bytes_text(worst),
        bytes_text(total_bytes),
        permille / 10,
        permille % 10
    );
    Ok(())
}

/// Observes once a second. The first seconds, in which the parts fill, are no steady state.
fn watch(
    ship: &Arc<Ship>,
    worst: &Arc<AtomicU64>,
    seconds: u64,
    desk: &Arc<Desk>,
) -> Result<(), Box<dyn Error>> {
    let (told, told_ship) = (Arc::clone(desk), Arc::clone(ship));
    let total_bytes = ship.budget.total_bytes();
    let (accounted, worst) = (Arc::clone(ship), Arc::clone(worst));
    let mut regulator = heap::Regulator::new();
    let sampler = Sampling::new(Probe::own(), total_bytes)
        .accounts(move |observation| accounts(&accounted, observation))
        .each(move |observation| {
            regulator.tick();
            told.tell(&told_ship, observation);
            let Some(drift) = &observation.drift else { return };
            println!(
                "{:>4} s  measured {:>9}  accounted {:>9}  drift {:>10} bytes ({:?})",
                observation.sequence,
                bytes_text(drift.measured_bytes),
                bytes_text(drift.accounted_bytes),
                drift.drift_bytes,
                drift.level
            );
            if observation.sequence > 5 {
                worst.fetch_max(drift.drift_bytes.unsigned_abs(), Relaxed);
            }
        })
        .start()?;
    wait(seconds);
    let last = sampler.latest();
    for term in last.drift.iter().flat_map(|drift| &drift.terms) {
        println!("    {:?}  {:>10}  {}: {}", term.side, bytes_text(term.bytes), term.name, term.reason);
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the example runs for a given time")]
fn wait(seconds: u64) {
    thread::sleep(Duration::from_secs(seconds));
}

/// What the process knows of its bytes.
fn accounts(ship: &Ship, observation: &Observation) -> Vec<Term> {
    let committed: u64 = ship.arenas.iter().map(|bunker| bunker.memory.committed_bytes()).sum();
    let arenas = committed.saturating_sub(ship.arenas.len() as u64 * (BASE_BYTES - BASE_TOUCHED_BYTES));
    let managed: u64 = ship.slots.iter().map(|(memory, _)| memory.committed_bytes()).sum();
    let network = u64::from(ship.network.total()) * ship.network.buffer_bytes();
    let general = heap::held_bytes();
    let mut terms = vec![
        Term::accounted(
            "arenas",
            arenas,
            "committed by the arenas' hooks, less what each keeps for later bookkeeping",
        ),
        Term::accounted("managed pages", managed, "committed pages"),
        Term::accounted("network", network, "all buffers, from the start"),
        Term::accounted("general heap", general, "counted by the global allocator"),
        Term::stacks(&observation.bytes),
    ];
    if let Some(allocator) = &observation.allocator {
        terms.push(Term::allocator_slack(allocator, committed + general, ship.overhead().bytes()));
    }
    terms
}

fn arena(bunker: &Bunker, seed: u64, ended: &AtomicBool) {
    let mut random = Random::new(seed);
    let arena = &bunker.memory;
    let goal_bytes = arena.cap_bytes() / 3 * 2;
    let mut blocks: PoolVec<PoolVec<u8, _>, _> = PoolVec::new_in(arena);
    let mut held_bytes = 0;
    while !ended.load(Relaxed) {
        while held_bytes > goal_bytes && !blocks.is_empty() {
            let at = random.below(blocks.len() as u64);
            held_bytes -= usize::try_from(at).map_or(0, |at| blocks.swap_remove(at).len() as u64);
        }
        let size = random.size(6, 18);
        let mut block = PoolVec::new_in(arena);
        if blocks.try_reserve(1).is_err() || block.try_reserve_exact(size).is_err() {
            held_bytes -= blocks.pop().map_or(0, |block| block.len() as u64);
            continue;
        }
        block.resize(size, 0x5a);
        held_bytes += size as u64;
        blocks.push(block);
    }
}

fn pages(memory: &ManagedMemory, owner: &Arc<Owner>, seed: u64, ended: &AtomicBool) {
    let mut random = Random::new(seed);
    let goal = memory.pages_max() as usize / 3;
    let mut pages = Vec::new();
    while !ended.load(Relaxed) {
        if pages.len() > goal {
            pages.truncate(usize::try_from(random.below(goal as u64)).unwrap_or(0));
        }
        match memory.allocate_pages(owner, 8) {
            Ok(more) => pages.extend(more),
            Err(_) => pages.clear(),
        }
        pages.iter_mut().rev().take(8).for_each(|page| page.fill(0x5a));
    }
}

fn buffers(gates: &[LocalBufferPool], ended: &AtomicBool) {
    while !ended.load(Relaxed) {
        let mut held: Vec<_> = gates.iter().filter_map(LocalBufferPool::request).collect();
        for buffer in &mut held {
            buffer.fill(0x5a);
        }
        black_box(&held);
    }
}

fn general_heap(limit_bytes: u64, seed: u64, ended: &AtomicBool) {
    let mut random = Random::new(seed);
    let goal_bytes = limit_bytes / 3;
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let mut held_bytes = 0;
    while !ended.load(Relaxed) {
        while held_bytes > goal_bytes && !blocks.is_empty() {
            let at = usize::try_from(random.below(blocks.len() as u64)).unwrap_or(0);
            held_bytes -= blocks.swap_remove(at).len() as u64;
        }
        let size = random.size(6, 14);
        if heap::admit(size as u64).is_ok() {
            blocks.push(vec![0x5a; size]);
            held_bytes += size as u64;
        }
    }
}
