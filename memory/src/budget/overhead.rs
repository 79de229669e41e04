//! What the overhead of a native process must hold, as a sum of named terms: bytes that no pool counts.
//!
//! Each term is an upper estimate of something that is measured elsewhere: the drift gauge shows what became of it.

/// What a process will have, as far as its overhead depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverheadLoad {
    /// Threads.
    pub threads_count: u64,
    /// Pools with an arena of their own.
    pub arenas_count: u64,
    /// The limit of the general heap, in bytes.
    pub heap_bytes: u64,
    /// All memory of the process, in bytes: the kernel keeps a table entry for each page of it.
    pub process_bytes: u64,
}

/// A term of the overhead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverheadTerm {
    /// Its name.
    pub name: &'static str,
    /// How much.
    pub bytes: u64,
    /// Why.
    pub reason: &'static str,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

impl OverheadLoad {
    /// The terms, in the order of a report. Their sum is the smallest overhead that is enough.
    pub fn terms(&self) -> [OverheadTerm; 7] {
        let term = |name, bytes, reason| OverheadTerm { name, bytes, reason };
        [
            term(
                "thread stacks",
                self.threads_count.saturating_mul(64 * KIB),
                "touched pages of a stack, 48 KiB a thread, and 16 KiB that the kernel has for each",
            ),
            term(
                "heap slack",
                self.heap_bytes / 5,
                "jemalloc rounds a size up by at most a fifth, and counted are the sizes asked for",
            ),
            term(
                "heap caches",
                self.threads_count.saturating_mul(512 * KIB),
                "freed blocks that threads keep",
            ),
            term(
                "heap reserve",
                MIB,
                "what is touched of the emergency reserve of 8 MiB, given back when an allocation fails",
            ),
            term(
                "arena tables",
                self.threads_count.saturating_mul(self.arenas_count).saturating_mul(32 * KIB),
                "pointers to freed blocks that each thread keeps for each pool",
            ),
            term(
                "page tables",
                self.process_bytes / 256,
                "8 bytes for each page of 4 KiB, and as much again for gaps",
            ),
            term("program", 4 * MIB, "written pages of the program and its libraries, jemalloc's own state"),
        ]
    }

    /// The sum of the terms, in bytes.
    pub fn bytes(&self) -> u64 {
        self.terms().iter().map(|term| term.bytes).fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_its_terms() {
        let load = OverheadLoad {
            threads_count: 8,
            arenas_count: 4,
            heap_bytes: 20 * MIB,
            process_bytes: 1024 * MIB,
        };
        // stacks ½, slack 4, caches 4, reserve 1, tables 1, page tables 4, program 4
        assert_eq!(load.bytes(), 18 * MIB + 512 * KIB);
        let huge =
            OverheadLoad { threads_count: u64::MAX, arenas_count: 2, heap_bytes: u64::MAX, process_bytes: 0 };
        assert_eq!(huge.bytes(), u64::MAX);
    }
}
