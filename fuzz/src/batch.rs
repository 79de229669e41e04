//! The batch command: any line has an answer, one line of JSON, always the same.

use memcalc::batch::{answer, run as run_batch};
use plimsoll_memory::model::Ruleset;
use serde_json::Value;

use super::RULES;

/// Answers each line of the input by all rules, and the whole input as a stream.
pub fn run(data: &[u8]) {
    for rules in RULES {
        let mut one_by_one = String::new();
        for line in data.split(|byte| *byte == b'\n') {
            check(rules, line, &mut one_by_one);
        }
        let mut stream = Vec::new();
        run_batch(rules, data, &mut stream).expect("memory neither fails to be read nor to be written");
        assert_eq!(
            String::from_utf8(stream).as_deref(),
            Ok(one_by_one.as_str()),
            "line by line and as a stream"
        );
    }
}

fn check(rules: &'static Ruleset, line: &[u8], out: &mut String) {
    let start = out.len();
    answer(rules, line, out);
    let answer = out.get(start..).unwrap_or_default();
    if line.iter().all(|byte| *byte <= b' ') {
        assert_eq!(answer, "");
        return;
    }
    assert_eq!(answer.matches('\n').count(), 1, "one line");
    assert!(answer.ends_with('\n'));
    let answer: Value = serde_json::from_str(answer).unwrap_or_else(|error| panic!("{error} in {answer}"));
    match answer["ok"].as_bool() {
        Some(true) => {
            if answer["memory"].is_object() {
                check_sums(&answer["memory"]);
            }
        }
        Some(false) => assert!(answer["error"].as_str().is_some_and(|error| !error.is_empty()), "{answer}"),
        None => panic!("neither good nor bad: {answer}"),
    }
}

fn check_sums(memory: &Value) {
    let sum = |names: &[&str]| -> u128 {
        names.iter().filter_map(|name| memory[*name].as_u64()).map(u128::from).sum()
    };
    let flink = [
        "framework_heap",
        "task_heap",
        "framework_off_heap",
        "task_off_heap",
        "network",
        "managed",
        "jvm_heap",
        "off_heap",
    ];
    assert_eq!(sum(&["total_flink"]), sum(&flink), "{memory}");
    assert_eq!(sum(&["total_process"]), sum(&["total_flink", "jvm_metaspace", "jvm_overhead"]), "{memory}");
}
