//! Filling: every part at once, each by a thread of its own, until it says no.

use std::error::Error;
use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;

use allocator_api2::vec::Vec as PoolVec;
use plimsoll_memory::budget::Owner;
use plimsoll_memory::heap;
use plimsoll_memory::segment::{LocalBufferPool, ManagedMemory};

use crate::random::Random;
use crate::ship::{Bunker, Ship};

/// A part at its refusal.
pub(crate) struct Filled {
    pub(crate) part: String,
    pub(crate) limit_bytes: u64,
    /// What its owners could use.
    pub(crate) payload_bytes: u64,
    /// What it said.
    pub(crate) refusal: String,
}

/// Fills everything, and lets go only when all are full.
pub(crate) fn all(ship: &Ship, seed: u64) -> Result<Vec<Filled>, Box<dyn Error>> {
    let full = Barrier::new(ship.arenas.len() + ship.slots.len() + 2);
    let full = &full;
    let filled = thread::scope(|scope| {
        let mut threads = vec![
            scope.spawn(move || general_heap(ship, seed, full)),
            scope.spawn(move || network(&ship.gates, ship, full)),
        ];
        for (i, bunker) in ship.arenas.iter().enumerate() {
            threads.push(scope.spawn(move || arena(bunker, seed + i as u64, full)));
        }
        for (i, slot) in ship.slots.iter().enumerate() {
            threads.push(scope.spawn(move || pages(i, slot, ship, full)));
        }
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a thread panicked"))
            .collect::<Result<Vec<_>, _>>()
    })?;
    Ok(filled)
}

/// Blocks of all sizes, each byte written, kept in a table of the same arena.
fn arena(bunker: &Bunker, seed: u64, full: &Barrier) -> Filled {
    let mut random = Random::new(seed);
    let mut blocks: PoolVec<PoolVec<u8, _>, _> = PoolVec::new_in(&bunker.memory);
    let mut payload_bytes = 0;
    // a large block may be refused where a small one still fits
    for max_log2 in [20, 16, 12] {
        loop {
            let size = random.size(6, max_log2);
            if blocks.len() == blocks.capacity() && blocks.try_reserve_exact(4096).is_err() {
                break;
            }
            let mut block = PoolVec::new_in(&bunker.memory);
            if block.try_reserve_exact(size).is_err() {
                break;
            }
            block.resize(size, 0xa5);
            payload_bytes += size as u64;
            blocks.push(block);
        }
    }
    let refusal = bunker.owner.refusal(4096).to_string();
    full.wait();
    let arena = &bunker.memory;
    Filled {
        part: format!("arena {}", bunker.name),
        limit_bytes: arena.cap_bytes(),
        payload_bytes,
        refusal: format!(
            "committed {} of {} bytes at most\n{refusal}",
            arena.committed_peak_bytes(),
            arena.cap_bytes()
        ),
    }
}

/// Ordinary vectors of the standard library, admitted one by one.
fn general_heap(ship: &Ship, seed: u64, full: &Barrier) -> Filled {
    let mut random = Random::new(seed ^ 0x68_65_61_70);
    let mut blocks = Vec::new();
    let mut payload_bytes = 0;
    let refusal = loop {
        let size = random.size(6, 16);
        if let Err(refusal) = heap::admit(size as u64) {
            break refusal.to_string();
        }
        blocks.push(vec![0xa5_u8; size]);
        payload_bytes += size as u64;
    };
    full.wait();
    black_box(&blocks);
    Filled { part: "general heap".into(), limit_bytes: ship.general_heap.bytes(), payload_bytes, refusal }
}

/// All buffers of all gates.
fn network(gates: &[LocalBufferPool], ship: &Ship, full: &Barrier) -> Filled {
    let mut buffers = Vec::new();
    for gate in gates {
        while let Some(mut buffer) = gate.request() {
            buffer.fill(0xa5);
            buffers.push(buffer);
        }
    }
    let payload_bytes = buffers.iter().map(|buffer| buffer.len() as u64).sum();
    full.wait();
    Filled {
        part: "network".into(),
        limit_bytes: u64::from(ship.network.total()) * ship.network.buffer_bytes(),
        payload_bytes,
        refusal: format!("no buffer is left of {}: whoever wants one waits", ship.network.total()),
    }
}

/// Managed pages, until the slot is full: the block cache takes its part at the same time.
fn pages(slot: usize, (memory, owner): &(ManagedMemory, Arc<Owner>), ship: &Ship, full: &Barrier) -> Filled {
    let mut pages = Vec::new();
    let refusal = loop {
        match memory.allocate_pages(owner, 4) {
            Ok(more) => pages.extend(more),
            Err(refusal) => break refusal.to_string(),
        }
        if let Some(page) = pages.last_mut() {
            page.fill(0xa5);
        }
    };
    for page in &mut pages {
        page.fill(0xa5);
    }
    full.wait();
    Filled {
        part: format!("managed pages of slot {slot}"),
        limit_bytes: ship.budget.slots()[slot].managed.limit_bytes(),
        payload_bytes: pages.len() as u64 * memory.page_bytes(),
        refusal,
    }
}
