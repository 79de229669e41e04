//! What holds of all readers for any input: no panic, spans inside the text and at the borders of characters, bounded
//! time and memory for hostile texts.

use plimsoll_memory::config::{
    ConfigFile, Format, LoadFailure, Loaded, MAX_FILE_BYTES, SourceKind, Span, load,
};
use plimsoll_memory::model::version::{V1_10, V1_20, V2_3};
use proptest::prelude::*;

fn read(bytes: &[u8], format: Format, dynamic: &[(String, String)]) -> Result<Loaded, Box<LoadFailure>> {
    let ruleset = match format {
        Format::Lines if bytes.len().is_multiple_of(2) => &V1_10,
        Format::Lines => &V1_20,
        _ => &V2_3,
    };
    let file = ConfigFile { path: "conf/x", absolute_path: "/conf/x", bytes, format, kind: SourceKind::File };
    load(ruleset, &file, dynamic)
}

fn holds(text: &str, span: Span) {
    assert!(text.get(span.start..span.end).is_some(), "{span:?} is no part of {text:?}");
    assert!(span.line >= 1 && span.column >= 1);
}

fn check(bytes: &[u8], format: Format, dynamic: &[(String, String)]) {
    match read(bytes, format, dynamic) {
        Ok(loaded) => {
            for (_, entry) in loaded.configuration.entries() {
                let origin = entry.origin.expect("an origin");
                let text = &loaded.sources[usize::from(origin.source.0)].text;
                holds(text, origin.key);
                holds(text, origin.value);
            }
            for finding in &loaded.findings {
                holds(&loaded.sources[usize::from(finding.source.0)].text, finding.span);
            }
        }
        Err(failure) => {
            assert!(!failure.message.is_empty());
            if let Some(span) = failure.span {
                holds(&failure.source.text, span);
            }
        }
    }
}

const FORMATS: [Format; 3] = [Format::Lines, Format::Yaml, Format::Toml];

/// Texts made of what the grammars care about.
fn yamlish() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "b: ", ":", "- ", "? ", "[", "]", "{", "}", ",", "#", "&x ", "*x", "!!str ", "!", "|", ">", "'",
        "\"", "%", "@", "`", "\\", "\n", "\n  ", "\n    ", "\r", "\t", " ", "---\n", "...\n", "é", "😀",
        "\u{85}", "\u{2028}", "\u{feff}", "\u{0}", "\u{7}", "1", "0x", "1.5", "null", "true", "=",
        "a.b: c\n", "x = 1\n", "[t]\n", "|2-\n", "\\u12", "\"\\x4",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text(text in yamlish(), key in ".{0,8}", value in ".{0,8}") {
        for format in FORMATS {
            let twice = [(key.clone(), value.clone()), ("é".to_owned(), String::new()), (key.clone(), String::new())];
            check(text.as_bytes(), format, &twice);
        }
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for format in FORMATS {
            check(&bytes, format, &[]);
        }
    }
}

#[test]
fn deep_nesting_is_refused_by_name() {
    let deep = [
        "[".repeat(1_000_000),
        "{".repeat(1_000_000),
        "- ".repeat(1_000_000),
        "? ".repeat(100_000),
        format!("a: {}", "[a,".repeat(100_000)),
        format!("a: {}{}", "[".repeat(1500), "]".repeat(1500)),
        (0..3000).map(|i| " ".repeat(i) + "a:\n").collect::<Vec<_>>().concat(),
    ];
    for text in deep {
        let failure = read(text.as_bytes(), Format::Yaml, &[]).expect_err("too deep");
        assert!(failure.message.contains("nested deeper"), "{}", failure.message);
        assert!(failure.chain.first().is_some_and(|e| e.class == "java.lang.StackOverflowError"));
    }
    check("]".repeat(1_000_000).as_bytes(), Format::Yaml, &[]);
    let fits = format!("a: {}{}", "[".repeat(900), "]".repeat(900));
    assert!(read(fits.as_bytes(), Format::Yaml, &[]).is_ok());
}

#[test]
fn aliases_do_not_multiply() {
    let mut text = "a0: &a0 {x: 1, y: 1}\n".to_owned();
    for i in 1..25 {
        let line = format!("a{i}: &a{i} {{x: *a{}, y: *a{}}}\n", i - 1, i - 1);
        text.push_str(&line);
    }
    let failure = read(text.as_bytes(), Format::Yaml, &[]).expect_err("too big");
    assert!(failure.message.contains("too big"), "{}", failure.message);
    let many = format!("a: &a [x]\nb: [{}]\n", "*a, ".repeat(51));
    let failure = read(many.as_bytes(), Format::Yaml, &[]).expect_err("too many");
    assert_eq!(failure.message, "Number of aliases for non-scalar nodes exceeds the specified max=50");
    let inside = read(b"a: &x {b: *x}", Format::Yaml, &[]).expect_err("endless");
    assert!(inside.message.contains("inside itself"));
}

#[test]
fn large_files() {
    let huge = vec![b'a'; MAX_FILE_BYTES + 1];
    for format in FORMATS {
        let failure = read(&huge, format, &[]).expect_err("too large");
        assert!(failure.chain.is_empty() && failure.message.contains("are not read"));
    }
    let long = "k: v\n".repeat(800_000);
    let failure = read(long.as_bytes(), Format::Yaml, &[]).expect_err("too long");
    assert!(failure.chain.last().is_some_and(|e| e.message.as_deref()
        == Some("The incoming YAML document exceeds the limit: 3145728 code points.")));
    assert!(read(long.as_bytes(), Format::Lines, &[]).is_ok());
    let digits = format!("a: 0x{}", "f".repeat(3_000_000));
    check(digits.as_bytes(), Format::Yaml, &[]);
    let quoted = format!("a: \"{}\"", "x ".repeat(1_000_000));
    assert!(read(quoted.as_bytes(), Format::Yaml, &[]).is_ok());
}
