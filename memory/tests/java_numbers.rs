//! Replays what a JDK 17 answered: `data/java-numbers.jsonl`, or another recording named by `PLIMSOLL_JAVA_NUMBERS`.
//!
//! | field | asked | answer |
//! |---|---|---|
//! | `double`, `float` | `toString` of these bits | `text` |
//! | `fixed` | `String.format(Locale.ROOT, "%.3f", …)` of these bits | `text` |
//! | `int`, `long` | `parseInt`, `parseLong` | `ok`, or `error`, the message |
//! | `parse_float`, `parse_double` | `parseFloat`, `parseDouble` | `ok`, the bits, or `error` |
//! | `multiply` | the size times the double `by`, by `BigDecimal` | `ok`, null above the largest `long` |
//! | `hash_map` | a `HashMap` filled with these keys in this order | `order` of iteration |

use plimsoll_memory::java;
use plimsoll_memory::size::{MultiplyError, multiply};
use serde_json::Value;

fn bits(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().expect("text"), 16).expect("hexadecimal bits")
}

fn float(value: &Value) -> f32 {
    f32::from_bits(u32::try_from(bits(value)).expect("32 bits"))
}

/// `Err` is a `NumberFormatException`.
fn parsed(line: &Value) -> Result<String, String> {
    match line["ok"].as_str() {
        Some(ok) => Ok(ok.to_owned()),
        None => Err(line["error"].as_str().expect("ok or error").to_owned()),
    }
}

fn check(line: &Value) -> Result<(), String> {
    let (kind, asked) = line.as_object().and_then(|o| o.iter().next()).expect("a field");
    let text = asked.as_str().unwrap_or_default();
    let same = |ours: String| {
        if line["text"] == ours.as_str() { Ok(()) } else { Err(format!("{ours:?}")) }
    };
    let same_number = |ours: Result<String, java::NumberFormat>| {
        let ours = ours.map_err(|e| e.0);
        if ours == parsed(line) { Ok(()) } else { Err(format!("{ours:?}")) }
    };
    match kind.as_str() {
        "double" => same(java::double_to_string(f64::from_bits(bits(asked)))),
        "float" => same(java::float_to_string(float(asked))),
        "fixed" => same(java::format_fixed3(f64::from_bits(bits(asked)))),
        "int" => same_number(java::parse_int(text).map(|n| n.to_string())),
        "long" => same_number(java::parse_long(text).map(|n| n.to_string())),
        "parse_float" => same_number(java::parse_float(text).map(|n| format!("{:x}", n.to_bits()))),
        "parse_double" => same_number(java::parse_double(text).map(|n| format!("{:x}", n.to_bits()))),
        "multiply" => {
            let ours = multiply(text.parse().expect("bytes"), f64::from_bits(bits(&line["by"])));
            let java =
                line["ok"].as_str().map_or(Err(MultiplyError::Overflow), |ok| Ok(ok.parse().expect("bytes")));
            if ours == java { Ok(()) } else { Err(format!("{ours:?}")) }
        }
        "hash_map" => {
            let keys: Vec<&str> = asked.as_array().expect("keys").iter().filter_map(Value::as_str).collect();
            let ours = java::hash_map_order(&keys);
            if line["order"] == Value::from(ours.clone()) { Ok(()) } else { Err(format!("{ours:?}")) }
        }
        other => Err(format!("unknown kind {other}")),
    }
}

#[test]
fn as_recorded() {
    let path = std::env::var("PLIMSOLL_JAVA_NUMBERS")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/java-numbers.jsonl").to_owned());
    let recording = std::fs::read_to_string(path).expect("the recording");
    let differing: Vec<String> = recording
        .lines()
        .filter_map(|text| {
            let line = serde_json::from_str(text).expect("a JSON line");
            check(&line).err().map(|ours| format!("{text}\n  ours: {ours}"))
        })
        .collect();
    assert!(!recording.is_empty(), "nothing recorded");
    let shown = &differing[..differing.len().min(20)];
    assert!(differing.is_empty(), "{} answers differ:\n{}", differing.len(), shown.join("\n"));
}
