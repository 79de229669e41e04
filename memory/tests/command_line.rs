//! The command line against recorded answers of the real `FlinkConfigLoader` of 1.11.4, 1.20.5 and 2.3.0. One case a
//! line of `data/command_line.jsonl`: `args` → `ok`: the properties sorted by key, the directory as `dir`; or `err`:
//! the exceptions.

use std::collections::BTreeMap;

use plimsoll_memory::config::command_line;
use plimsoll_memory::model::version::{V1_11, V1_20, V2_3};
use serde_json::Value as Json;

#[test]
fn as_the_real_program() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/command_line.jsonl");
    let cases = std::fs::read_to_string(path).expect("the recorded cases");
    let mut differ = Vec::new();
    for line in cases.lines() {
        let case: Json = serde_json::from_str(line).expect("a case");
        let ruleset = match case["flink"].as_str() {
            Some("1.11.4") => &V1_11,
            Some("1.20.5") => &V1_20,
            _ => &V2_3,
        };
        let args = case["args"].as_array().expect("args").iter();
        let args: Vec<String> = args.map(|arg| arg.as_str().expect("text").to_owned()).collect();
        let same = match command_line::parse(ruleset, &args) {
            Ok(read) => {
                let mut entries = BTreeMap::from([("dir".to_owned(), read.config_dir)]);
                entries.extend(read.dynamic);
                let entries: Vec<Json> =
                    entries.into_iter().map(|(key, value)| Json::from(vec![key, value])).collect();
                case["ok"] == Json::from(entries)
            }
            Err(failure) => {
                let chain: Vec<String> = failure.chain.iter().map(ToString::to_string).collect();
                case["err"] == Json::from(chain)
            }
        };
        if !same {
            differ.push(line);
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}
