//! The inputs that fuzzing kept, and those that once broke something, replayed with a stable compiler: the same bodies
//! as the fuzz targets have.

#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "a crate of its own where the fuzzer builds it")]
mod bodies;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use plimsoll_memory::config::KnownKey;

/// Runs a body on every kept input and names those that break it.
fn replay(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    let mut broken = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let data = fs::read(&path).unwrap();
        count += 1;
        if catch_unwind(AssertUnwindSafe(|| body(&data))).is_err() {
            broken.push(path);
        }
    }
    assert!(count >= 20, "{count} inputs only");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn size() {
    replay("size", bodies::size::run);
}

#[test]
fn lines() {
    replay("lines", bodies::lines::run);
}

#[test]
fn yaml() {
    replay("yaml", bodies::yaml::run);
}

#[test]
fn toml() {
    replay("toml", bodies::toml::run);
}

#[test]
fn derive() {
    replay("derive", bodies::derive::run);
}

#[test]
fn batch() {
    replay("batch", bodies::batch::run);
}

/// The fuzzer is told every key that the model reads.
#[test]
fn the_dictionary_has_all_keys() {
    let words = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/keys.dict")).unwrap();
    let missing: Vec<&str> = KnownKey::ALL
        .iter()
        .map(|key| key.as_str())
        .filter(|key| !words.contains(&format!("\"{key}\"")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
