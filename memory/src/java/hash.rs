//! `String.hashCode` and the iteration order of `java.util.HashMap`.

/// `String.hashCode`: over UTF-16 units, 32 bit, wrapping.
pub fn string_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |h, unit| h.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

/// The order in which a `HashMap` filled with these (distinct) keys in this order iterates: indices into `keys`.
pub fn hash_map_order(keys: &[&str]) -> Vec<usize> {
    let mut table = 16usize;
    while keys.len() > table / 4 * 3 {
        table *= 2;
    }
    let bucket = |key: &str| {
        let h = string_hash(key).cast_unsigned();
        (h ^ (h >> 16)) as usize & (table - 1)
    };
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by_key(|&i| bucket(keys[i]));
    order
}
