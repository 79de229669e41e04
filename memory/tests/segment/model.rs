//! Random operations on managed memory and on network buffers beside plain models: the same answers, all the time.

use std::collections::VecDeque;
use std::sync::Arc;

use plimsoll_memory::budget::{Owner, Pool};
use plimsoll_memory::segment::network::{LocalPoolSize, Share, redistribute};
use plimsoll_memory::segment::{LocalBufferPool, ManagedMemory, NetworkBuffer, NetworkBufferPool, Page};
use proptest::prelude::*;

const PAGE: u64 = 4096;
const PAGES: u64 = 12;

#[derive(Debug, Clone)]
enum Step {
    Allocate(usize, u32),
    /// Drops the n-th batch.
    Free(usize),
    Reserve(usize, u64),
    Release(usize, u64),
    ReleaseAll(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_usize..3, 0_u32..14).prop_map(|(owner, pages)| Step::Allocate(owner, pages)),
        (0_usize..8).prop_map(Step::Free),
        (0_usize..3, 0..6 * PAGE).prop_map(|(owner, bytes)| Step::Reserve(owner, bytes)),
        (0_usize..3, 0..6 * PAGE).prop_map(|(owner, bytes)| Step::Release(owner, bytes)),
        (0_usize..3).prop_map(Step::ReleaseAll),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A request is granted exactly where the pool has the bytes, cached pages counted as free; what is resident and
    /// what is reserved never exceed the limit together.
    #[test]
    fn managed_memory_is_a_sum(steps in prop::collection::vec(step(), 1..60), cached in 0_u32..14) {
        let pool = Pool::root("managed", PAGES * PAGE).unwrap();
        let managed = ManagedMemory::new(&pool, PAGE, cached).unwrap();
        let owners: Vec<Arc<Owner>> =
            (0..3).map(|i| pool.owner(&format!("owner {i}")).register().unwrap()).collect();
        let mut batches: VecDeque<(usize, Vec<Page>)> = VecDeque::new();
        let mut reserved = [0_u64; 3];
        for step in steps {
            let pages: u64 = batches.iter().map(|(_, pages)| pages.len() as u64).sum();
            let free = PAGES * PAGE - pages * PAGE - reserved.iter().sum::<u64>();
            match step {
                Step::Allocate(owner, count) => {
                    let granted = managed.allocate_pages(&owners[owner], count);
                    prop_assert_eq!(granted.is_ok(), u64::from(count) * PAGE <= free);
                    if let Ok(mut pages) = granted {
                        prop_assert_eq!(pages.len(), count as usize);
                        for page in &mut pages {
                            page.fill(1);
                        }
                        batches.push_back((owner, pages));
                    }
                }
                Step::Free(n) => {
                    if n < batches.len() {
                        batches.remove(n);
                    }
                }
                Step::Reserve(owner, bytes) => {
                    let granted = managed.reserve(&owners[owner], bytes).is_ok();
                    prop_assert_eq!(granted, bytes <= free);
                    reserved[owner] += if granted { bytes } else { 0 };
                }
                Step::Release(owner, bytes) => {
                    let released = managed.release(&owners[owner], bytes);
                    prop_assert_eq!(released, bytes.min(reserved[owner]));
                    reserved[owner] -= released;
                }
                Step::ReleaseAll(owner) => {
                    let released = managed.release_all(&owners[owner]);
                    let out: usize =
                        batches.iter().filter(|(of, _)| *of == owner).map(|(_, pages)| pages.len()).sum();
                    prop_assert_eq!(released.reserved_bytes, reserved[owner]);
                    prop_assert_eq!(released.pages_out as usize, out);
                    reserved[owner] = 0;
                }
            }
            let others: u64 = reserved.iter().sum();
            prop_assert!(managed.resident_bytes().unwrap() <= managed.committed_bytes());
            prop_assert!(managed.committed_bytes() + others <= PAGES * PAGE);
            for (i, owner) in owners.iter().enumerate() {
                let pages: usize = batches.iter().filter(|(of, _)| *of == i).map(|(_, pages)| pages.len()).sum();
                prop_assert_eq!(owner.held_bytes(), pages as u64 * PAGE + reserved[i]);
            }
        }
        drop(batches);
        for owner in &owners {
            managed.release_all(owner);
        }
        managed.verify_empty().unwrap();
        drop(managed);
        pool.verify_empty().unwrap();
    }

    /// Pools come and go, buffers come and go: shares are those of the pure function; a request succeeds exactly where
    /// the pool holds less than its share and somebody has a buffer for it; buffers are never lost.
    #[test]
    fn network_buffers_are_conserved(steps in prop::collection::vec((0_u8..5, 0_usize..6, 1_u32..5, 0_u32..9), 1..80)) {
        const TOTAL: u32 = 10;
        let budget = Pool::root("network", u64::from(TOTAL) * PAGE).unwrap();
        let owner = budget.owner("buffers").register().unwrap();
        let pool = NetworkBufferPool::new(&owner, PAGE, u64::from(TOTAL) * PAGE).unwrap();
        let mut locals: Vec<(LocalBufferPool, Share, Vec<NetworkBuffer>)> = Vec::new();
        let mut orphans: Vec<NetworkBuffer> = Vec::new();
        for (what, n, min, more) in steps {
            match what {
                0 => {
                    let max = if more == 8 { u32::MAX } else { min + more };
                    let required: u32 = locals.iter().map(|(_, share, _)| share.min).sum();
                    let size = LocalPoolSize { required: min, max, overdraft_max: 0 };
                    let made = pool.create_local("local", size);
                    prop_assert_eq!(made.is_ok(), required + min <= TOTAL);
                    locals.extend(made.ok().map(|local| (local, Share { min, max }, Vec::new())));
                }
                1 if n < locals.len() => {
                    let (local, _, out) = locals.remove(n);
                    drop(local);
                    orphans.extend(out);
                }
                2 => drop(orphans.pop()),
                3 if n < locals.len() => drop(locals[n].2.pop()),
                _ if n < locals.len() => {
                    let held: u32 = locals.iter().map(|(local, ..)| local.held()).sum();
                    let free = TOTAL - held - u32::try_from(orphans.len()).unwrap();
                    let (local, _, out) = &mut locals[n];
                    let parked = local.held() - u32::try_from(out.len()).unwrap();
                    let expected = parked > 0 || (local.held() < local.size() && free > 0);
                    prop_assert_eq!(local.is_available(), expected);
                    let got = local.request();
                    prop_assert_eq!(got.is_some(), expected);
                    out.extend(got);
                }
                _ => {}
            }
            let shares: Vec<Share> = locals.iter().map(|(_, share, _)| *share).collect();
            let sizes: Vec<u32> = locals.iter().map(|(local, ..)| local.size()).collect();
            prop_assert_eq!(sizes, redistribute(TOTAL, &shares));
            for (local, _, out) in &locals {
                // parked ones never keep a pool above its share
                prop_assert!(local.held() as usize >= out.len());
                prop_assert!(local.held() <= local.size() || local.held() as usize == out.len());
            }
        }
        drop((locals, orphans));
        pool.verify_empty().unwrap();
        let all = pool.create_local("all", LocalPoolSize { required: TOTAL, max: TOTAL, overdraft_max: 0 }).unwrap();
        prop_assert_eq!(std::iter::from_fn(|| all.request()).collect::<Vec<_>>().len(), TOTAL as usize);
    }
}
