//! The hostile allocator: every public operation of the heap, of control groups and of the probe is run with its
//! first allocation failing, then its second, and so on until it has no more. The process must not end, the
//! operation must give what it gives otherwise, and nothing may leak.
//!
//! Not covered: two failures in a row, which Rust's collections answer with an abort.

#![expect(clippy::print_stdout, reason = "it says how many allocations failed")]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use plimsoll_memory::arena::counting::CountingAlloc;
use plimsoll_memory::arena::failing::FailingAlloc;
use plimsoll_memory::arena::{mallctl, startup};
use plimsoll_memory::cgroup::{Cgroup, check_fits};
use plimsoll_memory::heap::{self, HeapOwner, Level, Regulator, attribute, flush_thread, reserve};
use plimsoll_memory::probe::{Alarm, Drift, DriftLevel, Probe, Sampling, Term, drift};

#[global_allocator]
static HEAP: CountingAlloc<FailingAlloc> = CountingAlloc::new(FailingAlloc::new());

/// The state of the reserve is the process's: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets the reserve aside again, as a running program does with its next tick and its next batch.
fn recover() {
    for _ in 0..10 {
        Regulator::new().tick();
        drop(vec![0u8; 256 << 10]);
        flush_thread();
        if !reserve::is_short() {
            return;
        }
    }
    panic!("the reserve does not come back");
}

/// Runs an operation once for each allocation that it makes, each time with that one failing. Says how many failed.
fn fail_each(name: &str, mut operation: impl FnMut()) -> u64 {
    // The first run makes what is made once for a process.
    operation();
    recover();
    for nth in 1.. {
        assert!(nth < 20_000, "{name} allocates without end");
        let (rescued, lost) = (reserve::rescue_count(), reserve::failure_count());
        let ((), failed) = FailingAlloc::fail_nth(nth, &mut operation);
        assert_eq!(reserve::failure_count(), lost, "{name}: allocation {nth} failed for good");
        if failed == 0 {
            println!("{name}: {} allocations, each failed once", nth - 1);
            return nth - 1;
        }
        // One that fails while the reserve itself is set aside is no allocation of the operation.
        assert!(reserve::rescue_count() - rescued <= 1, "{name}");
        recover();
    }
    unreachable!("the loop has no end of its own")
}

#[test]
fn each_operation_survives_each_failure() {
    static OWNER: HeapOwner = HeapOwner::new("hostile");
    let _alone = alone();
    let own = Cgroup::own().unwrap();
    let mut probe = Probe::own();
    let mut counts = Vec::new();
    let mut run = |name: &'static str, operation: &mut dyn FnMut()| {
        counts.push((name, fail_each(name, operation)));
    };
    run("attribute", &mut || drop(attribute(&OWNER)));
    run("grow", &mut || {
        let _scope = attribute(&OWNER);
        let mut numbers = Vec::new();
        (0..10_000u64).for_each(|n| numbers.push(n));
        assert_eq!(numbers.iter().sum::<u64>(), 49_995_000, "nothing was lost on the way");
    });
    run("zeroed", &mut || assert!(vec![0u8; 300_000].iter().all(|byte| *byte == 0)));
    run("owners", &mut || assert!(heap::owners().iter().any(|owner| owner.name == "hostile")));
    run("admit", &mut || {
        let refusal = heap::admit(0);
        assert_eq!(refusal.is_err(), reserve::is_short());
    });
    run("refuse", &mut || {
        heap::set_limit(Some(1));
        let text = heap::admit(1).unwrap_err().to_string();
        heap::set_limit(None);
        assert!(text.contains("of 1 bytes are held"), "{text}");
    });
    run("tick", &mut || {
        let orders = Regulator::new().reclaimer(|wanted| wanted).tick();
        assert!(orders.level == Level::Calm || orders.refill_reserve);
    });
    run("options", &mut || assert!(mallctl::options().unwrap().suits_pools() && startup::text().len() > 10));
    run("cgroup", &mut || assert_eq!(Cgroup::own().unwrap().hierarchy, own.hierarchy));
    run("misfit", &mut || {
        let limit =
            own.limit.clone().unwrap_or(plimsoll_memory::cgroup::Limit { bytes: 5, file: "f".to_owned() });
        let tight = Cgroup { limit: Some(limit), ..own.clone() };
        let misfit = check_fits(u64::MAX, "x", &tight).unwrap_err();
        assert!(misfit.to_string().contains("is not started"));
    });
    run("observe", &mut || assert!(probe.observe().unwrap().bytes.resident_bytes > 0));
    run("drift", &mut || {
        let observation = Probe::own().observe().unwrap();
        let mut terms = drift::measured(&observation.bytes);
        terms.push(Term::stacks(&observation.bytes));
        let drift = Drift::of(terms, &Alarm::of_process(1 << 30, 20), DriftLevel::Within);
        assert!(drift.to_string().contains("thread stacks"));
    });
    run("sampler", &mut || {
        let sampler = Sampling::new(Probe::own(), 1 << 30).accounts(|_| Vec::new()).start().unwrap();
        assert_eq!(sampler.latest().sequence, 1);
        sampler.stop();
    });
    run("thread", &mut || thread::spawn(|| vec![1u8; 5000]).join().map(drop).unwrap());
    let of = |name: &str| counts.iter().find(|(of, _)| *of == name).unwrap().1;
    assert_eq!(of("attribute"), 0, "a scope allocates nothing");
    assert!(of("grow") >= 10 && of("cgroup") > 10 && of("observe") > of("cgroup"), "{counts:?}");
}

/// A failure stops new work until the reserve is back, and leaks nothing.
#[test]
fn a_failure_refuses_new_work_until_the_reserve_is_back() {
    static OWNER: HeapOwner = HeapOwner::new("short");
    let _alone = alone();
    recover();
    heap::admit(1 << 20).unwrap();
    flush_thread();
    let rescued = reserve::rescue_count();
    let scope = attribute(&OWNER);
    let (block, failed) = FailingAlloc::fail_nth(1, || vec![7u8; 1000]);
    drop(scope);
    assert_eq!((failed, block.len(), reserve::rescue_count() - rescued), (1, 1000, 1));
    assert_eq!(OWNER.held_bytes(), 1000, "counted once");
    assert!(reserve::is_short());
    let refusal = heap::admit(1).unwrap_err();
    assert_eq!(refusal.limit_bytes, None);
    assert!(refusal.to_string().contains("the system refused an allocation"), "{refusal}");
    let orders = Regulator::new().tick();
    assert_eq!((orders.level, orders.refill_reserve), (Level::Refuse, true));
    recover();
    heap::admit(1 << 20).unwrap();
    drop(block);
}

/// A request far above the reserve fails to its caller, who asked whether it may, and alarms nobody.
#[test]
fn a_request_that_is_too_large_is_the_callers_own() {
    let _alone = alone();
    recover();
    let lost = reserve::failure_count();
    let mut huge: Vec<u8> = Vec::new();
    huge.try_reserve_exact(1 << 60).unwrap_err();
    assert_eq!((reserve::failure_count() - lost, reserve::is_short()), (1, false));
    heap::admit(1).unwrap();
}
