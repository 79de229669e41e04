//! jemalloc's start-up options, in one place, and set before jemalloc reads them.
//!
//! jemalloc reads the text behind `_rjem_malloc_conf` once, at its first use. Most options are constants; the number
//! of arenas is not: by itself jemalloc makes four for each CPU of the affinity mask, and in a container with a CPU
//! quota that mask has all CPUs of the host. Each arena keeps memory of its own, so that a container of 2 CPUs on a
//! host of 64 pays for 256. So a constructor, which the loader runs before `main` and before jemalloc's own (which
//! has no priority, and runs after all that have one), reads the quota and writes the number into the text.
//!
//! The constructor allocates nothing, reads at most five small files, and does nothing at all where anything is
//! unusual: then jemalloc's own rule holds. It is there on Linux; elsewhere the constants alone are set.
//!
//! **A program that embeds this crate** must not define `_rjem_malloc_conf` itself: the linker would find it twice.
//! What it wants to be different it sets in the environment variable `_RJEM_MALLOC_CONF`, which jemalloc reads
//! after this text; [`super::mallctl::options`] says what holds in the end, and pools check it. A program that
//! builds jemalloc without its prefix (feature `unprefixed_malloc_on_supported_platforms`) has to copy [`text`]'s
//! constants into its own `malloc_conf`, because jemalloc then reads that name.

use std::cell::UnsafeCell;
use std::ffi::c_char;
use std::fmt::Write as _;
use std::hint::black_box;

/// What holds everywhere: no page of padding for large objects, and size classes for them; see `arena` for why.
const CONSTANTS: &str = "cache_oblivious:false,disable_large_size_classes:false";

/// Room for the constants and the number of arenas.
const TEXT_BYTES: usize = 128;

/// A text in place, with a NUL behind it. The bytes stand first: jemalloc reads from the address of the whole.
#[repr(C)]
struct Text {
    bytes: [u8; TEXT_BYTES],
    length: usize,
}

impl Text {
    const fn constants() -> Self {
        let mut bytes = [0; TEXT_BYTES];
        let mut i = 0;
        while i < CONSTANTS.len() {
            bytes[i] = CONSTANTS.as_bytes()[i];
            i += 1;
        }
        Self { bytes, length: i }
    }
}

impl std::fmt::Write for Text {
    /// All of a piece, or nothing of it; the last byte stays NUL.
    fn write_str(&mut self, piece: &str) -> std::fmt::Result {
        let end = self.length + piece.len();
        if end >= TEXT_BYTES {
            return Err(std::fmt::Error);
        }
        self.bytes[self.length..end].copy_from_slice(piece.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// Written by the constructor alone.
#[repr(transparent)]
struct Options(UnsafeCell<Text>);

// SAFETY: the only writer is the constructor, which the loader runs to its end before any other code of this program
// can run; after it there are readers only.
unsafe impl Sync for Options {}

static OPTIONS: Options = Options(UnsafeCell::new(Text::constants()));

/// `const char *`, as C declares it.
#[repr(transparent)]
struct Pointer(*const c_char);

// SAFETY: an address that never changes, of a static.
unsafe impl Sync for Pointer {}

// SAFETY: jemalloc declares this name weak, as a `const char *` to a text with a NUL, for the program to define.
#[unsafe(export_name = "_rjem_malloc_conf")]
#[used]
static MALLOC_CONF: Pointer = Pointer(OPTIONS.0.get().cast::<c_char>());

/// Called by every allocator here, so that no linker leaves this file out.
pub(super) fn keep_linked() {
    black_box(&raw const MALLOC_CONF);
    #[cfg(target_os = "linux")]
    black_box(&raw const linux::CONSTRUCTOR);
}

/// The options that jemalloc was given. The environment variable `_RJEM_MALLOC_CONF` may have changed some since.
pub fn text() -> &'static str {
    keep_linked();
    // SAFETY: the constructor is over, and nobody else writes.
    let text = unsafe { &*OPTIONS.0.get() };
    // Made of `str`s alone.
    std::str::from_utf8(&text.bytes[..text.length]).unwrap_or(CONSTANTS)
}

/// How many arenas for so many CPUs: jemalloc's own rule, four for each, one for one.
pub const fn narenas(cpus: u32) -> u32 {
    if cpus <= 1 { 1 } else { cpus.saturating_mul(4) }
}

/// How many CPUs can be used at once: those of the affinity mask, and no more than the quota, rounded up.
fn cpus(affinity: u32, quota_milli_cores: Option<u64>) -> u32 {
    let quota = quota_milli_cores.map_or(u64::MAX, |milli| milli.div_ceil(1000)).max(1);
    u32::try_from(quota).unwrap_or(u32::MAX).min(affinity)
}

fn write_narenas(text: &mut Text, affinity: u32, quota_milli_cores: Option<u64>) {
    // The text has room for any number; without it jemalloc's rule holds.
    let _ = write!(text, ",narenas:{}", narenas(cpus(affinity, quota_milli_cores)));
}

#[cfg(target_os = "linux")]
mod linux {
    //! The constructor, and reading files without an allocator.

    use std::ffi::CStr;

    use super::OPTIONS;
    use crate::cgroup::{locate, parse};

    /// Before those without a priority, and behind the C library's own set-up, which needs no constructor.
    #[used]
    #[unsafe(link_section = ".init_array.00098")]
    pub(super) static CONSTRUCTOR: extern "C" fn() = constructor;

    extern "C" fn constructor() {
        let Some(affinity) = affinity() else { return };
        // SAFETY: the loader runs constructors one after the other, before anything else that could read the options.
        super::write_narenas(unsafe { &mut *OPTIONS.0.get() }, affinity, quota_milli_cores());
    }

    /// CPUs of the affinity mask. `None` where the kernel has more than a `cpu_set_t`.
    fn affinity() -> Option<u32> {
        // SAFETY: the type is an array of integers, for which zero is a value.
        let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        // SAFETY: the set lives through the call and has the size that is said; 0 is this thread.
        let result = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) };
        // SAFETY: counts bits of a set that is initialised.
        let count = unsafe { libc::CPU_COUNT(&set) };
        (result == 0).then_some(u32::try_from(count).ok()?).filter(|count| *count > 0)
    }

    /// The tightest quota of the group and those above it; as `cgroup::Reader` finds it, but without an allocation.
    #[expect(
        clippy::large_stack_arrays,
        reason = "there is no allocator yet, and the loader's stack has megabytes"
    )]
    fn quota_milli_cores() -> Option<u64> {
        let (mut memberships, mut mountinfo) = ([0; 4 << 10], [0; 64 << 10]);
        let memberships = lines(c"/proc/self/cgroup", &mut memberships)?;
        let mountinfo = lines(c"/proc/self/mountinfo", &mut mountinfo)?;
        let (place, v1) = match locate::place_v1(memberships, mountinfo, "cpu") {
            Some(place) => (place, true),
            None => (locate::place_v2(memberships, mountinfo)?, false),
        };
        let mut below = place.below;
        let mut tightest = None;
        loop {
            let quota = if v1 { quota_v1(place.point, below) } else { quota_v2(place.point, below) };
            tightest = [tightest, quota].into_iter().flatten().min();
            if below.is_empty() {
                return tightest;
            }
            below = below.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }

    fn quota_v2(point: &str, below: &str) -> Option<u64> {
        let (mut path, mut text) = ([0; 1 << 10], [0; 64]);
        parse::quota_v2(lines(join(&mut path, [point, "/", below, "/cpu.max\0"])?, &mut text)?).ok()?
    }

    fn quota_v1(point: &str, below: &str) -> Option<u64> {
        let (mut path, mut quota, mut period) = ([0; 1 << 10], [0; 64], [0; 64]);
        let quota = lines(join(&mut path, [point, "/", below, "/cpu.cfs_quota_us\0"])?, &mut quota)?;
        let period = lines(join(&mut path, [point, "/", below, "/cpu.cfs_period_us\0"])?, &mut period)?;
        parse::quota_v1(quota, period).ok()?
    }

    /// A path of pieces, the last of which ends with NUL. `None` where it is too long.
    fn join<'a>(path: &'a mut [u8], pieces: [&str; 4]) -> Option<&'a CStr> {
        let mut end = 0;
        for piece in pieces {
            path.get_mut(end..end + piece.len())?.copy_from_slice(piece.as_bytes());
            end += piece.len();
        }
        CStr::from_bytes_until_nul(path).ok()
    }

    /// The whole lines of a file, as many as the buffer holds. `None` where it cannot be read or is no text.
    fn lines<'a>(path: &CStr, buffer: &'a mut [u8]) -> Option<&'a str> {
        // SAFETY: the path ends with NUL.
        let file = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
        if file < 0 {
            return None;
        }
        let mut filled = 0;
        while filled < buffer.len() {
            let rest = &mut buffer[filled..];
            // SAFETY: the rest of the buffer is writable and has the length that is said.
            let read = unsafe { libc::read(file, rest.as_mut_ptr().cast(), rest.len()) };
            match usize::try_from(read) {
                Ok(0) | Err(_) => break,
                Ok(read) => filled += read,
            }
        }
        // SAFETY: the file was opened above and is closed once.
        unsafe { libc::close(file) };
        let end = buffer[..filled].iter().rposition(|byte| *byte == b'\n')? + 1;
        std::str::from_utf8(&buffer[..end]).ok()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn whole_lines_only() {
            let mut small = [0; 40];
            let text = lines(c"/proc/self/status", &mut small).unwrap();
            assert!(text.starts_with("Name:\t") && text.ends_with('\n') && text.len() <= 40, "{text:?}");
            assert_eq!(lines(c"/proc/self/none", &mut [0; 8]), None);
            assert_eq!(lines(c"/proc/self", &mut [0; 8]), None, "a directory");
            assert_eq!(lines(c"/proc/self/status", &mut [0; 3]), None, "no whole line");
        }

        #[test]
        fn paths() {
            let mut path = [0xff; 16];
            assert_eq!(join(&mut path, ["/a", "/", "b", "/c\0"]), Some(c"/a/b/c"));
            assert_eq!(join(&mut [0; 4], ["/a", "/", "b", "/c\0"]), None);
        }

        /// The same machine, asked by the code that may allocate.
        #[test]
        fn the_quota_is_the_readers() {
            let group = crate::cgroup::Cgroup::own().unwrap();
            assert_eq!(quota_milli_cores(), group.cpu_quota());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_those_that_can_run_at_once() {
        assert_eq!(cpus(64, None), 64);
        assert_eq!(cpus(64, Some(2000)), 2);
        assert_eq!(cpus(64, Some(2001)), 3, "rounded up");
        assert_eq!(cpus(64, Some(1)), 1);
        assert_eq!(cpus(2, Some(8000)), 2);
        assert_eq!(cpus(2, Some(u64::MAX)), 2);
        assert_eq!((narenas(0), narenas(1), narenas(2), narenas(u32::MAX)), (1, 1, 8, u32::MAX));
    }

    #[test]
    fn the_text_ends_with_nul_and_has_room() {
        let mut text = Text::constants();
        write_narenas(&mut text, u32::MAX, None);
        let end = text.length;
        assert_eq!(
            &text.bytes[..end],
            b"cache_oblivious:false,disable_large_size_classes:false,narenas:4294967295"
        );
        assert_eq!(text.bytes[end], 0);
        assert!(text.write_str(&"x".repeat(TEXT_BYTES)).is_err());
        assert_eq!(text.length, end, "nothing of a piece that is too long");
    }
}
