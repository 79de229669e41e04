//! What `/proc` says about a process, this one or another: who it is, since when, and whose.

use std::fs;
use std::io::{self, ErrorKind};
use std::time::{SystemTime, UNIX_EPOCH};

use super::data::{Process, Role};

/// Ticks of the kernel's clock in a second, as it shows them to programs: 100 on every machine of today.
const TICKS_PER_SECOND: u64 = 100;

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a report says when it was made")]
pub fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A process by its number; `None`: there is none, or it has ended and nobody has waited for it yet.
///
/// # Errors
/// `/proc` cannot be read, or says what no kernel writes.
pub fn process(pid: u32, role: Role) -> io::Result<Option<Process>> {
    let Some(stat) = optional(&format!("/proc/{pid}/stat"))? else { return Ok(None) };
    let odd = || io::Error::new(ErrorKind::InvalidData, format!("/proc/{pid}/stat has no start time"));
    let (name, state, started_ticks) = facts(&stat).ok_or_else(odd)?;
    if matches!(state, 'Z' | 'X' | 'x') {
        return Ok(None);
    }
    let name = name.to_owned();
    let boot = fs::read_to_string("/proc/stat")?;
    let boot = boot.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<u64>().ok());
    let started_unix_ms = boot.unwrap_or(0) * 1000 + started_ticks.saturating_mul(1000 / TICKS_PER_SECOND);
    Ok(Some(Process { pid, name, role, started_unix_ms, started_ticks }))
}

/// This process.
///
/// # Errors
/// As [`process`].
pub fn own_process(role: Role) -> io::Result<Process> {
    process(std::process::id(), role)?.ok_or_else(|| ErrorKind::NotFound.into())
}

/// The user that a process runs as; `None`: there is no such process.
///
/// # Errors
/// As [`process`].
pub fn user(pid: u32) -> io::Result<Option<u32>> {
    Ok(optional(&format!("/proc/{pid}/status"))?.and_then(|status| user_in(&status)))
}

/// The user that this process runs as.
///
/// # Errors
/// As [`process`].
pub fn own_user() -> io::Result<u32> {
    user(std::process::id())?.ok_or_else(|| ErrorKind::NotFound.into())
}

fn optional(path: &str) -> io::Result<Option<String>> {
    match fs::read(path) {
        // a name may be anything
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        // it may end between the opening and the reading: ESRCH
        Err(error) if error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Name, state, start. The name stands in parentheses and may hold any of them itself; the state is the 3rd field, the
/// start the 22nd.
fn facts(stat: &str) -> Option<(&str, char, u64)> {
    let (_, rest) = stat.split_once('(')?;
    let (name, rest) = rest.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((name, state, fields.nth(18)?.parse().ok()?))
}

/// The effective one, the second of four.
fn user_in(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_ascii_whitespace().nth(1)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 8731 1 2";
        assert_eq!(facts(stat), Some(("a) b (c", 'S', 8731)));
        assert_eq!(facts("42 (a) S 1"), None);
        assert_eq!(facts(""), None);
    }

    #[test]
    fn the_effective_user() {
        assert_eq!(user_in("Name:\tx\nUid:\t1\t2\t3\t4\n"), Some(2));
        assert_eq!(user_in("Name:\tx\n"), None);
    }

    #[test]
    fn this_process() {
        let own = own_process(Role::Other).unwrap();
        assert_eq!(own.pid, std::process::id());
        assert_eq!(process(own.pid, Role::Other).unwrap(), Some(own.clone()));
        let now = now_unix_ms();
        assert!(
            own.started_unix_ms <= now + 2000 && own.started_unix_ms + 3_600_000 > now,
            "{own:?} at {now}"
        );
        assert_eq!(user(own.pid).unwrap(), Some(own_user().unwrap()));
        assert_eq!(process(u32::MAX, Role::Other).unwrap(), None);
    }
}
