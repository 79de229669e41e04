//! All pools of a process filled to refusal at once, in a child below a kernel limit of exactly the process size: the
//! kernel never has to kill it.
//!
//! The plans are random, from 256 MiB to 4 GiB; a failure prints its seed and its plan. `PLIMSOLL_RUNS` says how many
//! (2), `PLIMSOLL_SEED` where to begin. Needs control groups of version 1 that this user may change: where there are
//! none, the test says so and shows nothing.

#![cfg(feature = "enforce")]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that says what it could show")]

#[path = "../../examples/fill/fill.rs"]
mod fill;
#[path = "../../examples/fill/random.rs"]
mod random;
#[path = "../../examples/fill/ship.rs"]
mod ship;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use plimsoll_memory::arena::counting::CountingAlloc;
use plimsoll_memory::cgroup::{Cgroup, Reader, check_fits};

use random::Random;

#[global_allocator]
static HEAP: CountingAlloc = CountingAlloc::jemalloc();

const MIB: u64 = 1 << 20;
/// Set for the child: its options, `key=value` in words.
const PLAN: &str = "PLIMSOLL_FILL";

/// A control group of the memory controller, removed when dropped.
struct Group(PathBuf);

impl Group {
    /// A group below this process's own, or why there is none.
    fn new(name: &str, limit_bytes: u64) -> Result<Self, String> {
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
        let path = own
            .lines()
            .find_map(|line| line.split_once(":memory:"))
            .ok_or("no memory controller of version 1")?
            .1;
        let group = Path::new("/sys/fs/cgroup/memory").join(path.trim_start_matches('/')).join(name);
        fs::create_dir(&group).map_err(|error| format!("{}: {error}", group.display()))?;
        let made = Self(group);
        made.write("memory.limit_in_bytes", limit_bytes)?;
        Ok(made)
    }

    fn write(&self, file: &str, value: u64) -> Result<(), String> {
        fs::write(self.0.join(file), value.to_string()).map_err(|error| format!("{file}: {error}"))
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap()
    }

    fn kills(&self) -> u64 {
        let text = self.read("memory.oom_control");
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")).unwrap().parse().unwrap()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // what is left of it does no harm
        drop(fs::remove_dir(&self.0));
    }
}

/// A process of random size, with parts of random sizes.
fn plan(seed: u64) -> (u64, String) {
    let mut random = Random::new(seed);
    let process = (256 << random.below(4)) * (1000 + random.below(1000)) / 1000;
    let process = process.min(4096);
    let share = |random: &mut Random, from: u64, to: u64| from + random.below(to - from);
    let framework = share(&mut random, 8, 16 + process / 32);
    let options = [
        format!("taskmanager.memory.process.size={process}m"),
        format!("taskmanager.numberOfTaskSlots={}", share(&mut random, 1, 5)),
        format!("taskmanager.memory.framework.heap.size={framework}m"),
        format!("taskmanager.memory.framework.off-heap.size={}m", share(&mut random, 4, 16)),
        format!("taskmanager.memory.task.off-heap.size={}m", share(&mut random, 4, 16 + process / 16)),
        format!("taskmanager.memory.managed.fraction=0.{}", share(&mut random, 20, 50)),
        format!("taskmanager.memory.network.fraction=0.{}", share(&mut random, 10, 20)),
        "taskmanager.memory.network.min=4m".to_owned(),
        format!("taskmanager.memory.jvm-overhead.min={}m", 28 + framework / 4 + process / 128),
        "taskmanager.memory.jvm-overhead.fraction=0.01".to_owned(),
        "taskmanager.memory.jvm-metaspace.size=8m".to_owned(),
    ];
    (process * MIB, options.join(" "))
}

#[test]
fn full_to_the_brim_without_being_killed() {
    if let Ok(options) = std::env::var(PLAN) {
        child(&options);
        return;
    }
    let number =
        |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (runs, first) = (number("PLIMSOLL_RUNS", 2), number("PLIMSOLL_SEED", 100));
    for seed in first..first + runs {
        let (process_bytes, options) = plan(seed);
        let Some(group) = group(seed, process_bytes) else { return };
        let (status, said) = run_below(&group, &options);
        assert_eq!(group.kills(), 0, "seed {seed}: the kernel killed it\n{options}\n{said}");
        assert!(status.success(), "seed {seed}: {status}\n{options}\n{said}");
        let summary = said.lines().find(|line| line.starts_with("filled")).unwrap();
        println!("seed {seed}: {summary}");
    }
}

/// One MiB less than the process wants, and it does not even start.
#[test]
fn a_process_larger_than_its_group_is_not_started() {
    let (process_bytes, options) = plan(1);
    let Some(group) = group(0, process_bytes - MIB) else { return };
    let (status, said) = run_below(&group, &options);
    assert!(!status.success() && group.kills() == 0, "{said}");
    let refusal = format!(
        "the process does not fit into its control group, so it is not started:\n  the process may take  {}",
        plimsoll_memory::MemorySize::from_bytes(process_bytes).human()
    );
    assert!(said.contains(&refusal), "{said}");
}

/// A group with a limit; `None`, and a word about it, where there can be none.
fn group(seed: u64, limit_bytes: u64) -> Option<Group> {
    let made = Group::new(&format!("plimsoll-{}-{seed}", std::process::id()), limit_bytes);
    made.map_err(|why| println!("nothing shown: no control group could be made here ({why})")).ok()
}

/// Runs this very test as a child in the group; returns how it ended and what it said.
fn run_below(group: &Group, options: &str) -> (ExitStatus, String) {
    let output = Command::new("sh")
        .args(["-c", "echo $$ > \"$0\"/cgroup.procs && exec \"$@\""])
        .arg(&group.0)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "full_to_the_brim_without_being_killed", "--nocapture"])
        .env(PLAN, options)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status, String::from_utf8_lossy(&said).into_owned())
}

/// Builds the process, fills it, and says how far it came.
fn child(options: &str) {
    let options: Vec<_> = options
        .split(' ')
        .map(|pair| pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned())).unwrap())
        .collect();
    let ship = ship::Ship::build(&options).unwrap();
    let group = Cgroup::own().unwrap();
    let limit = group.limit.clone().unwrap();
    check_fits(ship.budget.total_bytes(), &ship.source, &group).unwrap_or_else(|misfit| panic!("{misfit}"));
    assert_eq!(limit.bytes, ship.budget.total_bytes(), "the limit is not the process size");
    let filled = fill::all(&ship, 7).unwrap();
    for part in &filled {
        assert!(part.payload_bytes > 0, "{} took nothing: {}", part.part, part.refusal);
        assert!(part.payload_bytes <= part.limit_bytes + (256 << 10), "{} took too much", part.part);
    }
    let payload: u64 = filled.iter().map(|part| part.payload_bytes).sum();
    let peak = Reader::new("/").own().unwrap().peak_bytes.unwrap();
    println!(
        "\nfilled {} MiB of {} MiB to refusal in {} parts; the kernel counted {} MiB at most",
        payload / MIB,
        limit.bytes / MIB,
        filled.len(),
        peak / MIB
    );
    let budget = ship.budget.clone();
    drop(ship);
    budget.verify_empty().unwrap();
}
