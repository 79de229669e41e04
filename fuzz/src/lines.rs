//! The line parser of Flink 1.x: what it reads stands where it says, in order.

use plimsoll_memory::config::Format;
use plimsoll_memory::config::line_parser::{Line, parse};

use super::{RULES, file};

/// Reads the input as a `flink-conf.yaml`.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut last_line = 0;
    for line in parse(&text) {
        let at = match &line {
            Line::Property(property) => {
                assert_eq!(file::shown(&text, property.key_span), property.key);
                assert_eq!(file::shown(&text, property.value_span), property.value);
                assert!(property.key_span.end <= property.value_span.start);
                assert!(!property.key.is_empty() && !property.value.is_empty());
                if let Some(cut) = property.cut_by {
                    assert!(file::shown(&text, cut).starts_with('#'), "{cut:?}");
                }
                property.key_span
            }
            Line::Dropped(dropped) => {
                file::check_span(&text, dropped.span);
                dropped.span
            }
        };
        assert!(at.line > last_line, "line {} after line {last_line}", at.line);
        last_line = at.line;
    }
    for rules in RULES.into_iter().filter(|rules| rules.legacy_yaml) {
        file::check(rules, data, Format::Lines);
    }
}
