//! Remedies that work, and words that name the right cause.

use plimsoll_memory::config::{ConfigFile, Format, SourceKind, load, toml};
use plimsoll_memory::model::Ruleset;
use plimsoll_tuning::{Diagnostic, Severity};

use crate::{loaded, report, subject};

fn found(version: &str, conf: &str) -> Vec<Diagnostic> {
    let loaded = loaded(version, Format::Lines, "flink-conf.yaml", conf);
    report(&subject(&loaded, version, Vec::new())).diagnostics
}

/// The only finding of a code.
fn only(version: &str, conf: &str, code: &str) -> Diagnostic {
    let mut all = found(version, conf);
    all.retain(|d| d.code == code);
    assert_eq!(all.len(), 1, "{conf}: {all:#?}");
    all.remove(0)
}

fn helps(found: &Diagnostic) -> Vec<&str> {
    found.help.iter().map(|help| help.text.as_str()).collect()
}

fn replacement(found: &Diagnostic) -> Option<&str> {
    found.edit().map(|edit| edit.replacement.as_str())
}

#[test]
fn edits_of_toml_stay_toml() {
    for text in [
        "[taskmanager.memory]\nprocess.size = \"4Gi\"\n",
        "[taskmanager.memory]\nprocess.size = '500m'\n",
        "taskmanager.memory.process.size = \"4g\"\ntaskmanager.memory.managed.fraction = 40\n",
        "taskmanager.memory.process.size = \"4g\"\ntaskmanager.memory.managed.fraction = \"40%\"\n",
        "taskmanager.memory.process.size = 4096\n",
        "taskmanager.memory.process.size = \"4g\"\ntaskmanager.numberOfTaskSlots = 0\n",
        "taskmanager.memory.process.size = \"4g\"\ntaskmanager.memory.network.min = \"2g\"\ntaskmanager.memory.network.max = \"1g\"\n",
        "taskmanager.memory.process.size = \"4g\"\nenv.java.opts.all = \"-Xmx1g -Dx=y\"\n",
        "taskmanager.memory.process.size = \"4g\"\nstate.backend.type = \"hashmap\"\ntaskmanager.memory.managed.size = \"1g\"\n",
        "taskmanager.memory.process.size = \"4g\"\ncontainerized.taskmanager.env.DISABLE_JEMALLOC = true\n",
        "taskmanager.memory.process.size = \"4g\"\ncontainerized.taskmanager.env.DISABLE_JEMALLOC = \"true\"\n",
        "",
    ] {
        let loaded = loaded("1.20", Format::Toml, "plimsoll.toml", text);
        let subject = subject(&loaded, "1.20", Vec::new());
        let report = report(&subject);
        assert!(report.diagnostics.iter().any(|d| d.edit().is_some()), "{text}: {report:#?}");
        for diagnostic in &report.diagnostics {
            let Some(edit) = diagnostic.edit() else { continue };
            let after = edit.apply(text).expect("inside");
            assert!(toml::parse(&after).is_ok(), "{after}");
            let file = ConfigFile {
                path: "plimsoll.toml",
                absolute_path: "/plimsoll.toml",
                bytes: after.as_bytes(),
                format: Format::Toml,
                kind: SourceKind::File,
            };
            let version = "1.20".parse().expect("a version");
            let again = load(Ruleset::of(version), &file, &[]).expect("still TOML");
            let left = crate::report(&crate::subject(&again, "1.20", Vec::new()));
            let stays =
                left.diagnostics.iter().any(|d| d.code == diagnostic.code && d.title == diagnostic.title);
            assert!(!stays, "{after}: {diagnostic:#?}");
        }
    }
    let loaded = loaded("1.20", Format::Toml, "plimsoll.toml", "taskmanager.memory.process.size = \"4Gi\"\n");
    let report = report(&subject(&loaded, "1.20", Vec::new()));
    assert_eq!(replacement(&report.diagnostics[0]), Some("\"4g\""));
    assert_eq!(helps(&report.diagnostics[0])[0], "write taskmanager.memory.process.size = \"4g\"");
}

#[test]
fn a_fraction_of_one_is_no_percentage() {
    let size = "taskmanager.memory.process.size: 4g\n";
    let one = only("1.20", &format!("{size}taskmanager.memory.managed.fraction: 1.0\n"), "MEM0006");
    assert!(replacement(&one).is_some_and(|to| to.starts_with("0.8")), "{one:#?}");
    let forty = only("1.20", &format!("{size}taskmanager.memory.managed.fraction: 40\n"), "MEM0006");
    assert_eq!(replacement(&forty), Some("0.4"));
    assert!(one.title.contains("taskmanager.memory.managed.fraction") && one.title.contains("TaskManager"));
}

#[test]
fn a_remedy_is_found_beside_another_failure() {
    let conf = "taskmanager.memory.process.size: 4Gi\ntaskmanager.memory.managed.fraction: 40\n";
    let found = only("1.20", conf, "MEM0006");
    assert_eq!(replacement(&found), Some("0.4"));
}

#[test]
fn a_key_set_three_times_is_told_once() {
    let line = "taskmanager.memory.process.size: 4g\n";
    let found = only("1.20", &line.repeat(3), "MEM0024");
    let counts: Vec<_> = found.labels.iter().map(|l| (l.span.line, l.text.as_str())).collect();
    assert_eq!(counts, [(3, "this one counts"), (1, "this one does not"), (2, "this one does not")]);
}

#[test]
fn no_slot_is_an_error_even_of_a_process_that_the_file_does_not_size() {
    let conf = "jobmanager.memory.process.size: 1600m\ntaskmanager.numberOfTaskSlots: 0\n";
    let found = found("1.20", conf);
    assert_eq!(found.iter().map(|d| d.code).collect::<Vec<_>>(), ["MEM0010"]);
    assert_eq!(replacement(&found[0]), Some("1"));
}

#[test]
fn utf_16_is_named_first() {
    let text = "taskmanager.memory.process.size: 4g\n";
    let little: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.bytes().flat_map(|b| [b, 0])).collect();
    let big: Vec<u8> = [0xfe, 0xff].into_iter().chain(text.bytes().flat_map(|b| [0, b])).collect();
    let unmarked: Vec<u8> = text.bytes().flat_map(|b| [b, 0]).collect();
    for bytes in [little, big, unmarked] {
        let file = ConfigFile {
            path: "flink-conf.yaml",
            absolute_path: "/flink-conf.yaml",
            bytes: &bytes,
            format: Format::Lines,
            kind: SourceKind::File,
        };
        let version = "1.20".parse().expect("a version");
        let loaded = load(Ruleset::of(version), &file, &[]).expect("a configuration");
        let report = report(&subject(&loaded, "1.20", Vec::new()));
        let first = &report.diagnostics[0];
        assert_eq!((first.code, first.severity), ("MEM0024", Severity::Error), "{report:#?}");
        assert!(first.title.contains("UTF-16"));
        assert_eq!(report.diagnostics.iter().filter(|d| d.code == "MEM0024").count(), 1);
    }
}

#[test]
fn a_byte_order_mark_is_told_once() {
    let found =
        found("1.20", "\u{feff}taskmanager.memory.flink.size: 3g\ntaskmanager.memory.process.size: 4g\n");
    assert_eq!(found.iter().map(|d| d.code).collect::<Vec<_>>(), ["MEM0024"]);
}

#[test]
fn numbers_beyond_their_type() {
    let found = only("1.20", "taskmanager.memory.process.size: 99999999999999999999g\n", "MEM0007");
    assert_eq!(found.labels[0].text, "beyond the largest size, 9223372036854775807 bytes");
    let conf = "taskmanager.memory.process.size: 4g\ntaskmanager.numberOfTaskSlots: 99999999999\n";
    let found = only("1.20", conf, "MEM0007");
    assert_eq!(found.labels[0].text, "beyond the largest integer, 2147483647");
}

#[test]
fn a_unit_is_advised_where_it_is_taken() {
    let found = only("1.20", "taskmanager.memory.process.size: 1\n", "MEM0017");
    assert_eq!(found.labels[0].text, "1 byte, not 1 MiB");
    assert_eq!(replacement(&found), Some("1728m"));
    assert!(helps(&found).iter().all(|help| !help.contains("1m is 1m")));
    let found = only("1.20", "taskmanager.memory.process.size: 1728\n", "MEM0017");
    assert_eq!(helps(&found)[1], "if 1728 bytes are meant, write 1728b");
}

#[test]
fn a_limit_is_raised_where_the_process_starts_with_it() {
    let conf = "taskmanager.memory.process.size: 4g\ntaskmanager.memory.network.fraction: 0.9\n\
                taskmanager.memory.network.max: 65m\n";
    let found = only("1.20", conf, "MEM0011");
    assert!(helps(&found).iter().all(|help| !help.contains("raise")), "{found:#?}");
}

#[test]
fn a_fraction_that_is_too_large_is_the_culprit() {
    for key in ["taskmanager.memory.managed.fraction", "taskmanager.memory.network.fraction"] {
        let conf =
            format!("taskmanager.memory.process.size: 4g\n{key}: 0.95\ntaskmanager.memory.network.max: 8g\n");
        let found = only("1.20", &conf, "MEM0001");
        let place = found.place().expect("a place");
        assert_eq!((place.span.line, place.primary), (2, true), "{found:#?}");
        let to: f64 = replacement(&found).and_then(|to| to.parse().ok()).expect("a fraction");
        assert!((0.3..0.95).contains(&to), "{to}");
    }
}

#[test]
fn heap_flags_are_told_by_what_they_do() {
    let size = "jobmanager.memory.process.size: 2g\n";
    let found = only("1.20", &format!("{size}env.java.opts.jobmanager: -Xms64m\n"), "MEM0008");
    assert_eq!(found.severity, Severity::Note);
    assert_eq!(found.title, "-Xms in env.java.opts.jobmanager overrides the initial heap Flink derived");
    assert_eq!(found.notes, ["the heap still grows to the 1.42 GiB that Flink derived"]);
    for flag in ["-Xmx", "-Xmx99999999999999999999g", "-Xmx1gb"] {
        let found = only("1.20", &format!("{size}env.java.opts: {flag}\n"), "MEM0008");
        assert_eq!(found.severity, Severity::Error);
        assert!(found.notes[0].starts_with("the JVM refuses to start with it"), "{found:#?}");
    }
}

#[test]
fn only_what_is_read_is_a_part() {
    let typo = "taskmanager.memory.proces.size: 4g\n";
    assert_eq!(
        only("1.20", &format!("{typo}taskmanager.memory.network.max: 1g\n"), "MEM0002").labels[0].span.line,
        2
    );
    let retired = only("2.0", "taskmanager.heap.size: 3g\njobmanager.memory.process.size: 2g\n", "MEM0002");
    assert_eq!(replacement(&retired), Some("taskmanager.memory.process.size: 3g\n"));
    let conf = "taskmanager.memory.network.fraction: 0.9\n";
    let found = only("1.20", conf, "MEM0002");
    if let Some(edit) = found.edit() {
        let after = edit.apply(conf).expect("inside");
        let left = self::found("1.20", &after);
        assert!(left.iter().all(|d| d.severity != Severity::Error), "{after}: {left:#?}");
    }
}
