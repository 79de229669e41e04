//! The probe and its sampler on this process and on others: what was made is measured, and a leak is an alarm.
//!
//! Memory is made with anonymous mappings, whose size is known to the page. Not covered: another user's processes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use memmap2::MmapMut;
use plimsoll_memory::arena::counting::CountingAlloc;
use plimsoll_memory::arena::mallctl;
use plimsoll_memory::heap::{self, HeapOwner, attribute};
use plimsoll_memory::probe::{Alarm, DriftLevel, Observation, Probe, ProbeError, Sampling, Term};

#[global_allocator]
static HEAP: CountingAlloc = CountingAlloc::jemalloc();

/// What is measured is the process's: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const MIB: u64 = 1 << 20;

/// The kernel's counts are kept in batches for each CPU.
const NOISE: u64 = 4 * MIB;

/// Memory that nobody counts.
fn touched(mebibytes: u64) -> MmapMut {
    let mut mapping = MmapMut::map_anon(usize::try_from(mebibytes * MIB).unwrap()).unwrap();
    mapping.fill(1);
    mapping
}

fn near(now: u64, expected: u64) -> bool {
    now.abs_diff(expected) <= NOISE
}

#[test]
fn anonymous_memory_is_measured_apart_from_files() {
    let _alone = alone();
    let mut probe = Probe::own().walking();
    let before = probe.observe().unwrap();
    let mapping = touched(64);
    let during = probe.observe().unwrap();
    drop(mapping);
    let after = probe.observe().unwrap();
    let of = |o: &Observation| (o.bytes.anonymous_bytes, o.bytes.file_bytes);
    assert!(near(of(&during).0, of(&before).0 + 64 * MIB), "{before:?} {during:?}");
    assert!(near(of(&after).0, of(&before).0), "{before:?} {after:?}");
    assert!(near(of(&during).1, of(&before).1), "no file was mapped");
    let bytes = during.bytes;
    assert_eq!(bytes.anonymous_bytes + bytes.file_bytes + bytes.shmem_bytes, bytes.resident_bytes);
    assert!(bytes.page_tables_bytes > 64 * MIB / 512, "16384 pages need 32 pages of tables");
    assert!(bytes.resident_peak_bytes + NOISE >= bytes.resident_bytes && bytes.threads_count >= 2);
    match bytes.walked {
        Some(walked) => {
            let earlier = before.bytes.walked.unwrap();
            assert!(
                near(walked.anonymous_bytes, earlier.anonymous_bytes + 64 * MIB),
                "{walked:?} {earlier:?}"
            );
        }
        None => println!("no walk here: {:?}", during.notes),
    }
    assert_eq!((before.sequence, during.sequence, after.sequence), (1, 2, 3));
}

#[test]
fn who_and_where() {
    let _alone = alone();
    let observation = Probe::own().observe().unwrap();
    assert_eq!(observation.notes, [""; 0]);
    let process = &observation.process;
    assert_eq!(process.pid, std::process::id());
    assert!(process.name.starts_with("observe"), "{}", process.name);
    let seconds = observation.at_unix_millis / 1000;
    assert!(process.started_unix_seconds <= seconds + 1 && process.started_unix_seconds + 3600 > seconds);
    assert!(observation.machine.memory_bytes > observation.machine.available_bytes);
    assert!(observation.machine.cpus_count >= 1);
    assert!(observation.cgroup.is_some());
    let allocator = observation.allocator.unwrap();
    assert!(allocator.allocated_bytes > 0 && allocator.resident_bytes >= allocator.active_bytes);
    assert!(allocator.slack_bytes() > 0);
    let text = serde_json::to_string(&observation).unwrap();
    assert_eq!(serde_json::from_str::<Observation>(&text).unwrap(), observation);
}

#[test]
fn another_process() {
    let _alone = alone();
    let mut child =
        Command::new("sh").args(["-c", "echo up; exec sleep 60"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut probe = Probe::of(child.id());
    let observation = probe.observe();
    child.kill().unwrap();
    child.wait().unwrap();
    let observation = observation.unwrap();
    assert_eq!((observation.process.pid, observation.bytes.threads_count), (child.id(), 1));
    assert!(["sh", "sleep"].contains(&observation.process.name.as_str()), "{}", observation.process.name);
    assert!(observation.bytes.resident_bytes > 0 && observation.allocator.is_none());
    let error = probe.observe().unwrap_err();
    assert!(matches!(error, ProbeError::Unreadable { .. }), "{error}");
    let text = error.to_string();
    assert!(text.starts_with(&format!("/proc/{}/status cannot be read: ", child.id())), "{text}");
}

/// Accounts for everything at the start, and for the counted heap from then on.
fn accounting() -> impl FnMut(&Observation) -> Vec<Term> + Send + 'static {
    let mut start = None;
    move |observation| {
        heap::flush_thread();
        let counted = heap::held_bytes();
        let known = *start.get_or_insert(observation.bytes.anonymous_bytes.saturating_sub(counted));
        vec![
            Term::accounted("at the start", known, "what was there before the test"),
            Term::accounted("general heap", counted, "counted by the global allocator"),
        ]
    }
}

/// Counted memory is no drift; a leak that nobody counts is, and the callback says so, once a change.
#[test]
fn a_leak_is_an_alarm_and_counted_memory_is_none() {
    static KNOWN: HeapOwner = HeapOwner::new("known");
    let _alone = alone();
    let (reports, changed) = channel();
    let (ticks, ticked) = channel();
    let sampler = Sampling::new(Probe::own(), 1600 * MIB)
        .every(Duration::from_millis(10))
        .accounts(accounting())
        .on_change(move |before, now| {
            let drift = now.drift.as_ref().unwrap();
            let _ = reports.send((before, drift.level, drift.drift_bytes));
        })
        .each(move |observation| {
            let _ = ticks.send(observation.sequence);
        })
        .start()
        .unwrap();
    let alarm = Alarm::of_process(1600 * MIB, Alarm::DEFAULT_PERMILLE);
    assert_eq!(alarm.begins_bytes, 32 * MIB);
    let after = |from: u64| while ticked.recv_timeout(Duration::from_secs(20)).unwrap() < from {};
    let sequence = || sampler.latest().sequence;

    let scope = attribute(&KNOWN);
    // In small steps: a large block is counted at once, and in memory once it is written.
    let blocks: Vec<Vec<u8>> = (0..100).map(|_| vec![1; 1 << 20]).collect();
    drop(scope);
    after(sequence() + 3);
    assert_eq!(changed.try_iter().count(), 0, "100 MiB more, all of them counted");
    let calm = sampler.latest();
    let drift = calm.drift.as_ref().unwrap();
    assert_eq!(drift.level, DriftLevel::Within);
    assert!(drift.drift_bytes.unsigned_abs() < 16 * MIB, "{drift}");

    let leak = touched(80);
    let (before, now, bytes) = changed.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!((before, now), (DriftLevel::Within, DriftLevel::Above));
    // It may be seen before the last page was touched.
    assert!(bytes.cast_unsigned() > alarm.begins_bytes && bytes.cast_unsigned() < 96 * MIB, "{bytes}");
    after(sequence() + 3);
    assert_eq!(sampler.latest().drift.as_ref().unwrap().level, DriftLevel::Above);
    drop(leak);
    let (before, now, _) = changed.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!((before, now), (DriftLevel::Above, DriftLevel::Within));
    assert_eq!(changed.recv_timeout(Duration::from_millis(50)), Err(RecvTimeoutError::Timeout), "no flicker");

    // Ended and joined: the callbacks, and with them the senders, are gone.
    sampler.stop();
    while ticked.try_recv().is_ok() {}
    assert_eq!(changed.recv(), Err(std::sync::mpsc::RecvError));
    drop(blocks);
    // Now, and not when this thread has ended, in the middle of the next test's measuring.
    mallctl::purge_all().unwrap();
}

/// A process that cannot be measured is refused at the start.
#[test]
fn a_sampler_of_nobody_does_not_start() {
    let error = Sampling::new(Probe::of(u32::MAX), 1).start().unwrap_err();
    assert!(matches!(error, ProbeError::Unreadable { .. }), "{error}");
}

/// A sampler whose interval is long ends at once, not after it.
#[test]
fn ending_does_not_wait_for_the_interval() {
    let _alone = alone();
    let hour = Duration::from_hours(1);
    let sampler = Sampling::new(Probe::own(), MIB).every(hour).start().unwrap();
    let latest = sampler.latest();
    assert_eq!((latest.sequence, latest.drift.is_none()), (1, true), "nobody accounts");
    drop(sampler);
}
