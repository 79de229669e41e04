//! The session of the README: what it shows is what is printed, but for what is different each time.

use super::{Publishing, run, runtime, shown};

/// Numbers that belong to the machine and the moment, as one sign: `resident 8.3 MiB` and `resident 9 MiB` are the
/// same.
fn without_numbers(line: &str) -> String {
    let words = line.split_whitespace().filter(|word| !["B", "KiB", "MiB", "GiB", "s", "min"].contains(word));
    let plain = |word: &str| {
        let number = word.trim_start_matches(['−', '+', '(']).starts_with(|c: char| c.is_ascii_digit());
        if number { "0".to_owned() } else { word.to_owned() }
    };
    words.map(plain).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_session_is_a_real_one() {
    let readme = include_str!("../../../README.md");
    let (_, session) = readme.split_once("$ memcalc top ").unwrap();
    let (command, rest) = session.split_once('\n').unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    assert_eq!(command, "4711");
    let runtime = runtime();
    let process = Publishing::start(runtime.path());
    let real = shown(&run(runtime.path(), &[&process.pid(), "--once"]));
    process.end();
    // above the pools stands what the machine says, below it what the process holds
    let (head, pools) = text.split_once("\n\n").unwrap();
    let (real_head, real_pools) = real.split_once("\n\n").unwrap();
    assert_eq!(pools, real_pools, "{real}");
    let head: Vec<String> = head.lines().skip(1).map(without_numbers).collect();
    let real_head: Vec<String> = real_head.lines().skip(1).map(without_numbers).collect();
    // not every machine has a control group with a limit
    assert_eq!(head.len(), 3);
    assert_eq!(head[0].split(" · ").next(), real_head[0].split(" · ").next(), "{real}");
    assert_eq!(head[1..], real_head[1..], "{real}");
}
