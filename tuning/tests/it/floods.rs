//! Files with very many mistakes: the report stays short, and comes soon.

use std::fmt::Write as _;

use plimsoll_memory::config::Format;
use plimsoll_tuning::render::{TextStyle, github, json, sarif, text};
use plimsoll_tuning::{Report, Severity};

use crate::{loaded, report, subject};

const MANY: usize = 10_000;

/// At most so many findings of a rule, and one note about the rest.
const CAP: usize = 51;

fn lines(line: impl Fn(usize) -> String) -> String {
    (0..MANY).fold(String::new(), |mut text, i| {
        let _ = writeln!(text, "{}", line(i));
        text
    })
}

fn check(conf: &str) -> Report {
    let loaded = loaded("1.20", Format::Lines, "flink-conf.yaml", conf);
    let subject = subject(&loaded, "1.20", Vec::new());
    let report = report(&subject);
    for rendered in [
        text(&report, &subject, TextStyle::default()),
        json(&report, &subject),
        sarif(&report, &subject),
        github(&report, &subject),
    ] {
        assert!(rendered.len() < 1 << 22, "{}", rendered.len());
    }
    report
}

fn of<'r>(report: &'r Report, code: &str) -> Vec<&'r str> {
    report.diagnostics.iter().filter(|d| d.code == code).map(|d| d.title.as_str()).collect()
}

#[test]
fn unknown_keys() {
    let report = check(&lines(|i| format!("taskmanager.memory.x{i}: 1")));
    let found = of(&report, "MEM0016");
    assert_eq!(found.len(), CAP);
    assert_eq!(found.last().copied(), Some("9950 more findings of this kind not shown"));
    assert_eq!(report.diagnostics.last().map(|d| d.severity), Some(Severity::Note));
}

#[test]
fn dropped_lines() {
    let report = check(&lines(|i| format!("taskmanager.memory.process.size:{i}g")));
    assert_eq!(of(&report, "MEM0024").len(), CAP);
}

#[test]
fn comments_in_values() {
    let report = check(&lines(|i| format!("taskmanager.memory.x{i}: v#")));
    assert_eq!(of(&report, "MEM0024").len(), CAP);
    assert_eq!(of(&report, "MEM0016").len(), CAP);
}

#[test]
fn quoted_and_empty_values() {
    let report = check(&lines(|i| format!("taskmanager.memory.x{i}: \"v\"\ntaskmanager.memory.y{i}: \"\"")));
    assert_eq!(of(&report, "MEM0024").len(), CAP);
}

#[test]
fn one_key_over_and_over() {
    let report = check(&lines(|_| "taskmanager.memory.process.size: 4g".to_owned()));
    assert_eq!(
        of(&report, "MEM0024"),
        ["taskmanager.memory.process.size is set 10000 times: the last one wins"]
    );
    let report = check(&lines(|i| format!("taskmanager.memory.x{}: 1", i / 2)));
    assert_eq!(of(&report, "MEM0024").len(), CAP);
}

#[test]
fn flags() {
    let size = "taskmanager.memory.process.size: 4g\n";
    let report = check(&format!("{size}env.java.opts: {}\n", "-Xmx1g ".repeat(MANY)));
    assert_eq!(of(&report, "MEM0008").len(), 1);
    let report = check(&format!("{size}env.java.opts: {}\n", "-XX:MaxMetaspaceSize=1g ".repeat(MANY)));
    assert_eq!(of(&report, "MEM0009").len(), CAP);
}

#[test]
fn weights_and_resources() {
    let size = "taskmanager.memory.process.size: 500m\n";
    let weights = (0..MANY).map(|i| format!("A{i}:1")).collect::<Vec<_>>().join(",");
    let report = check(&format!("{size}taskmanager.memory.managed.consumer-weights: {weights}\n"));
    assert_eq!(of(&report, "MEM0001").len(), 1);
    let names = (0..MANY).map(|i| format!("r{i}")).collect::<Vec<_>>().join(";");
    let report = check(&format!("{size}external-resources: {names}\n"));
    assert_eq!(of(&report, "MEM0001").len(), 1);
}

#[test]
fn jars() {
    let jars = (0..MANY).map(|i| format!("/opt/{i}.jar")).collect::<Vec<_>>().join(";");
    let report = check(&format!("taskmanager.memory.process.size: 4g\npipeline.jars: {jars};fluss.jar\n"));
    assert_eq!(of(&report, "MEM0018").len(), 1);
}

#[test]
fn far_apart() {
    let many = lines(|i| format!("x{i}: 1"));
    let conf = format!("taskmanager.memory.process.size: 4g\n{many}taskmanager.memory.process.size: 4g\n");
    let report = check(&conf);
    assert_eq!(of(&report, "MEM0024").len(), 1);
}

#[test]
fn one_long_line() {
    let all = (0..MANY).map(|i| format!("taskmanager.memory.x{i}: 1")).collect::<Vec<_>>().join(", ");
    let loaded = loaded("1.20", Format::Yaml, "config.yaml", &format!("{{{all}}}\n"));
    let subject = subject(&loaded, "1.20", Vec::new());
    let report = report(&subject);
    assert_eq!(of(&report, "MEM0016").len(), CAP);
    assert!(text(&report, &subject, TextStyle::default()).len() < 1 << 16);
}
