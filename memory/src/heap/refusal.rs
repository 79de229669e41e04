//! New work is admitted or refused, by name and number.

use std::error::Error;
use std::fmt;

use super::watermark::{Level, Watermarks};
use super::{owner, reserve, tally};

/// How many owners a refusal names.
const NAMED: usize = 5;

/// The general heap takes no new work now. Wait until others have freed memory, or refuse the work to whoever brought
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeapRefusal {
    /// What the work was said to need, in bytes.
    pub asked_bytes: u64,
    /// What the heap holds.
    pub held_bytes: u64,
    /// What it may hold. `None`: it has no limit, but the system refused an allocation.
    pub limit_bytes: Option<u64>,
    /// The largest owners and their bytes, the largest first.
    pub largest: [Option<(&'static str, u64)>; NAMED],
}

/// Asks whether work that needs about so many bytes of the general heap may begin. Reserves nothing: it is a question
/// asked at the door, cheap enough for each request.
///
/// # Errors
/// [`HeapRefusal`] from the limit on, until the heap is below 0.98 of it; and after an allocation failed, until the
/// emergency reserve is back.
pub fn admit(bytes_hint: u64) -> Result<(), Box<HeapRefusal>> {
    let (held, limit) = (tally::held_bytes(), tally::limit_bytes());
    // The stored level has the hysteresis; the bytes are newer.
    let full = limit.is_some_and(|limit| {
        Watermarks::DEFAULT.level(held, Some(limit), tally::level()) == Level::Refuse
            || held.saturating_add(bytes_hint) > limit
    });
    if !full && !reserve::is_short() {
        return Ok(());
    }
    Err(Box::new(HeapRefusal {
        asked_bytes: bytes_hint,
        held_bytes: held,
        limit_bytes: limit.filter(|_| full),
        largest: owner::largest(),
    }))
}

impl fmt::Display for HeapRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked_bytes, held_bytes, limit_bytes, largest } = self;
        match limit_bytes {
            Some(limit) => write!(
                f,
                "the general heap takes no new work: asked for {asked_bytes} bytes, {held_bytes} of {limit} bytes are held"
            )?,
            None => write!(
                f,
                "the general heap takes no new work: asked for {asked_bytes} bytes, {held_bytes} bytes are held, and \
                 the system refused an allocation"
            )?,
        }
        f.write_str("\nlargest owners:")?;
        if largest.iter().all(Option::is_none) {
            f.write_str(" none")?;
        }
        for (i, (name, bytes)) in largest.iter().flatten().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma} {name} {bytes}")?;
        }
        match limit_bytes {
            Some(limit) => {
                let below = Watermarks::DEFAULT.ends_bytes(Level::Refuse, *limit);
                write!(
                    f,
                    "\nwait until less than {below} bytes are held, or raise taskmanager.memory.task.heap.size"
                )
            }
            None => f.write_str(
                "\nwait until memory is free, or raise the limit of the control group or the machine",
            ),
        }
    }
}

impl Error for HeapRefusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts() {
        let mut refusal = HeapRefusal {
            asked_bytes: 4096,
            held_bytes: 1_073_741_824,
            limit_bytes: Some(1_073_741_824),
            largest: [Some(("parser", 900_000_000)), Some(("(unattributed)", 1024)), None, None, None],
        };
        assert_eq!(
            refusal.to_string(),
            "the general heap takes no new work: asked for 4096 bytes, 1073741824 of 1073741824 bytes are held\n\
             largest owners: parser 900000000, (unattributed) 1024\n\
             wait until less than 1052266988 bytes are held, or raise taskmanager.memory.task.heap.size"
        );
        refusal.limit_bytes = None;
        refusal.largest = [None; NAMED];
        assert_eq!(
            refusal.to_string(),
            "the general heap takes no new work: asked for 4096 bytes, 1073741824 bytes are held, and the system refused \
             an allocation\n\
             largest owners: none\n\
             wait until memory is free, or raise the limit of the control group or the machine"
        );
    }
}
