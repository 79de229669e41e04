//! Our own format: keys and values stand where they say, no key twice.

use std::collections::HashSet;

use plimsoll_memory::config::{Format, toml};

use super::{RULES, file};

/// Reads the input as a `plimsoll.toml`.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match toml::parse(&text) {
        Ok(properties) => {
            let mut keys = HashSet::new();
            let mut last = 0;
            for property in &properties {
                file::check_span(&text, property.key_span);
                assert!(!file::shown(&text, property.value_span).is_empty());
                assert!(keys.insert(&property.key), "{} is there twice", property.key);
                assert!(property.key_span.start >= last, "in the order of the text");
                last = property.key_span.start;
            }
        }
        Err(error) => {
            assert!(!error.message.is_empty());
            file::check_span(&text, error.span);
        }
    }
    for rules in RULES {
        file::check(rules, data, Format::Toml);
    }
}
