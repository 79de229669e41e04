//! A state of twenty times the slot's memory, in a process below a kernel limit of what the model says it needs: it
//! runs
//! to the end, and the kernel does not have to kill it.
//!
//! `PLIMSOLL_SLOT_MIB` says how large the slot is (16). Needs control groups of version 1 that this user may change:
//! where there are none, the test says so and shows nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use plimsoll_statebackend::rocksdb::{SlotMemory, arena_block_bytes};
use tempfile::tempdir;

use super::{Base, MIB, Random, key, settings, soak};

const TEST: &str = "slot_share::kernel::a_state_of_twenty_times_the_slot_runs_to_the_end";
/// Set for the child.
const CHILD: &str = "PLIMSOLL_KERNEL_CHILD";
const DATABASES: u32 = 4;
const FAMILIES: u32 = 5;
const TIMES: u64 = 20;
const VALUE: usize = 2000;
/// The program, its threads and the allocator's slack: what a process has beside its pools.
const OWN_BYTES: u64 = 40 * MIB;

/// A control group of the memory controller, removed when dropped.
struct Group(PathBuf);

impl Group {
    fn new(name: &str, limit_bytes: u64) -> Result<Self, String> {
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
        let path = own
            .lines()
            .find_map(|line| line.split_once(":memory:"))
            .ok_or("no memory controller of version 1")?
            .1;
        let name = format!("plimsoll-{name}-{}", std::process::id());
        let group = Path::new("/sys/fs/cgroup/memory").join(path.trim_start_matches('/')).join(name);
        fs::create_dir(&group).map_err(|error| format!("{}: {error}", group.display()))?;
        let made = Self(group);
        let limit = fs::write(made.0.join("memory.limit_in_bytes"), limit_bytes.to_string());
        limit.map_err(|error| error.to_string())?;
        Ok(made)
    }

    fn number(&self, file: &str, key: &str) -> u64 {
        let text = fs::read_to_string(self.0.join(file)).unwrap();
        text.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim().parse().unwrap()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // what is left of it does no harm
        drop(fs::remove_dir(&self.0));
    }
}

fn slot_bytes() -> u64 {
    std::env::var("PLIMSOLL_SLOT_MIB").ok().and_then(|text| text.parse().ok()).unwrap_or(16) * MIB
}

/// What a process with such a slot may take.
fn process_bytes(slot_bytes: u64, databases: u32, families: u32) -> u64 {
    let settings = settings(&[]);
    let memory = SlotMemory::new(slot_bytes, &settings).unwrap();
    let block = arena_block_bytes(&settings.family, Some(memory.memtable_limit_bytes()), families);
    OWN_BYTES + memory.terms(databases, families, block).iter().map(|term| term.bytes).sum::<u64>()
}

/// Runs a test of this binary as a child below a limit. Returns the line of what it said that begins so; `None`, and a
/// word about it, where there can be no limit.
fn below(limit_bytes: u64, name: &str, test: &str, line: &str) -> Option<String> {
    let made = Group::new(name, limit_bytes);
    let group =
        made.map_err(|why| println!("nothing shown: no control group could be made here ({why})")).ok()?;
    let output = Command::new("sh")
        .args(["-c", "echo $$ > \"$0\"/cgroup.procs && exec \"$@\""])
        .arg(&group.0)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let kills = group.number("memory.oom_control", "oom_kill ");
    assert_eq!(kills, 0, "the kernel killed it below {limit_bytes} bytes\n{said}");
    assert!(output.status.success(), "{}\n{said}", output.status);
    let summary = said.lines().find(|said| said.contains(line)).unwrap();
    let counted = group.number("memory.max_usage_in_bytes", "") / MIB;
    Some(format!(
        "{summary}; below {} MiB, the kernel counted {counted} MiB, file pages included",
        limit_bytes / MIB
    ))
}

#[test]
fn a_state_of_twenty_times_the_slot_runs_to_the_end() {
    if std::env::var(CHILD).is_ok() {
        return child();
    }
    let process = process_bytes(slot_bytes(), DATABASES, DATABASES * FAMILIES);
    if let Some(said) = below(process, "state", TEST, "of state through") {
        println!("{said}");
    }
}

/// Eight databases of twenty families, below what the model says that they need.
#[test]
fn the_soak_below_a_kernel_limit() {
    let families = u32::try_from(soak::DATABASES * soak::FAMILIES).unwrap();
    let process = process_bytes(soak::SLOT, u32::try_from(soak::DATABASES).unwrap(), families);
    if let Some(said) = below(process, "soak", soak::TEST, "held at most") {
        println!("{said}");
    }
}

/// Writes the state, reads it back, and says what the process took.
fn child() {
    let settings = settings(&[]);
    let memory = SlotMemory::new(slot_bytes(), &settings).unwrap();
    let folder = tempdir().unwrap();
    let (databases, families) = (u64::from(DATABASES), u64::from(FAMILIES));
    let bases: Vec<_> = (0..DATABASES)
        .map(|i| {
            let path = folder.path().join(i.to_string());
            Base::open(&path, FAMILIES as usize, &settings, Some(&memory), DATABASES * FAMILIES)
        })
        .collect();
    let each = TIMES * slot_bytes() / (databases * families) / VALUE as u64;
    let value = |number: u64, family: u64| Random::new(number * families + family).value(VALUE);
    std::thread::scope(|scope| {
        for base in &bases {
            scope.spawn(move || {
                // all keys once, in an order that is not theirs
                for first in 0..each / 10 {
                    for family in 0..families {
                        let numbers = (0..10).map(|i| (first * 7919 % (each / 10)) + i * (each / 10));
                        let entries: Vec<_> =
                            numbers.map(|number| (key(number), value(number, family))).collect();
                        base.put(usize::try_from(family).unwrap(), &entries).unwrap();
                    }
                }
            });
        }
    });
    let mut random = Random::new(9);
    let count = each / 10 * 10;
    for base in &bases {
        for family in 0..families {
            let place = usize::try_from(family).unwrap();
            for _ in 0..200 {
                let number = random.below(count);
                let got = base.db().get_cf(&base.families.family(place), key(number)).unwrap();
                assert_eq!(got.as_ref(), Some(&value(number, family)), "key {number}");
            }
            let (mut from, mut seen) = (Vec::new(), 0);
            loop {
                let _permit = memory.enter().unwrap();
                let (read, last) = base.chunk(place, &from, 128);
                seen += read as u64;
                if read < 128 {
                    break;
                }
                from = [&last[..], b"\0"].concat();
            }
            assert_eq!(seen, count);
        }
    }
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim();
    println!(
        "\nwrote {} MiB of state through {} MiB of slot; cache {} of {}, arena at most {} of {}, {} fallbacks; \
         resident at most {resident}",
        count * databases * families * VALUE as u64 / MIB,
        slot_bytes() / MIB,
        memory.cache_usage_bytes(),
        memory.cache_capacity_bytes(),
        memory.arena_peak_bytes(),
        memory.arena_cap_bytes(),
        memory.fallbacks(),
    );
    assert_eq!(memory.fallbacks(), 0);
}
