//! Replays what the real Flink answered about sizes, RocksDB and consumer weights: `data/flink-parts.jsonl`, lines of
//! version, request and answer. Sizes are the same in all versions and stand there once.

use plimsoll_memory::MemorySize;
use plimsoll_memory::config::Configuration;
use plimsoll_memory::java::{self, Exception, exception};
use plimsoll_memory::model::rocksdb::{self, Ratios, SharedMemory};
use plimsoll_memory::model::weights::{
    UseCase, Weights, WeightsError, fraction_rounded_down, fractions_of_slot,
};
use plimsoll_memory::model::{Ruleset, Version};
use plimsoll_memory::size::Unit;
use serde_json::{Map, Value, json};

type Answer = Result<Map<String, Value>, Vec<Exception>>;

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}

/// A failure as the recording has it: outermost exception, its cause, and the innermost where that is another.
fn failure(chain: &[Exception]) -> Value {
    let mut answer = object(json!({ "ok": false }));
    let names = [("error", "message"), ("cause_error", "cause"), ("root_error", "root_cause")];
    let links = chain.iter().take(2).chain(chain.iter().skip(2).last());
    for (link, (class, message)) in links.zip(names) {
        answer.insert(class.into(), link.simple_name().into());
        answer.insert(message.into(), json!(link.message));
    }
    Value::Object(answer)
}

fn number_format(error: java::NumberFormat) -> Vec<Exception> {
    vec![Exception::new(exception::NUMBER_FORMAT, error.0)]
}

fn size(request: &Value) -> Answer {
    let text = request["text"].as_str().expect("text");
    let unit = request["unit"].as_str().and_then(Unit::from_flink_name);
    let size = unit.map_or_else(|| MemorySize::parse(text), |unit| MemorySize::parse_with_unit(text, unit));
    let size = size.map_err(|e| {
        let class = if e.is_number_format() { exception::NUMBER_FORMAT } else { exception::ILLEGAL_ARGUMENT };
        vec![Exception::new(class, e.to_string())]
    })?;
    Ok(object(json!({
        "bytes": size.bytes(),
        "human": size.human().to_string(),
        "string": size.to_string(),
        "mebibytes_int": size.mebibytes_int(),
    })))
}

fn rocks(request: &Value, rules: &Ruleset) -> Map<String, Value> {
    let total = request["total"].as_i64().expect("total");
    let write_buffer = request["write_buffer_ratio"].as_f64().unwrap_or(rocksdb::DEFAULT_WRITE_BUFFER_RATIO);
    let high_priority = request["high_prio_ratio"].as_f64().unwrap_or(rocksdb::DEFAULT_HIGH_PRIORITY_RATIO);
    let buffer = request["write_buffer_size"].as_i64().unwrap_or(rocksdb::DEFAULT_WRITE_BUFFER_SIZE);
    let shared = SharedMemory::of(total, write_buffer);
    let mut answer = object(json!({
        "cache_capacity": shared.cache_capacity,
        "write_buffer_manager_capacity": shared.write_buffer_manager_capacity,
    }));
    if rocksdb::checks_arena_blocks(rules) {
        let mut allocated = answer.clone();
        allocated.insert("high_prio_ratio".into(), high_priority.into());
        let (arena, limit) = (rocksdb::default_arena_block_size(buffer), shared.mutable_limit());
        let valid = |size| rocksdb::is_valid_arena_block_size(size, limit);
        let sane =
            |size| rocksdb::is_sane_arena_block_size(buffer, size, shared.write_buffer_manager_capacity);
        answer.insert("allocated".into(), allocated.into());
        answer.insert("arena_block_size_default".into(), arena.into());
        answer.insert("mutable_limit".into(), limit.into());
        answer.insert("default_arena_ok".into(), valid(arena).into());
        if let Some(sizes) = request["arena_sizes"].as_array() {
            let sizes: Vec<i64> = sizes.iter().filter_map(Value::as_i64).collect();
            answer.insert("arena_ok".into(), sizes.iter().map(|s| valid(*s)).collect());
            answer.insert("arena_sane".into(), sizes.iter().map(|s| sane(*s)).collect());
        }
    }
    let check = Ratios { write_buffer, high_priority }.check();
    answer.insert(
        "config_check".into(),
        check.map_or_else(|e| failure(&e.chain()), |()| json!({ "ok": true })),
    );
    answer
}

fn weights(request: &Value, rules: &Ruleset) -> Answer {
    let mut answer = Map::new();
    let mut configuration = Configuration::new();
    for (key, value) in request["conf"].as_object().expect("conf") {
        configuration.set(key, value.as_str().expect("text"), None);
    }
    match Weights::of(&configuration, rules) {
        // Flink 1.11 divides all the same; only the recorder names what it cannot do
        Err(WeightsError::Unsupported) if request["divisions"].is_array() => {}
        Err(WeightsError::Unsupported) => {
            let message = "this version has no managed memory consumer weights";
            return Err(vec![Exception::new("Unsupported", message)]);
        }
        Err(WeightsError::Java(chain)) => return Err(chain),
        Ok(weights) => {
            let named = |u: &UseCase| Some((u.name().to_owned(), weights.get(*u)?.into()));
            answer.insert(
                "weights".into(),
                UseCase::ALL.iter().filter_map(named).collect::<Map<_, _>>().into(),
            );
            let use_cases: Vec<UseCase> = request["use_cases"].as_array().map_or_else(
                || UseCase::ALL.to_vec(),
                |names| names.iter().filter_map(Value::as_str).filter_map(UseCase::from_name).collect(),
            );
            let fraction = request["fraction"].as_f64().unwrap_or(1.0);
            let managed = request["state_backend_managed"].as_bool();
            let fractions = match fractions_of_slot(&configuration, rules, &use_cases, fraction, managed) {
                Ok(fractions) => fractions,
                Err(WeightsError::Java(chain)) => return Err(chain),
                Err(WeightsError::Unsupported) => unreachable!("the weights were read"),
            };
            let fractions = fractions.into_iter().map(|(u, f)| (u.name().to_owned(), f.into()));
            answer.insert("fractions".into(), fractions.collect::<Map<_, _>>().into());
        }
    }
    if let Some(divisions) = request["divisions"].as_array() {
        let number = |value: &Value| java::parse_long(&value.to_string()).map_err(number_format);
        let divided: Result<Vec<f64>, _> = divisions
            .iter()
            .map(|pair| fraction_rounded_down(number(&pair[0])?, number(&pair[1])?))
            .collect();
        answer.insert("divided".into(), json!(divided?));
    }
    Ok(answer)
}

#[test]
fn as_recorded() {
    let recording = include_str!("data/flink-parts.jsonl");
    for text in recording.lines() {
        let line: Value = serde_json::from_str(text).expect("a JSON line");
        let version: Version = line["flink"].as_str().and_then(|v| v.parse().ok()).expect("a version");
        let (rules, request) = (Ruleset::of(version), &line["request"]);
        let answer = match request["target"].as_str() {
            Some("memsize") => size(request),
            Some("rocksdb") => Ok(rocks(request, rules)),
            Some("weights") => weights(request, rules),
            other => panic!("unknown target {other:?}"),
        };
        let ours = answer.map_or_else(
            |chain| failure(&chain),
            |mut answer| {
                answer.insert("ok".into(), true.into());
                Value::Object(answer)
            },
        );
        let mut recorded = line["answer"].clone();
        recorded.as_object_mut().and_then(|answer| answer.remove("id"));
        assert_eq!(ours, recorded, "{text}");
    }
}
