//! Rules about documents: they exist, and what they name exists.

use std::collections::BTreeSet;
use std::path::Path;

use super::{File, files, none, root};

/// Paths that documents name and that a fresh clone does not have: built, or written by a command.
const MADE: [&str; 3] = ["target/", "fuzz/artifacts/", "mutants.out"];

/// First parts of paths of this repository; `a/b` with any other is no path of ours.
const TOP: [&str; 12] = [
    ".cargo",
    ".ci",
    ".github",
    "benches",
    "conf",
    "fuzz",
    "memory",
    "src",
    "tests",
    "tuning",
    "statebackend",
    "runtime",
];

fn documents() -> Vec<File> {
    files(&["md"]).into_iter().filter(|file| !file.path.contains('/')).collect()
}

/// What a document names in backticks and in links and what looks like a path of this repository.
fn paths(text: &str) -> BTreeSet<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let linked = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let words = quoted.flat_map(str::split_whitespace).chain(linked.filter(|link| !link.contains("://")));
    words
        .map(|word| word.trim_end_matches([',', '.', ';', ':']))
        .filter(|word| is_path(word))
        .map(str::to_owned)
        .collect()
}

fn is_path(word: &str) -> bool {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
    let first = word.split('/').next().unwrap_or("");
    let in_folder = word.contains('/') && TOP.contains(&first);
    let capital = word.split_once('.').is_some_and(|(stem, extension)| {
        stem.chars().all(|c| c.is_ascii_uppercase()) && extension == "md" && !stem.is_empty()
    });
    plain && (in_folder || capital || ["Cargo.toml", "Cargo.lock", "Makefile", "LICENSE"].contains(&word))
}

fn missing(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let gone = |named: &String| !MADE.iter().any(|made| named.starts_with(made)) && !exists(named);
    paths(text).into_iter().filter(gone).map(|named| format!("{path}: {named} does not exist")).collect()
}

fn exists(named: &str) -> bool {
    root().join(named).exists()
}

/// Folders with Rust files.
fn folders() -> BTreeSet<String> {
    let folder = |file: File| Path::new(&file.path).parent().and_then(Path::to_str).map(|p| format!("{p}/"));
    files(&["rs"]).into_iter().filter_map(folder).filter(|folder| folder != "/").collect()
}

#[test]
fn documents_exist() {
    for name in ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", ".ci/run"] {
        assert!(exists(name), "{name}");
    }
    let licence = std::fs::read_to_string(root().join("LICENSE")).unwrap();
    assert!(licence.contains("Apache License") && licence.contains("Version 2.0, January 2004"));
    let log = std::fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    assert!(log.contains("\n## Unreleased\n"), "CHANGELOG.md has no place for the next change");
}

#[test]
fn what_documents_name_exists() {
    none(&documents().iter().flat_map(|file| missing(&file.path, &file.text, exists)).collect::<Vec<_>>());
}

/// The code map is complete to the folder, so that a reader finds a place for every file.
#[test]
fn the_code_map_names_every_folder() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let unnamed = folders().into_iter().filter(|folder| !map.contains(&format!("`{folder}`")));
    none(&unnamed.map(|folder| format!("ARCHITECTURE.md: no line for `{folder}`")).collect::<Vec<_>>());
}

#[test]
fn rules_can_fail() {
    let text = "See `src/gone.rs`, `cargo test`, [this](GONE.md), `a/b`, https://x/src/y, `memcalc check conf/gone`\nand \
                `std::fs`, `target/run/memory.svg`, `src/main.rs`.";
    let named: Vec<String> = paths(text).into_iter().collect();
    assert_eq!(named, ["GONE.md", "conf/gone", "src/gone.rs", "src/main.rs"]);
    let complaints = missing("A.md", text, |named| named == "src/main.rs");
    assert_eq!(complaints.len(), 3, "{complaints:?}");
    assert!(folders().contains("memory/src/model/"));
}
