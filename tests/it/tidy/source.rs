//! Rules about Rust files.

use super::lexer::code_only;
use super::{File, files, none};

const WIDTH_MAX: usize = 120;
const LINES_MAX: usize = 600;

/// Files that may be longer than [`LINES_MAX`], each with its reason.
const LONG: [(&str, &str); 0] = [];

/// Folders that may hold `unsafe`, each with its reason.
const UNSAFE: [(&str, &str); 3] = [
    ("benches/", "a global allocator that counts is an unsafe trait by definition"),
    ("memory/src/arena/", "mappings, jemalloc's hooks, and allocators; each block with its proof"),
    ("statebackend/src/rocksdb/bridge/", "RocksDB speaks C++; each block with its proof"),
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 10] =
    ["manager", "helper", "util", "handler", "context", "managers", "helpers", "utils", "handlers", "common"];

/// What a pure crate's source does not mention: it has neither I/O nor clock nor environment.
const IMPURE: [&str; 11] = [
    "std::fs",
    "std::env",
    "std::time",
    "std::net",
    "std::thread",
    "std::process",
    "std::io",
    "println!",
    "print!",
    "eprintln!",
    "eprint!",
];

/// Crates and parts of crates that are pure.
const PURE: [&str; 5] =
    ["memory/src/config/", "memory/src/java/", "memory/src/model/", "memory/src/size/", "tuning/src/"];

/// Code that must not stay. Written apart, so that the clean-up does not find itself.
const UNFINISHED: [&str; 3] = ["todo!", "unimplemented!", "dbg!"];

fn rust() -> Vec<File> {
    files(&["rs"])
}

fn each(check: impl Fn(&str, &str) -> Vec<String>) -> Vec<String> {
    rust().iter().flat_map(|file| check(&file.path, &file.text)).collect()
}

/// Lines wider than [`WIDTH_MAX`]; a line of a table or one that is mostly a literal cannot be broken without harm.
fn wide(path: &str, text: &str) -> Vec<String> {
    let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    let code = code_only(text);
    let mut complaints = Vec::new();
    for (i, (line, code)) in text.split('\n').zip(code.split('\n')).enumerate() {
        let width = line.chars().count();
        let comment = line.trim_start().starts_with("//");
        let table = line.trim_start().trim_start_matches(['/', '!']).trim_start().starts_with('|');
        let breakable = if comment { !table } else { letters(code) * 2 > letters(line) };
        if width > WIDTH_MAX && breakable {
            complaints.push(format!("{path}:{}: {width} columns, {WIDTH_MAX} at most", i + 1));
        }
    }
    complaints
}

fn lines(path: &str, text: &str, check: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let complaint = |(i, line): (usize, &str)| check(line).map(|why| format!("{path}:{}: {why}", i + 1));
    text.split('\n').enumerate().filter_map(complaint).collect()
}

fn white_space(path: &str, text: &str) -> Vec<String> {
    let mut complaints = lines(path, text, |line| match line {
        _ if line.contains('\t') && !path.ends_with("Makefile") => Some("a tab".to_owned()),
        _ if line.ends_with([' ', '\t', '\r']) => Some("white space at the end of the line".to_owned()),
        _ => None,
    });
    if !text.is_empty() && (!text.ends_with('\n') || text.ends_with("\n\n")) {
        complaints.push(format!("{path}: must end with one line end"));
    }
    complaints
}

fn unfinished(path: &str, text: &str) -> Vec<String> {
    lines(path, &code_only(text), |line| {
        let found = UNFINISHED.iter().find(|word| has_word(line, word))?;
        Some(format!("{found} must not stay"))
    })
}

/// Whether a line has a word: not as the end of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !is_word(before) && (word.ends_with(['!', '(']) || !is_word(after))
    })
}

fn unsafe_code(path: &str, text: &str) -> Vec<String> {
    if UNSAFE.iter().any(|(folder, _)| path.starts_with(folder)) {
        return Vec::new();
    }
    lines(path, &code_only(text), |line| {
        has_word(line, "unsafe").then(|| "unsafe code outside the folders that may have it".to_owned())
    })
}

/// An exception from a lint says why.
fn unexplained(path: &str, text: &str) -> Vec<String> {
    let code = code_only(text);
    let mut complaints = Vec::new();
    for attribute in ["allow(", "expect("] {
        for opening in ["#[", "#!["] {
            let start = format!("{opening}{attribute}");
            for (at, _) in code.match_indices(&start) {
                let end = code[at..].find(")]").map_or(code.len(), |end| at + end);
                if !code[at..end].contains("reason =") {
                    let line = code[..at].matches('\n').count() + 1;
                    complaints.push(format!("{path}:{line}: {start}…)] without a reason"));
                }
            }
        }
    }
    complaints
}

fn long(path: &str, text: &str) -> Vec<String> {
    let count = text.lines().count();
    let excused = LONG.iter().any(|(excused, _)| *excused == path);
    match (count > LINES_MAX, excused) {
        (true, false) => vec![format!("{path}: {count} lines, {LINES_MAX} at most")],
        (false, true) => vec![format!("{path}: {count} lines only, take it off the list")],
        _ => Vec::new(),
    }
}

fn introduced(path: &str, text: &str) -> Vec<String> {
    if text.starts_with("//! ") || text.starts_with("#!") && text.contains("\n//! ") {
        return Vec::new();
    }
    vec![format!("{path}: must start with `//!` and a sentence that says what it is for")]
}

fn impure(path: &str, text: &str) -> Vec<String> {
    if !PURE.iter().any(|folder| path.starts_with(folder)) {
        return Vec::new();
    }
    lines(path, &code_only(text), |line| {
        let found = IMPURE.iter().find(|word| has_word(line, word))?;
        Some(format!("{found} in a crate that is pure"))
    })
}

/// The environment is read where arguments are, in `src/`; tests, benches and examples are told there
/// what to do.
fn environment(path: &str, text: &str) -> Vec<String> {
    let may = [
        "src/",
        "benches/",
        "tests/",
        "memory/examples/",
        "memory/tests/",
        "statebackend/build.rs",
        "statebackend/tests/",
        "tuning/tests/",
    ];
    let may = may.iter().any(|folder| path.starts_with(folder));
    lines(path, &code_only(text), |line| {
        let reads = ["env::var", "env::var_os", "env::vars", "env::args"].iter().any(|w| has_word(line, w));
        (reads && !may).then(|| "the environment is read in src/ only".to_owned())
    })
}

fn empty_name(path: &str, _: &str) -> Vec<String> {
    let stem = |part: &str| part.strip_suffix(".rs").unwrap_or(part).to_owned();
    let found = path.split('/').map(stem).find(|part| EMPTY_NAMES.contains(&part.as_str()));
    found.map(|name| format!("{path}: `{name}` says nothing about what is inside")).into_iter().collect()
}

#[test]
fn lines_are_short() {
    none(&each(wide));
}

#[test]
fn white_space_is_clean() {
    let all = files(&["rs", "toml", "md", "yaml", "yml", "sh", "dict", ""]);
    let own = all.iter().filter(|file| !["LICENSE", ".git"].contains(&file.path.as_str()));
    none(&own.flat_map(|file| white_space(&file.path, &file.text)).collect::<Vec<_>>());
}

#[test]
fn nothing_is_unfinished() {
    none(&each(unfinished));
}

#[test]
fn unsafe_code_stays_where_it_may_be() {
    none(&each(unsafe_code));
}

#[test]
fn exceptions_have_reasons() {
    none(&each(unexplained));
}

#[test]
fn files_are_short() {
    none(&each(long));
    let paths: Vec<String> = rust().into_iter().map(|file| file.path).collect();
    let gone = LONG.iter().filter(|(path, _)| !paths.iter().any(|p| p == path));
    none(&gone.map(|(path, _)| format!("{path}: is no more, take it off the list")).collect::<Vec<_>>());
}

#[test]
fn files_say_what_they_are_for() {
    none(&each(introduced));
}

#[test]
fn pure_crates_are_pure() {
    none(&each(impure));
}

#[test]
fn the_environment_is_read_in_one_place() {
    none(&each(environment));
}

#[test]
fn names_say_what_is_inside() {
    none(&each(empty_name));
}

/// Each rule finds what it is for, and leaves alone what it is not for.
#[test]
fn rules_can_fail() {
    type Check = fn(&str, &str) -> Vec<String>;
    let long_text = "//! x\n".repeat(LINES_MAX + 1);
    let wide_code = format!("let {} = 1;", "a".repeat(WIDTH_MAX));
    let wide_comment = format!("// {}", "a".repeat(WIDTH_MAX));
    let wide_text = format!("let a = \"{}\";", "a".repeat(WIDTH_MAX));
    let wide_table = format!("//! | {} |", "a".repeat(WIDTH_MAX));
    let bad: [(Check, &str, &str); 24] = [
        (wide, "a.rs", &wide_code),
        (wide, "a.rs", &wide_comment),
        (white_space, "a.rs", "\tlet a;\n"),
        (white_space, "a.rs", "let a; \n"),
        (white_space, "a.rs", "let a;"),
        (white_space, "a.rs", "let a;\n\n"),
        (unfinished, "a.rs", "todo!()"),
        (unfinished, "a.rs", "x = std::unimplemented!(\"x\");"),
        (unfinished, "a.rs", "dbg!(1)"),
        (unsafe_code, "src/a.rs", "let a = unsafe { b() };"),
        (unsafe_code, "memory/src/a.rs", "unsafe impl Send for A {}"),
        (unexplained, "a.rs", "#[allow(dead_code)]\nfn f() {}"),
        (unexplained, "a.rs", "#![expect(\n    dead_code,\n    // reason = \"a comment is none\"\n)]"),
        (long, "a.rs", &long_text),
        (introduced, "a.rs", "use std::fmt;\n"),
        (introduced, "a.rs", "//!\n"),
        (impure, "memory/src/model/a.rs", "use std::fs;"),
        (impure, "tuning/src/a.rs", "let now = std::time::Instant::now();"),
        (impure, "memory/src/size/a.rs", "println!(\"x\")"),
        (environment, "memory/src/a.rs", "let a = env::var(\"A\");"),
        (environment, "fuzz/src/a.rs", "std::env::args()"),
        (empty_name, "src/util.rs", ""),
        (empty_name, "memory/src/context/mod.rs", ""),
        (empty_name, "src/helpers.rs", ""),
    ];
    for (check, path, text) in bad {
        assert!(!check(path, text).is_empty(), "nothing wrong with {path}: {text}");
    }
    let good: [(Check, &str, &str); 12] = [
        (wide, "a.rs", &wide_text),
        (wide, "a.rs", &wide_table),
        (white_space, "a.rs", "let a;\n"),
        (unfinished, "a.rs", "// no todo!()\nlet a = \"dbg!\"; mytodo!();"),
        (unsafe_code, "src/a.rs", "// unsafe\nlet a = \"unsafe\"; let unsafe_count = 1;"),
        (unsafe_code, "benches/a.rs", "unsafe {}"),
        (unexplained, "a.rs", "#[expect(dead_code, reason = \"one\")]"),
        (introduced, "a.rs", "//! What it is.\n"),
        (impure, "memory/src/config/a.rs", "//! no std::fs here\nuse std::fmt;"),
        (impure, "src/a.rs", "use std::fs;"),
        (environment, "src/a.rs", "std::env::var_os(\"A\")"),
        (empty_name, "src/utilisation.rs", ""),
    ];
    for (check, path, text) in good {
        assert_eq!(check(path, text), [""; 0], "{path}: {text}");
    }
}
