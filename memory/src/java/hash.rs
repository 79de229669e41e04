//! `String.hashCode` and the iteration order of `java.util.HashMap`.

/// `String.hashCode`: over UTF-16 units, 32 bit, wrapping.
pub fn string_hash(text: &str) -> i32 {
    let add = |h: i32, unit: u16| h.wrapping_mul(31).wrapping_add(i32::from(unit));
    if text.is_ascii() {
        return text.bytes().fold(0, |h, byte| add(h, u16::from(byte)));
    }
    text.encode_utf16().fold(0, add)
}

/// A table starts with this many buckets.
const FIRST_TABLE: usize = 16;
/// A bucket that outgrows this many entries doubles a small table…
const LONG_BUCKET: u32 = 8;
/// …and becomes a tree in one of at least so many buckets.
const TREE_TABLE: usize = 64;

/// The order in which a `HashMap` (of default capacity) filled with these distinct keys in this order iterates: indices
/// into `keys`.
///
/// Not covered: in a table of 64 buckets and more, a bucket of nine entries and more becomes a tree, which moves its
/// root to the front. Keys that collide like that do not come about by chance.
pub fn hash_map_order(keys: &[&str]) -> Vec<usize> {
    let mut spread: Vec<(u32, usize)> = Vec::with_capacity(keys.len());
    for (index, key) in keys.iter().enumerate() {
        let h = string_hash(key).cast_unsigned();
        spread.push((h ^ (h >> 16), index));
    }
    let mask = table_size(&spread) - 1;
    // halving a bucket keeps the order of its entries, so that of insertion holds in every bucket
    spread.sort_unstable_by_key(|(hash, index)| (*hash as usize & mask, *index));
    spread.into_iter().map(|(_, index)| index).collect()
}

/// The buckets after filling: doubled whenever the entries exceed three quarters of them, or a bucket grows too long.
fn table_size(spread: &[(u32, usize)]) -> usize {
    let mut size = FIRST_TABLE;
    // 48 entries and more double a table beyond the size at which long buckets matter
    let mut lengths = [0u32; TREE_TABLE];
    for (count, (hash, _)) in (1..).zip(spread) {
        if size < TREE_TABLE {
            let bucket = *hash as usize & (size - 1);
            lengths[bucket] += 1;
            if lengths[bucket] > LONG_BUCKET {
                size *= 2;
                lengths = bucket_lengths(&spread[..count], size);
            }
        }
        if count > size / 4 * 3 {
            size *= 2;
            if size < TREE_TABLE {
                lengths = bucket_lengths(&spread[..count], size);
            }
        }
    }
    size
}

fn bucket_lengths(spread: &[(u32, usize)], size: usize) -> [u32; TREE_TABLE] {
    let mut lengths = [0; TREE_TABLE];
    for (hash, _) in spread {
        lengths[*hash as usize & (size - 1) & (TREE_TABLE - 1)] += 1;
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes() {
        assert_eq!(string_hash(""), 0);
        assert_eq!(string_hash("taskmanager.cpu.cores"), string_hash_by_definition("taskmanager.cpu.cores"));
        assert_eq!(string_hash("\u{1f600}"), 0xd83d * 31 + 0xde00);
    }

    fn string_hash_by_definition(text: &str) -> i32 {
        text.encode_utf16().fold(0, |h: i32, unit| h.wrapping_mul(31).wrapping_add(i32::from(unit)))
    }

    #[test]
    fn a_long_bucket_doubles_a_small_table() {
        // "Aa" and "BB" hash alike, and so do all of their concatenations of one length
        let alike: Vec<String> = (0..9u32)
            .map(|n| (0..4).map(|bit| if n >> bit & 1 == 0 { "Aa" } else { "BB" }).collect())
            .collect();
        let spread: Vec<(u32, usize)> = alike.iter().map(|k| (string_hash(k).cast_unsigned(), 0)).collect();
        assert_eq!(table_size(&spread[..8]), 16);
        assert_eq!(table_size(&spread), 32);
    }
}
