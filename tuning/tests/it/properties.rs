//! What holds for any text.

use plimsoll_memory::config::{ConfigFile, Format, Loaded, Source, SourceKind, Span, load};
use plimsoll_memory::model::{Ruleset, Version};
use plimsoll_tuning::render::{TextStyle, github, json, sarif, text};
use plimsoll_tuning::{Deployment, Diagnostic, Edit, Inputs, Selection, Subject, check};
use proptest::prelude::*;

const VERSIONS: [&str; 6] = ["1.10", "1.11", "1.16", "1.20", "2.0", "2.3"];

const KEYS: [&str; 42] = [
    "taskmanager.memory.process.size",
    "taskmanager.memory.flink.size",
    "taskmanager.memory.task.heap.size",
    "taskmanager.memory.task.off-heap.size",
    "taskmanager.memory.framework.heap.size",
    "taskmanager.memory.managed.size",
    "taskmanager.memory.managed.fraction",
    "taskmanager.memory.network.min",
    "taskmanager.memory.network.max",
    "taskmanager.memory.network.fraction",
    "taskmanager.memory.jvm-overhead.min",
    "taskmanager.memory.jvm-overhead.max",
    "taskmanager.memory.jvm-overhead.fraction",
    "taskmanager.memory.jvm-metaspace.size",
    "taskmanager.memory.segment-size",
    "taskmanager.memory.size",
    "taskmanager.memory.managed.consumer-weights",
    "taskmanager.network.memory.max",
    "taskmanager.network.memory.buffers-per-channel",
    "taskmanager.network.numberOfBuffers",
    "taskmanager.heap.size",
    "taskmanager.heap.mb",
    "taskmanager.numberOfTaskSlots",
    "taskmanager.cpu.cores",
    "jobmanager.memory.process.size",
    "jobmanager.memory.flink.size",
    "jobmanager.memory.heap.size",
    "jobmanager.memory.off-heap.size",
    "jobmanager.memory.enable-jvm-direct-memory-limit",
    "jobmanager.heap.mb",
    "state.backend.type",
    "state.backend.rocksdb.memory.managed",
    "state.backend.rocksdb.memory.fixed-per-slot",
    "state.backend.rocksdb.memory.write-buffer-ratio",
    "state.backend.rocksdb.memory.high-prio-pool-ratio",
    "env.java.opts",
    "env.java.opts.jobmanager",
    "containerized.taskmanager.env.DISABLE_JEMALLOC",
    "pipeline.jars",
    "taskmanager.memory.network.size",
    "taskmanager.memory.proces.size",
    "python.x",
];

const VALUES: [&str; 44] = [
    "1728m",
    "4g",
    "500m",
    "16g",
    "64m",
    "0",
    "1",
    "2",
    "4096",
    "128",
    "1Gi",
    "1.5g",
    "512mib",
    "1,024m",
    "\"2g\"",
    "-1",
    "0.1",
    "0.4",
    "0.9",
    "1.0",
    "40",
    "10%",
    "0,5",
    "NaN",
    "rocksdb",
    "hashmap",
    "true",
    "false",
    "yes",
    "-Xmx1g -Xms1g",
    "-Xmx512m",
    "-XX:MaxMetaspaceSize=1g -XX:+UseG1GC",
    "\"-Xms9g -Dx=y\"",
    "STATE_BACKEND:0,PYTHON:30",
    "a:b",
    "fluss.jar;é.jar",
    "9223372036854775807",
    "8388607t",
    "48kb",
    "32k",
    "500",
    "é",
    "-1m",
    "x # y",
];

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        10 => (prop::sample::select(&KEYS[..]), prop::sample::select(&VALUES[..]))
            .prop_map(|(k, v)| format!("{k}: {v}")),
        1 => (prop::sample::select(&KEYS[..]), "\\PC{0,12}").prop_map(|(k, v)| format!("{k}:{v}")),
        1 => (prop::sample::select(&KEYS[..]), any::<String>()).prop_map(|(k, v)| format!("  {k}: {v}")),
        1 => any::<String>(),
    ]
}

fn conf() -> impl Strategy<Value = String> {
    (prop::collection::vec(line(), 0..9), prop::sample::select(&["\n", "\r\n", "\r"][..]), any::<bool>())
        .prop_map(|(lines, end, last)| lines.join(end) + if last { end } else { "" })
}

fn try_load(version: Version, format: Format, text: &str) -> Option<Loaded> {
    let file =
        ConfigFile { path: "c", absolute_path: "/c", bytes: text.as_bytes(), format, kind: SourceKind::File };
    load(Ruleset::of(version), &file, &[]).ok()
}

fn inputs<'a>(loaded: &'a Loaded, version: Version, deployment: Deployment, environment: &str) -> Inputs<'a> {
    let mut inputs = Inputs { deployment, ..Inputs::new(loaded, version) };
    if !environment.is_empty() {
        inputs.environments.push(Source {
            name: "e".to_owned(),
            text: environment.to_owned(),
            kind: SourceKind::Environment,
        });
    }
    inputs
}

fn inside(subject: &Subject<'_>, id: plimsoll_memory::config::SourceId, span: Span) -> bool {
    subject.source(id).is_some_and(|source| {
        let before = source.text.get(..span.start);
        source.text.get(span.start..span.end).is_some()
            && before.is_some()
            && span.line > 0
            && span.column > 0
    })
}

fn all_inside(subject: &Subject<'_>, diagnostic: &Diagnostic) -> bool {
    let labels = diagnostic.labels.iter().all(|l| inside(subject, l.source, l.span));
    let edits =
        diagnostic.help.iter().filter_map(|h| h.edit.as_ref()).all(|e| inside(subject, e.source, e.span));
    labels && edits
}

fn shows_only_text(rendered: &str) -> bool {
    rendered.chars().all(|c| c == '\n' || !c.is_control())
}

/// The title without what an edit may well change in it: numbers.
fn same(a: &Diagnostic, b: &Diagnostic) -> bool {
    a.code == b.code && a.title == b.title
}

fn applied(loaded: &Loaded, environment: &str, edit: &Edit) -> Option<(String, String)> {
    let conf = &loaded.sources.first()?.text;
    if edit.source.0 == 0 {
        return Some((edit.apply(conf)?, environment.to_owned()));
    }
    Some((conf.clone(), edit.apply(environment)?))
}

fn check_everything(
    text_of_conf: &str,
    environment: &str,
    version: &str,
    format: Format,
    deployment: Deployment,
) {
    let version: Version = version.parse().expect("a version");
    let Some(loaded) = try_load(version, format, text_of_conf) else { return };
    let subject = Subject::new(inputs(&loaded, version, deployment, environment));
    let report = check(&subject, &Selection::default());
    assert_eq!(report, check(&subject, &Selection::default()));
    for diagnostic in &report.diagnostics {
        assert!(all_inside(&subject, diagnostic), "{diagnostic:#?}");
        assert!(!diagnostic.help.is_empty(), "{diagnostic:#?}");
    }
    for rendered in [
        text(&report, &subject, TextStyle { colour: false, width: 80 }),
        json(&report, &subject),
        sarif(&report, &subject),
        github(&report, &subject),
    ] {
        assert!(shows_only_text(&rendered), "{rendered:?}");
    }
    assert_eq!(github(&report, &subject).lines().count(), report.diagnostics.len());
    for diagnostic in &report.diagnostics {
        let Some(edit) = diagnostic.edit() else { continue };
        let Some((conf, environment)) = applied(&loaded, environment, edit) else { panic!("{edit:?}") };
        let Some(after) = try_load(version, format, &conf) else { panic!("{conf:?} by {edit:?}") };
        let subject = Subject::new(inputs(&after, version, deployment, &environment));
        let left = check(&subject, &Selection::default());
        let count = |list: &[Diagnostic]| list.iter().filter(|d| same(d, diagnostic)).count();
        assert!(
            count(&left.diagnostics) < count(&report.diagnostics),
            "{diagnostic:#?}\nstays after\n{conf}\n{environment}\n{:#?}",
            left.diagnostics
        );
    }
}

const DEPLOYMENTS: [Deployment; 3] = [Deployment::Standalone, Deployment::Kubernetes, Deployment::Unknown];

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines(
        text in conf(),
        version in prop::sample::select(&VERSIONS[..4]),
        deployment in prop::sample::select(&DEPLOYMENTS[..]),
    ) {
        check_everything(&text, "", version, Format::Lines, deployment);
    }

    #[test]
    fn yaml(
        text in conf(),
        version in prop::sample::select(&VERSIONS[3..]),
        deployment in prop::sample::select(&DEPLOYMENTS[..]),
    ) {
        check_everything(&text, "", version, Format::Yaml, deployment);
    }

    #[test]
    fn environments(text in prop::collection::vec(prop_oneof![
        Just("DISABLE_JEMALLOC=true".to_owned()),
        Just("ENV MALLOC_CONF=\"a:b\" X=y \\".to_owned()),
        Just("MALLOC_CONF=a:b".to_owned()),
        Just("FROM flink:1.20".to_owned()),
        Just("FLINK_TM_HEAP=1g".to_owned()),
        Just("FLINK_TM_HEAP=x".to_owned()),
        Just("export JVM_ARGS='-Xmx1g'".to_owned()),
        Just("FLINK_ENV_JAVA_OPTS=-Xmx1g -Xms2g".to_owned()),
        any::<String>(),
    ], 0..5), version in prop::sample::select(&VERSIONS[..])) {
        let conf = "taskmanager.memory.process.size: 2g\n";
        check_everything(conf, &text.join("\n"), version, Format::Lines, Deployment::Unknown);
    }
}
