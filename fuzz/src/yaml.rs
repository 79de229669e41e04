//! The YAML reader: any bytes are a document or a refusal, with places inside the text.

use std::collections::HashSet;

use plimsoll_memory::config::Format;
use plimsoll_memory::config::yaml::{Flattening, parse};

use super::{RULES, file};

/// Reads the input as a `config.yaml`.
pub fn run(data: &[u8]) {
    for flattening in [Flattening::MapByMap, Flattening::OneMap] {
        match parse(data, flattening) {
            Ok(document) => {
                for property in &document.properties {
                    file::check_span(&document.text, property.key_span);
                    file::check_span(&document.text, property.value_span);
                }
                let mut keys = HashSet::new();
                for index in &document.order {
                    let property = document.properties.get(*index).expect("an index of a property");
                    assert!(keys.insert(&property.key), "{} counts twice", property.key);
                }
            }
            Err(failure) => {
                assert!(!failure.message.is_empty());
                if let Some(span) = failure.span {
                    file::check_span(&failure.text, span);
                }
            }
        }
    }
    for rules in RULES.into_iter().filter(|rules| rules.standard_yaml) {
        file::check(rules, data, Format::Yaml);
    }
}
