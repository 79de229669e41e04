//! The kernel's texts about one process: `Name: number kB` lines, in bytes.

use super::{KERNEL_STACK_BYTES, ProcessBytes, WalkedBytes};

/// The value of a line, in bytes. `None`: no such line, or no number of kB in it.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let value = field(text, name)?.strip_suffix("kB")?;
    value.trim_end().parse::<u64>().ok()?.checked_mul(1024)
}

/// The text behind a line's name.
pub(super) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// `/proc/PID/status`. The name of what is missing, where that is a line that every process of Linux 4.5 and later has.
///
/// # Errors
/// The name of the missing line: a kernel thread, a process that is ending, or an older kernel.
pub fn status(text: &str) -> Result<ProcessBytes, &'static str> {
    let must = |name: &'static str| kilobytes(text, name).ok_or(name);
    let threads_count = field(text, "Threads").and_then(|count| count.parse().ok()).ok_or("Threads")?;
    Ok(ProcessBytes {
        resident_bytes: must("VmRSS")?,
        resident_peak_bytes: must("VmHWM")?,
        anonymous_bytes: must("RssAnon")?,
        file_bytes: must("RssFile")?,
        shmem_bytes: must("RssShmem")?,
        swap_bytes: kilobytes(text, "VmSwap").unwrap_or(0),
        page_tables_bytes: must("VmPTE")?,
        kernel_stacks_bytes: KERNEL_STACK_BYTES.saturating_mul(threads_count),
        threads_count,
        walked: None,
    })
}

/// `/proc/PID/smaps_rollup`.
///
/// # Errors
/// The name of the missing line.
pub fn smaps_rollup(text: &str) -> Result<WalkedBytes, &'static str> {
    let must = |name: &'static str| kilobytes(text, name).ok_or(name);
    Ok(WalkedBytes {
        resident_bytes: must("Rss")?,
        proportional_bytes: must("Pss")?,
        anonymous_bytes: must("Anonymous")?,
        lazily_free_bytes: kilobytes(text, "LazyFree").unwrap_or(0),
        huge_bytes: kilobytes(text, "AnonHugePages").unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tcat\nVmHWM:\t    2000 kB\nVmRSS:\t    1620 kB\nRssAnon:\t     116 kB\n\
        RssFile:\t    1500 kB\nRssShmem:\t       4 kB\nVmPTE:\t      44 kB\nVmSwap:\t       8 kB\nThreads:\t3\n";

    #[test]
    fn kinds_are_apart() {
        let bytes = status(STATUS).unwrap();
        assert_eq!((bytes.resident_bytes, bytes.resident_peak_bytes), (1620 << 10, 2000 << 10));
        assert_eq!(bytes.anonymous_bytes + bytes.file_bytes + bytes.shmem_bytes, bytes.resident_bytes);
        assert_eq!((bytes.swap_bytes, bytes.threads_count), (8 << 10, 3));
        assert_eq!(bytes.kernel_bytes(), (44 << 10) + 3 * (16 << 10));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(status("Name:\tkthreadd\nThreads:\t1\n"), Err("VmRSS"));
        assert_eq!(status(&STATUS.replace("Threads:\t3", "Threads:\tmany")), Err("Threads"));
        assert_eq!(status(&STATUS.replace("116 kB", "116 MB")), Err("RssAnon"));
        assert_eq!(status(&STATUS.replace("116", "99999999999999999999")), Err("RssAnon"));
        assert_eq!(smaps_rollup("5604-7ffd ---p 00000000 00:00 0   [rollup]\nRss: 5 kB\n"), Err("Pss"));
    }

    #[test]
    fn a_walk() {
        let text =
            "Rss:    1752 kB\nPss:     454 kB\nPss_Anon:  1 kB\nAnonymous:   112 kB\nLazyFree:   7 kB\n";
        let walked = smaps_rollup(text).unwrap();
        assert_eq!((walked.resident_bytes, walked.proportional_bytes), (1752 << 10, 454 << 10));
        assert_eq!(
            (walked.anonymous_bytes, walked.lazily_free_bytes, walked.huge_bytes),
            (112 << 10, 7 << 10, 0)
        );
    }
}
