//! Each rule's wrong example has that finding alone, its right one none.

use std::fmt::Write as _;

use plimsoll_memory::config::Format;
use plimsoll_tuning::render::{TextStyle, text};
use plimsoll_tuning::rules::{Example, RULES};

use crate::{environment, loaded, report, subject};

fn codes(example: &Example) -> (Vec<&'static str>, String) {
    let loaded = loaded(example.version, Format::Lines, "flink-conf.yaml", example.conf);
    let subject = subject(&loaded, example.version, environment("image.env", example.environment));
    let report = report(&subject);
    let text = text(&report, &subject, TextStyle::default());
    (report.diagnostics.iter().map(|d| d.code).collect(), text)
}

#[test]
fn wrong_examples_have_their_finding_alone_and_right_ones_none() {
    let mut failures = String::new();
    for rule in &RULES {
        for (example, expected) in [(&rule.wrong, &[rule.code][..]), (&rule.right, &[])] {
            let (found, text) = codes(example);
            if found != expected {
                let _ = writeln!(failures, "{} found {found:?}, not {expected:?}:\n{text}", rule.name);
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn severities_of_the_table_are_those_of_the_examples() {
    for rule in &RULES {
        let loaded = loaded(rule.wrong.version, Format::Lines, "flink-conf.yaml", rule.wrong.conf);
        let environments = environment("image.env", rule.wrong.environment);
        let subject = subject(&loaded, rule.wrong.version, environments);
        assert_eq!(report(&subject).worst(), Some(rule.severity), "{}", rule.code);
    }
}
