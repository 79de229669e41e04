//! The YAML reader against the recorded answers of the real one: Flink 2.3.0's and 1.20.5's `GlobalConfiguration`, fed
//! with valid, broken and mutated texts. `data/yaml.jsonl`: one case a line, `in` (or `hex`) → `ok`: the entries in the
//! order of Flink's map as `[key, class, text]`, or `err`: the exceptions inside `Error parsing YAML configuration.`;
//! `v1_20` where 1.20.5 answers otherwise. Trailing line ends of messages are left out.

use plimsoll_memory::config::Value;
use plimsoll_memory::config::yaml::{self, Document, Failure, Flattening};
use serde_json::Value as Json;

fn class(value: &Value) -> &'static str {
    match value {
        Value::Text(_) => "String",
        Value::Integer(_) => "Integer",
        Value::Long(_) => "Long",
        Value::BigInteger(_) => "BigInteger",
        Value::Double(_) => "Double",
        Value::Boolean(_) => "Boolean",
    }
}

fn same_entry(document: &Document, place: usize, wanted: &Json) -> bool {
    let property = &document.properties[place];
    let (key, wanted_class, text) =
        (wanted[0].as_str(), wanted[1].as_str().unwrap_or(""), wanted[2].as_str().unwrap_or(""));
    if key != Some(property.key.as_str()) {
        return false;
    }
    match (&property.value, wanted_class) {
        (Value::Double(v), "Double") => text
            .replace("Infinity", "inf")
            .parse::<f64>()
            .is_ok_and(|w| w.to_bits() == v.to_bits() || w.is_nan() && v.is_nan()),
        // the text of an array is an address
        (Value::Text(_), "byte[]") => true,
        // Java prints half a surrogate pair as a question mark
        (Value::Text(t), "String") if t.contains('\u{fffd}') => true,
        (Value::Text(t), "String" | "LinkedHashSet" | "Optional" | "UUID") => **t == *text,
        (value, class_name) => class(value) == class_name && value.text() == text,
    }
}

fn same(read: &Result<Document, Failure>, wanted: &Json) -> bool {
    match read {
        Ok(document) => wanted["ok"].as_array().is_some_and(|entries| {
            entries.len() == document.order.len()
                && entries
                    .iter()
                    .zip(&document.order)
                    .all(|(wanted, &place)| same_entry(document, place, wanted))
        }),
        Err(failure) => wanted["err"].as_array().is_some_and(|chain| {
            chain.len() == failure.chain.len()
                && chain.iter().zip(&failure.chain).all(|(wanted, exception)| {
                    wanted[0].as_str() == Some(exception.class)
                        && wanted[1].as_str() == exception.message.as_deref()
                })
        }),
    }
}

fn shown(read: &Result<Document, Failure>) -> String {
    match read {
        Ok(document) => {
            let pairs = document.order.iter().map(|&i| &document.properties[i]).map(|p| (&p.key, &p.value));
            format!("ok {:?}", pairs.collect::<Vec<_>>())
        }
        Err(failure) => format!("err {:?}", failure.chain),
    }
}

#[test]
fn as_the_real_reader() {
    // another file of the same form may be given, to try more cases than are worth keeping
    let path = std::env::var("YAML_CASES")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/yaml.jsonl").to_owned());
    let cases = std::fs::read_to_string(path).expect("the recorded cases");
    let (mut count, mut differ) = (0, Vec::new());
    for line in cases.lines() {
        let case: Json = serde_json::from_str(line).expect("a case");
        let bytes = case["in"]
            .as_str()
            .map_or_else(|| unhex(case["hex"].as_str().expect("hex")), |text| text.as_bytes().to_vec());
        for (flattening, wanted) in
            [(Flattening::OneMap, &case), (Flattening::MapByMap, case.get("v1_20").unwrap_or(&case))]
        {
            count += 1;
            let read = yaml::parse(&bytes, flattening);
            if !same(&read, wanted) {
                differ.push(format!(
                    "{:?} {flattening:?}\n  wanted {wanted}\n  got    {}",
                    String::from_utf8_lossy(&bytes),
                    shown(&read)
                ));
            }
        }
    }
    assert!(count >= 3000, "only {count} cases");
    assert!(
        differ.is_empty(),
        "{} of {count} differ:\n{}",
        differ.len(),
        differ.iter().take(40).cloned().collect::<Vec<_>>().join("\n")
    );
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ascii"), 16).expect("hex"))
        .collect()
}
