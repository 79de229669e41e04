//! What a thread and the whole process have used of the processors.

use std::time::Duration;

/// What this thread has used.
pub(crate) fn thread_cpu() -> Duration {
    used(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// What all threads of the process have used: RocksDB's own among them.
pub(crate) fn process_cpu() -> Duration {
    used(libc::CLOCK_PROCESS_CPUTIME_ID)
}

#[expect(unsafe_code, reason = "the standard library has no clock of a thread")]
fn used(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is ours to be written.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
