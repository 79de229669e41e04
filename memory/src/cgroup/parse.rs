//! The kernel's small files: text in, numbers out, and a named error for what no kernel writes.

use super::error::CgroupError;
use super::{Averages, Events, Split};

/// Version 1 writes "unlimited" as the largest number of whole pages; pages have up to 64 KiB.
const UNLIMITED_V1_BYTES: u64 = (1 << 63) - (1 << 16);

/// One number of bytes.
///
/// # Errors
/// [`CgroupError::Content`] for anything but a whole number.
pub fn bytes(file: &str, text: &str) -> Result<u64, CgroupError> {
    text.trim_end().parse().map_err(|_| CgroupError::content(file, text, "a number of bytes"))
}

/// A limit of version 2: a number of bytes or `max`. `None`: unlimited.
///
/// # Errors
/// [`CgroupError::Content`] for anything else.
pub fn limit_v2(file: &str, text: &str) -> Result<Option<u64>, CgroupError> {
    match text.trim_end() {
        "max" => Ok(None),
        number => match number.parse() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(_) => Err(CgroupError::content(file, text, "a number of bytes or \"max\"")),
        },
    }
}

/// A limit of version 1: a number of bytes, where a very large one, and -1, mean unlimited (`None`).
///
/// # Errors
/// [`CgroupError::Content`] for anything else.
pub fn limit_v1(file: &str, text: &str) -> Result<Option<u64>, CgroupError> {
    if text.trim_end() == "-1" {
        return Ok(None);
    }
    Ok(Some(bytes(file, text)?).filter(|bytes| *bytes < UNLIMITED_V1_BYTES))
}

/// `name number` lines: `memory.events`, `memory.stat`, version 1's `memory.oom_control`. Names not asked for may be
/// anything.
///
/// # Errors
/// [`CgroupError::Content`] where the line of the name has no number.
pub fn named(file: &str, text: &str, name: &str) -> Result<Option<u64>, CgroupError> {
    let line =
        text.lines().find(|line| line.strip_prefix(name).is_some_and(|r| r.is_empty() || r.starts_with(' ')));
    let Some(line) = line else { return Ok(None) };
    let number = line[name.len()..].trim().parse();
    number.map(Some).map_err(|_| CgroupError::content(file, line, "a name and a number"))
}

/// Version 2's `memory.events`.
///
/// # Errors
/// Those of [`named`].
pub fn events_v2(file: &str, text: &str) -> Result<Events, CgroupError> {
    Ok(Events {
        low: named(file, text, "low")?,
        high: named(file, text, "high")?,
        max: named(file, text, "max")?,
        oom: named(file, text, "oom")?,
        oom_kill: named(file, text, "oom_kill")?,
    })
}

/// Version 2's `memory.stat`; a missing line of user memory is 0, one of kernel memory is `None`.
///
/// # Errors
/// Those of [`named`].
pub fn split_v2(file: &str, text: &str) -> Result<Split, CgroupError> {
    Ok(Split {
        anon_bytes: named(file, text, "anon")?.unwrap_or(0),
        file_bytes: named(file, text, "file")?.unwrap_or(0),
        shmem_bytes: named(file, text, "shmem")?.unwrap_or(0),
        dirty_bytes: named(file, text, "file_dirty")?.unwrap_or(0),
        kernel_bytes: named(file, text, "kernel")?,
        kernel_stack_bytes: named(file, text, "kernel_stack")?,
        page_tables_bytes: named(file, text, "pagetables")?,
        slab_bytes: named(file, text, "slab")?,
        sock_bytes: named(file, text, "sock")?,
    })
}

/// Version 1's `memory.stat`, groups below included (`total_…`); `kmem` is `memory.kmem.usage_in_bytes`.
///
/// # Errors
/// Those of [`named`].
pub fn split_v1(file: &str, text: &str, kmem: Option<u64>) -> Result<Split, CgroupError> {
    Ok(Split {
        anon_bytes: named(file, text, "total_rss")?.unwrap_or(0),
        file_bytes: named(file, text, "total_cache")?.unwrap_or(0),
        shmem_bytes: named(file, text, "total_shmem")?.unwrap_or(0),
        dirty_bytes: named(file, text, "total_dirty")?.unwrap_or(0),
        kernel_bytes: kmem,
        ..Split::default()
    })
}

/// One line of pressure stall information: `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`. `None`: no such line.
///
/// # Errors
/// [`CgroupError::Content`] where the line has another form.
pub fn averages(file: &str, text: &str, kind: &str) -> Result<Option<Averages>, CgroupError> {
    let line = text.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(' '));
    let Some(line) = line else { return Ok(None) };
    let wrong = || CgroupError::content(file, line, "avg10=, avg60=, avg300= and total=");
    let value = |name: &str| {
        let found = line.split_whitespace().find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        found.ok_or_else(wrong)
    };
    let percent = |name: &str| {
        let number: f64 = value(name)?.parse().map_err(|_| wrong())?;
        if (0.0..=100.0).contains(&number) { Ok(number) } else { Err(wrong()) }
    };
    Ok(Some(Averages {
        avg10_percent: percent("avg10")?,
        avg60_percent: percent("avg60")?,
        avg300_percent: percent("avg300")?,
        total_micros: value("total")?.parse().map_err(|_| wrong())?,
    }))
}

/// Thousandths of a CPU from a quota and a period in microseconds: rounded down, at least 1. `None`: the period is 0.
pub fn milli_cores(quota_micros: u64, period_micros: u64) -> Option<u64> {
    let milli = u128::from(quota_micros) * 1000 / u128::from(Some(period_micros).filter(|p| *p > 0)?);
    Some(u64::try_from(milli).unwrap_or(u64::MAX).max(1))
}

/// Content that no kernel writes. Without a text, because the allocator's start-up may not allocate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weird;

/// Version 2's `cpu.max`: `max 100000` (`None`: unlimited) or `50000 100000`, as thousandths of a CPU. Allocates
/// nothing.
///
/// # Errors
/// [`Weird`] for anything else.
pub fn quota_v2(text: &str) -> Result<Option<u64>, Weird> {
    let (quota, period) = text.trim_end().split_once(' ').ok_or(Weird)?;
    if quota == "max" {
        return Ok(None);
    }
    let (quota, period) = (quota.parse().map_err(|_| Weird)?, period.parse().map_err(|_| Weird)?);
    milli_cores(quota, period).map(Some).ok_or(Weird)
}

/// Version 1's `cpu.cfs_quota_us` (-1 and 0: unlimited, `None`) and `cpu.cfs_period_us`, as thousandths of a CPU.
/// Allocates nothing.
///
/// # Errors
/// [`Weird`] for anything else.
pub fn quota_v1(quota: &str, period: &str) -> Result<Option<u64>, Weird> {
    let quota: i64 = quota.trim_end().parse().map_err(|_| Weird)?;
    let Some(quota) = u64::try_from(quota).ok().filter(|quota| *quota > 0) else { return Ok(None) };
    let period = period.trim_end().parse().map_err(|_| Weird)?;
    milli_cores(quota, period).map(Some).ok_or(Weird)
}

/// [`quota_v2`] with the file in its error.
///
/// # Errors
/// [`CgroupError::Content`].
pub fn cpu_max(file: &str, text: &str) -> Result<Option<u64>, CgroupError> {
    let expected = "a quota in microseconds or \"max\", and a period";
    quota_v2(text).map_err(|Weird| CgroupError::content(file, text, expected))
}

/// [`quota_v1`] with the file in its error.
///
/// # Errors
/// [`CgroupError::Content`].
pub fn cfs_quota(file: &str, quota: &str, period: &str) -> Result<Option<u64>, CgroupError> {
    let both = || format!("{} with a period of {}", quota.trim_end(), period.trim_end());
    let expected = "a quota in microseconds or -1, with a period beside it";
    quota_v1(quota, period).map_err(|Weird| CgroupError::content(file, &both(), expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlimited_is_none() {
        assert_eq!(limit_v2("f", "max\n"), Ok(None));
        assert_eq!(limit_v2("f", "1073741824\n"), Ok(Some(1 << 30)));
        assert_eq!(limit_v2("f", "0\n"), Ok(Some(0)));
        assert_eq!(limit_v1("f", "9223372036854771712\n"), Ok(None), "pages of 4 KiB");
        assert_eq!(limit_v1("f", "9223372036854710272\n"), Ok(None), "pages of 64 KiB");
        assert_eq!(limit_v1("f", "-1\n"), Ok(None));
        assert_eq!(limit_v1("f", "67108864\n"), Ok(Some(64 << 20)));
    }

    #[test]
    fn weird_content_is_an_error() {
        for text in ["", "\n", "max ", "1k", "-2", "1 2", "١", "18446744073709551616", "\u{0}"] {
            assert!(limit_v1("f", text).is_err(), "{text:?}");
        }
        for text in ["", "Max", "-1", "1.5"] {
            assert!(limit_v2("f", text).is_err(), "{text:?}");
        }
        for text in ["", "max", "1", "1 0", "x 1", "-1 100000"] {
            assert!(cpu_max("f", text).is_err(), "{text:?}");
        }
        for (quota, period) in [("", "1"), ("max", "1"), ("5", ""), ("5", "0"), ("5", "-1")] {
            assert!(cfs_quota("f", quota, period).is_err(), "{quota:?} {period:?}");
        }
    }

    #[test]
    fn quotas_in_thousandths() {
        assert_eq!(cpu_max("f", "max 100000\n"), Ok(None));
        assert_eq!(cpu_max("f", "150000 100000\n"), Ok(Some(1500)));
        assert_eq!(cpu_max("f", "1 100000\n"), Ok(Some(1)), "never 0");
        assert_eq!(cpu_max("f", "18446744073709551615 1\n"), Ok(Some(u64::MAX)));
        assert_eq!(cfs_quota("f", "-1\n", "100000\n"), Ok(None));
        assert_eq!(cfs_quota("f", "200000\n", "100000\n"), Ok(Some(2000)));
    }

    #[test]
    fn names_are_whole() {
        let text = "low 0\nhigh 1\nmax 7\noom 3\noom_kill 2\noom_group_kill 0\n";
        let events = events_v2("f", text).unwrap();
        let all = Events { low: Some(0), high: Some(1), max: Some(7), oom: Some(3), oom_kill: Some(2) };
        assert_eq!(events, all);
        assert_eq!(events_v2("f", "").unwrap(), Events::default());
        assert!(events_v2("f", "oom x\n").is_err());
        assert!(events_v2("f", "oom\n").is_err());
    }

    #[test]
    fn pressure_lines() {
        let text = "some avg10=1.50 avg60=0.00 avg300=0.10 total=12345\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
        let some = averages("f", text, "some").unwrap().unwrap();
        assert_eq!((some.avg10_percent, some.avg300_percent, some.total_micros), (1.5, 0.1, 12345));
        assert_eq!(averages("f", text, "none").unwrap(), None);
        for bad in [
            "some avg10=1",
            "some avg10=x avg60=0 avg300=0 total=0",
            "some avg10=NaN avg60=0 avg300=0 total=0",
        ] {
            assert!(averages("f", bad, "some").is_err(), "{bad}");
        }
    }
}
