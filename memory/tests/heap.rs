//! The general heap, counted for real: this test binary's own global allocator is the one that is tested.
//!
//! Not covered: what counting costs (`benches/heap.rs`) and allocations that fail (`heap_failure.rs`).

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it skips"
)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "the test's own small numbers"
)]

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Barrier, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, path, process, thread};

use plimsoll_memory::arena::counting::CountingAlloc;
use plimsoll_memory::arena::{mallctl, startup};
use plimsoll_memory::heap::{
    self, BATCH_BYTES, HeapOwner, Level, Regulator, attribute, flush_thread, reserve,
};

#[global_allocator]
static HEAP: CountingAlloc = CountingAlloc::jemalloc();

/// The counts are of the whole process: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn seed() -> u64 {
    let seed = env::var("PLIMSOLL_SEED").ok().and_then(|text| text.parse().ok());
    #[expect(clippy::disallowed_methods, reason = "a seed that differs each time; it is printed")]
    let seed =
        seed.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64);
    println!("PLIMSOLL_SEED={seed}");
    seed
}

/// xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % n
    }

    /// 1 B to 4 MiB, small ones more often.
    fn size(&mut self) -> usize {
        let bits = self.below(22);
        (1 + self.below(2 << bits)) as usize
    }
}

/// Random blocks; says how many bytes it holds by its own count.
fn churn(random: &mut Random, blocks: &mut [Vec<u8>], rounds: u32) -> i64 {
    for _ in 0..rounds {
        let at = random.below(blocks.len() as u64) as usize;
        match random.below(4) {
            0 => blocks[at] = Vec::new(),
            1 => blocks[at] = Vec::with_capacity(random.size()),
            2 => blocks[at].reserve_exact(random.size()),
            _ => {
                let zeroed = vec![0; random.size()];
                blocks[at] = zeroed;
            }
        }
    }
    blocks.iter().map(|block| block.capacity() as i64).sum()
}

static WORKERS: [HeapOwner; 4] = [
    HeapOwner::new("worker 0"),
    HeapOwner::new("worker 1"),
    HeapOwner::new("worker 2"),
    HeapOwner::new("worker 3"),
];

/// While threads run, the counts are within the stated slack; after they have flushed, they are exact.
#[test]
fn four_threads_are_counted_exactly() {
    let _alone = alone();
    let seed = seed();
    let counted = Barrier::new(5);
    let checked = Barrier::new(5);
    flush_thread();
    thread::scope(|scope| {
        let (report, reports) = mpsc::channel();
        for (i, owner) in WORKERS.iter().enumerate() {
            let (counted, checked, report) = (&counted, &checked, report.clone());
            scope.spawn(move || {
                let mut random = Random(seed ^ (i as u64 + 1) << 32 | 1);
                let mut blocks = vec![Vec::new(); 64];
                let scope = attribute(owner);
                for _ in 0..4 {
                    let bytes = churn(&mut random, &mut blocks, 2000);
                    report.send((i, bytes)).unwrap();
                    counted.wait();
                    checked.wait();
                }
                let held = blocks.iter().map(|block| block.capacity() as i64).sum::<i64>();
                flush_thread();
                let flushed = owner.held_bytes();
                // What else was allocated here is the channel's: blocks of a few hundred bytes.
                assert!(
                    (flushed - held).abs() < 16 << 10,
                    "{}: {flushed} counted, {held} held",
                    owner.name()
                );
                blocks.clear();
                drop(scope);
                assert_eq!(owner.held_bytes(), flushed - held, "{}: to the byte", owner.name());
            });
        }
        for _ in 0..4 {
            counted.wait();
            for (i, bytes) in reports.try_iter() {
                let difference = (WORKERS[i].held_bytes() - bytes).abs();
                assert!(difference <= BATCH_BYTES + (16 << 10), "worker {i}: {difference} bytes off");
            }
            checked.wait();
        }
    });
}

/// Without a channel and without slack: what one scope allocated and freed, to the byte.
#[test]
fn one_thread_is_counted_to_the_byte() {
    static ONE: HeapOwner = HeapOwner::new("one");
    let _alone = alone();
    let mut random = Random(seed() | 1);
    let mut blocks = vec![Vec::new(); 32];
    for _ in 0..50 {
        let held: i64 = {
            let _scope = attribute(&ONE);
            churn(&mut random, &mut blocks, 100)
        };
        assert_eq!(ONE.held_bytes(), held);
    }
    assert!(ONE.peak_bytes().cast_signed() >= ONE.held_bytes());
    let _scope = attribute(&ONE);
    drop(blocks.drain(..));
    flush_thread();
    assert_eq!(ONE.held_bytes(), 0);
}

#[test]
fn scopes_nest_and_owners_add_up_to_the_total() {
    static OUTER: HeapOwner = HeapOwner::new("outer");
    static INNER: HeapOwner = HeapOwner::new("inner");
    let _alone = alone();
    let (outer, inner, foreign);
    {
        let _outer = attribute(&OUTER);
        outer = vec![0u8; 1000];
        {
            let _inner = attribute(&INNER);
            inner = vec![0u8; 300];
            foreign = vec![0u8; 7];
        }
        drop(foreign);
    }
    assert_eq!((OUTER.held_bytes(), INNER.held_bytes()), (993, 307), "a free is the current owner's");
    flush_thread();
    // The other tests' threads wait for their turn, and the harness's main thread for us.
    let owners = heap::owners();
    flush_thread();
    let sum: i64 = heap::owners().iter().map(|owner| owner.held_bytes).sum();
    assert_eq!(sum.cast_unsigned(), heap::held_bytes());
    let names: Vec<&str> = owners.iter().map(|owner| owner.name.as_str()).collect();
    assert!(
        names.contains(&"outer") && names.contains(&"inner") && names.contains(&"(unattributed)"),
        "{names:?}"
    );
    assert!(owners.is_sorted_by(|a, b| a.held_bytes >= b.held_bytes));
    drop((outer, inner));
}

/// A thread that ends with less than a batch is not forgotten, also where nothing was ever handed over before.
#[test]
fn threads_hand_over_when_they_end() {
    const THREADS: u64 = 200;
    const BYTES: usize = 5000;
    let _alone = alone();
    // What a thread needs of its own is made once before.
    thread::spawn(|| ()).join().unwrap();
    flush_thread();
    let before = heap::held_bytes();
    let blocks: Vec<Vec<u8>> =
        (0..THREADS).map(|_| thread::spawn(|| vec![1; BYTES]).join().unwrap()).collect();
    flush_thread();
    let counted = heap::held_bytes().cast_signed() - before.cast_signed();
    let held = (THREADS as usize * (BYTES + size_of::<Vec<u8>>())) as i64;
    assert!((counted - held).abs() < 4096, "{counted} counted, {held} held");
    drop(blocks);
}

/// Destructors of the thread that run after its leftovers were handed over are counted too.
#[test]
fn late_destructors_are_counted() {
    static LATE: HeapOwner = HeapOwner::new("late");
    thread_local!(static KEPT: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) });
    let _alone = alone();
    thread::spawn(|| {
        // Registered first, so it is destroyed last.
        KEPT.with_borrow(|kept| assert!(kept.is_empty()));
        let scope = attribute(&LATE);
        KEPT.set(vec![0; 3000]);
        flush_thread();
        assert_eq!(LATE.held_bytes(), 3000);
        drop(scope);
        // It is the unattributed rest that frees them.
        flush_thread();
    })
    .join()
    .unwrap();
    flush_thread();
    let sum: i64 = heap::owners().iter().map(|owner| owner.held_bytes).sum();
    assert_eq!(sum.cast_unsigned(), heap::held_bytes());
    assert_eq!(LATE.held_bytes(), 3000);
}

/// Restores "no limit" also where a test fails.
struct Unlimited;

impl Drop for Unlimited {
    fn drop(&mut self) {
        heap::set_limit(None);
    }
}

#[test]
fn levels_rise_with_the_bytes_and_fall_with_hysteresis() {
    static FILL: HeapOwner = HeapOwner::new("fill");
    const LIMIT: u64 = 64 << 20;
    let _alone = alone();
    let _unlimited = Unlimited;
    let _scope = attribute(&FILL);
    let used = heap::held_bytes();
    assert!(used < LIMIT / 4, "{used} bytes are held at the start");
    heap::set_limit(Some(LIMIT));
    assert_eq!((heap::level(), heap::limit_bytes()), (Level::Calm, Some(LIMIT)));
    heap::admit(1 << 20).unwrap();
    let refusal = heap::admit(LIMIT).unwrap_err();
    assert_eq!((refusal.asked_bytes, refusal.limit_bytes), (LIMIT, Some(LIMIT)), "a hint above the rest");

    let mut blocks: Vec<Vec<u8>> = Vec::with_capacity(1024);
    let mut seen = vec![Level::Calm];
    while heap::level() < Level::Refuse {
        blocks.push(Vec::with_capacity(256 << 10));
        if *seen.last().unwrap() != heap::level() {
            seen.push(heap::level());
        }
    }
    assert_eq!(seen, Level::ALL);
    let held = heap::held_bytes();
    assert!(held.abs_diff(LIMIT) <= (256 << 10) + BATCH_BYTES.cast_unsigned(), "{held}");
    let refusal = heap::admit(1).unwrap_err();
    assert_eq!(refusal.largest[0].unwrap().0, "fill");
    let text = refusal.to_string();
    assert!(text.starts_with("the general heap takes no new work: asked for 1 bytes, 6"), "{text}");

    // Two blocks less are below the limit, and not yet below where the level ends.
    drop(blocks.drain(..2));
    assert_eq!(heap::level(), Level::Refuse);
    heap::admit(1).unwrap_err();
    drop(blocks.drain(..4));
    assert_eq!(heap::level(), Level::Reclaim);
    heap::admit(1).unwrap();

    // The regulator asks for what is above the mark, and the flag is up until a tick sees that it is gone.
    let kept = Mutex::new(blocks);
    let kept: &'static Mutex<Vec<Vec<u8>>> = Box::leak(Box::new(kept));
    let asked: &'static Mutex<Vec<u64>> = Box::leak(Box::new(Mutex::new(Vec::new())));
    let mut regulator = Regulator::new()
        .reclaimer(|_| 0)
        .reclaimer(|wanted| {
            asked.lock().unwrap().push(wanted);
            let mut kept = kept.lock().unwrap();
            let mut freed = 0;
            while freed < wanted {
                freed += kept.pop().unwrap().capacity() as u64;
            }
            freed
        })
        .reclaimer(|_| unreachable!("those before were enough"));
    let orders = regulator.tick();
    assert!(orders.purge && orders.backpressure && heap::backpressure());
    assert_eq!(asked.lock().unwrap().as_slice(), [orders.reclaim_bytes]);
    let orders = regulator.tick();
    assert_eq!((orders.level, orders.backpressure, heap::backpressure()), (Level::Purge, false, false));
    kept.lock().unwrap().clear();
    assert_eq!(regulator.tick().level, Level::Calm);
}

/// Prints what holds in this process, for the tests below, which start it again.
#[test]
#[ignore = "run by the tests of the start-up options"]
fn print_options() {
    let options = mallctl::options().unwrap();
    println!("options={options:?} text={}", startup::text());
    assert!(options.suits_pools());
}

/// The arenas of a child that a shell line starts; `"$@"` is the child.
fn narenas_of_child(shell: &str, arguments: &[&str]) -> u32 {
    let mut child = Command::new("sh");
    child.args(["-c", shell, "sh"]).arg(env::current_exe().unwrap());
    child.args(["--exact", "print_options", "--ignored", "--nocapture"]).args(arguments);
    let output = child.env_remove("_RJEM_MALLOC_CONF").stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let number = |from: &str, ends: &[char]| -> u32 {
        text.split_once(from).unwrap().1.split(ends).next().unwrap().parse().unwrap()
    };
    let narenas = number(" narenas: ", &[',']);
    assert_eq!(narenas, number(",narenas:", &['\n']), "what the text says is what holds: {text}");
    narenas
}

#[test]
fn arenas_follow_the_affinity_mask() {
    let _alone = alone();
    let all = narenas_of_child(r#"exec "$@""#, &[]);
    let group = plimsoll_memory::cgroup::Cgroup::own().unwrap();
    let cpus = thread::available_parallelism().unwrap().get() as u64;
    let usable = group.cpu_quota().map_or(cpus, |milli| cpus.min(milli.div_ceil(1000)));
    assert_eq!(u64::from(all), if usable == 1 { 1 } else { 4 * usable });
    if Command::new("taskset").arg("-V").stdout(Stdio::null()).status().is_err() {
        println!("skipped the mask of one CPU: there is no taskset here");
        return;
    }
    assert_eq!(narenas_of_child(r#"exec taskset -c 0 "$@""#, &[]), 1);
}

/// The real thing: a CPU group of version 1 with a quota, where this machine lets us make one.
#[test]
fn arenas_follow_the_cpu_quota() {
    struct Group(path::PathBuf);
    impl Drop for Group {
        fn drop(&mut self) {
            let _ = fs::remove_dir(&self.0);
        }
    }
    let _alone = alone();
    let directory = format!("/sys/fs/cgroup/cpu/plimsoll-arenas-{}", process::id());
    if let Err(why) = fs::create_dir(&directory) {
        println!("skipped: no CPU group can be made here: {directory}: {why}");
        return;
    }
    let group = Group(directory.into());
    let cpus = thread::available_parallelism().unwrap().get() as u64;
    for (quota, expected) in [("100000", 1), ("40000", 1), ("150000", if cpus == 1 { 1 } else { 8 })] {
        fs::write(group.0.join("cpu.cfs_quota_us"), quota).unwrap();
        let shell = format!(r#"echo $$ > {}/cgroup.procs && exec "$@""#, group.0.display());
        assert_eq!(narenas_of_child(&shell, &[]), expected, "quota {quota} of 100000");
    }
}

/// Fills the address space until the system refuses: run in a child that has little of it.
#[test]
#[ignore = "run by the test below, under a limit"]
fn fill_to_the_systems_refusal() {
    let mut blocks: Vec<Vec<u8>> = Vec::with_capacity(1 << 16);
    while heap::admit(60_000).is_ok() {
        let mut block = Vec::new();
        block.try_reserve_exact(60_000).unwrap();
        blocks.push(block);
    }
    assert!(reserve::is_short());
    assert_eq!((reserve::rescue_count(), reserve::failure_count()), (1, 0), "the one that failed was saved");
    println!("blocks={} {}", blocks.len(), heap::admit(1).unwrap_err());
    blocks.clear();
    Regulator::new().tick();
    drop(vec![0u8; 256 << 10]);
    heap::admit(60_000).unwrap();
    println!("recovered");
}

/// The real thing: address space for 300 MiB, and the kernel that says no.
#[test]
fn the_systems_refusal_ends_nobody() {
    let _alone = alone();
    let mut child = Command::new("sh");
    child.args(["-c", r#"ulimit -v 307200 && exec "$@""#, "sh"]).arg(env::current_exe().unwrap());
    child.args(["--exact", "fill_to_the_systems_refusal", "--ignored", "--nocapture", "--test-threads=1"]);
    let output = child.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("the system refused an allocation") && text.contains("recovered"), "{text}");
    let blocks: u64 = text.split_once("blocks=").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    assert!(blocks * 60_000 > 150 << 20, "most of the address space was had: {text}");
}

/// What the environment says, the environment gets: it is read after the text.
#[test]
fn the_environment_has_the_last_word() {
    let _alone = alone();
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "print_options", "--ignored", "--nocapture"])
        .env("_RJEM_MALLOC_CONF", "narenas:3")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains(" narenas: 3,"), "{text}");
}

/// Files read and written by other code count as well: nothing in std goes around the global allocator.
#[test]
fn what_std_allocates_is_counted() {
    static STD: HeapOwner = HeapOwner::new("std");
    let _alone = alone();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&vec![7; 100_000]).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    let mut text = Vec::new();
    {
        let _scope = attribute(&STD);
        file.read_to_end(&mut text).unwrap();
    }
    assert_eq!(STD.held_bytes(), text.capacity() as i64);
}
