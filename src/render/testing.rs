//! Processes for the tests of the views.

use std::path::Path;

use plimsoll_memory::config::{self, ConfigFile, Configuration, Format, Source, SourceKind};
use plimsoll_memory::model::version::V1_20;
use plimsoll_memory::model::{JobManager, Silent, TaskManager, Version, jobmanager, taskmanager};

use super::MemoryMap;
use super::json::{Derivation, Ground};

/// A configuration from a text of lines and `-D` properties.
pub(crate) fn loaded(text: &str, dynamic: &[(&str, &str)]) -> (Configuration, Vec<Source>) {
    let file = ConfigFile {
        path: "conf/flink-conf.yaml",
        absolute_path: "/conf/flink-conf.yaml",
        bytes: text.as_bytes(),
        format: Format::Lines,
        kind: SourceKind::File,
    };
    let dynamic: Vec<_> = dynamic.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let loaded = config::load(&V1_20, &file, &dynamic).expect("lines are always read");
    (loaded.configuration, loaded.sources)
}

pub(crate) fn task_manager(configuration: &Configuration) -> TaskManager {
    taskmanager::derive(configuration, &V1_20, None, &mut Silent).expect("a sound configuration")
}

pub(crate) fn job_manager(configuration: &Configuration) -> JobManager {
    jobmanager::derive(configuration, &V1_20, None, &mut Silent).expect("a sound configuration")
}

/// The map of a TaskManager: `memory.` is put before each key.
pub(crate) fn task_manager_map(text: &str) -> MemoryMap {
    let (configuration, sources) = loaded(&prefixed("taskmanager", text), &[]);
    MemoryMap::task_manager(&task_manager(&configuration), &configuration, &sources)
}

/// The map of a JobManager, likewise.
pub(crate) fn job_manager_map(text: &str) -> MemoryMap {
    let (configuration, sources) = loaded(&prefixed("jobmanager", text), &[]);
    MemoryMap::job_manager(&job_manager(&configuration), &configuration, &sources)
}

fn prefixed(process: &str, text: &str) -> String {
    let lines = text.split(", ").map(|line| [process, ".memory.", line, "\n"].concat());
    lines.collect::<Vec<_>>().concat()
}

/// A TaskManager as data, from lines and `-D` properties.
pub(crate) fn derivation(text: &str, dynamic: &[(&str, &str)]) -> Derivation {
    let (configuration, sources) = loaded(text, dynamic);
    Derivation::task_manager(&task_manager(&configuration), &ground(&configuration, &sources))
}

/// A JobManager as data.
pub(crate) fn job_manager_derivation(text: &str) -> Derivation {
    let (configuration, sources) = loaded(text, &[]);
    Derivation::job_manager(&job_manager(&configuration), &ground(&configuration, &sources))
}

fn ground<'a>(configuration: &'a Configuration, sources: &'a [Source]) -> Ground<'a> {
    let version = Version { major: 1, minor: 20, patch: None };
    Ground { version, rules: &V1_20, configuration, sources }
}

/// The configurations that every view is shown.
pub(crate) fn samples() -> Vec<(&'static str, MemoryMap)> {
    let zero = "framework.heap.size: 0, task.heap.size: 0, framework.off-heap.size: 0, managed.size: 0, network.min: 0, \
                network.max: 0, jvm-metaspace.size: 0, jvm-overhead.min: 0, jvm-overhead.max: 0";
    let absurd = "framework.heap.size: 1t, task.heap.size: 4000000t, managed.size: 3000000t, network.max: 64m, \
                  jvm-metaspace.size: 1000000t, jvm-overhead.min: 388605t, jvm-overhead.max: 388605t";
    vec![
        ("default", task_manager_map("process.size: 1728m")),
        ("large", task_manager_map("process.size: 64g, network.max: 64m")),
        ("tiny", task_manager_map("process.size: 1g")),
        (
            "no-heap",
            task_manager_map("flink.size: 1g, framework.heap.size: 0, task.heap.size: 0, managed.size: 832m"),
        ),
        ("zero", task_manager_map(zero)),
        ("absurd", task_manager_map(absurd)),
        ("jobmanager", job_manager_map("process.size: 1600m")),
        ("jobmanager-direct", job_manager_map("heap.size: 1g, enable-jvm-direct-memory-limit: true")),
    ]
}

/// Compares with the file of that name, or writes it where `BLESS` is set.
pub(crate) fn assert_golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/render/testdata").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, actual).expect("written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(expected, actual, "{name} differs; look at it, then run the tests with BLESS=1");
}
