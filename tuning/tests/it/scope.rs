//! Whom a configuration is for, and where its values come from.

use plimsoll_memory::config::{ConfigFile, Format, SourceKind, load};
use plimsoll_memory::model::Ruleset;
use plimsoll_tuning::{Deployment, Inputs, Processes, Selection, Subject, check};

use crate::{loaded, report, subject};

fn codes(conf: &str, processes: Processes) -> Vec<&'static str> {
    let loaded = loaded("1.20", Format::Lines, "flink-conf.yaml", conf);
    let version = "1.20".parse().expect("a version");
    let subject = Subject::new(Inputs { processes, ..Inputs::new(&loaded, version) });
    check(&subject, &Selection::default()).diagnostics.iter().map(|d| d.code).collect()
}

#[test]
fn a_size_is_missed_only_where_the_file_is_for_that_process() {
    let only_job_manager = "jobmanager.memory.process.size: 1600m\ntaskmanager.numberOfTaskSlots: 4\n";
    assert_eq!(codes(only_job_manager, Processes::Detect), [""; 0]);
    assert_eq!(codes(only_job_manager, Processes::Both), ["MEM0002"]);
    assert_eq!(codes("taskmanager.memory.process.size: 4g\n", Processes::Detect), [""; 0]);
    assert_eq!(codes("parallelism.default: 2\n", Processes::Detect), ["MEM0002", "MEM0002"]);
    assert_eq!(codes("", Processes::TaskManager), ["MEM0002"]);
}

#[test]
fn what_stands_on_the_command_line_is_shown_and_never_edited() {
    let text = "taskmanager.memory.process.size: 4g\n";
    let file = ConfigFile {
        path: "flink-conf.yaml",
        absolute_path: "/flink-conf.yaml",
        bytes: text.as_bytes(),
        format: Format::Lines,
        kind: SourceKind::File,
    };
    let dynamic = [("taskmanager.memory.process.size".to_owned(), "500m".to_owned())];
    let version = "1.20".parse().expect("a version");
    let loaded = load(Ruleset::of(version), &file, &dynamic).expect("a configuration");
    let subject = subject(&loaded, "1.20", Vec::new());
    let report = report(&subject);
    let [found] = report.diagnostics.as_slice() else { panic!("{report:?}") };
    assert_eq!(found.code, "MEM0001");
    let place = found.place().expect("a place");
    assert_eq!(subject.source(place.source).map(|s| s.kind), Some(SourceKind::CommandLine));
    assert_eq!(found.edit(), None);
    assert!(found.help[0].text.contains("at least 1029002586 bytes (982m)"), "{found:?}");
}

#[test]
fn an_old_heap_size_is_renamed_by_deployment() {
    let loaded = loaded("1.11", Format::Lines, "flink-conf.yaml", "taskmanager.heap.mb: 4096\n");
    let version = "1.11".parse().expect("a version");
    for (deployment, expected) in [
        (Deployment::Standalone, "taskmanager.memory.flink.size: 4096m"),
        (Deployment::Kubernetes, "taskmanager.memory.process.size: 4096m"),
    ] {
        let subject = Subject::new(Inputs { deployment, ..Inputs::new(&loaded, version) });
        let report = check(&subject, &Selection::default());
        let edit = report.diagnostics.first().and_then(|d| d.edit()).expect("an edit");
        assert_eq!(edit.replacement, expected);
    }
}
