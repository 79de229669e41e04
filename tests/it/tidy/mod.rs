//! The house rules that can be checked. Each check takes a text and returns what is wrong with it, so that each is
//! itself tested on small bad inputs; one test a rule then runs it over the repository.

mod documents;
mod lexer;
mod packages;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the repository: its path from the root, with slashes, and its text.
struct File {
    path: String,
    text: String,
}

/// Folders with code and documents of our own.
const FOLDERS: [&str; 10] =
    [".cargo", ".ci", ".github", "benches", "conf", "fuzz", "memory", "src", "statebackend", "tuning"];
/// Folders below them whose content is data or built.
const SKIPPED: [&str; 5] = ["target", "corpus", "artifacts", "coverage", "data"];

/// All files with one of these extensions, sorted by path; `""` takes files without one.
fn files(extensions: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = FOLDERS.iter().chain(&["tests"]).map(|name| root().join(name)).collect();
    let here = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    found.extend(here);
    while let Some(folder) = open.pop() {
        // a folder of the list that is not there yet
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let skipped = path.file_name().is_some_and(|name| SKIPPED.iter().any(|s| *s == name));
            match (path.is_dir(), skipped) {
                (true, false) => open.push(path),
                (true, true) => {}
                (false, _) => found.push(path),
            }
        }
    }
    found.sort();
    let wanted = |path: &PathBuf| {
        let extension = path.extension().map_or("", |e| e.to_str().unwrap_or("?"));
        extensions.contains(&extension)
    };
    let read = |path: PathBuf| File {
        text: fs::read_to_string(&path).unwrap_or_default(),
        path: path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/"),
    };
    found.into_iter().filter(wanted).map(read).collect()
}

/// Fails with all complaints, one a line.
#[track_caller]
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn the_files_are_found() {
    let paths: Vec<String> = files(&["rs", "toml", "md", ""]).into_iter().map(|file| file.path).collect();
    for expected in [
        "Cargo.toml",
        "ARCHITECTURE.md",
        "LICENSE",
        "src/main.rs",
        "memory/src/model/mod.rs",
        "tests/it/tidy/mod.rs",
        ".ci/run",
    ] {
        assert!(paths.iter().any(|path| path == expected), "{expected} among {paths:?}");
    }
    assert!(!paths.iter().any(|path| path.contains("target/")), "{paths:?}");
}
