//! `memcalc taskmanager`, `memcalc jobmanager`

use std::fmt::Write as _;

use plimsoll_memory::model::rocksdb::{DEFAULT_WRITE_BUFFER_RATIO, SharedMemory};
use plimsoll_memory::model::{Ruleset, TaskManager, jobmanager, slot, state_backend};

use super::{Outcome, fail, load, refused};
use crate::args::{ProcessArgs, ProcessKind, ProcessOutput};
use crate::exit::Exit;
use crate::input::{Input, Process};
use crate::output::{self, Terminal};
use crate::render::markdown::markdown;
use crate::render::number::human;
use crate::render::tree::{Palette, TreeStyle, tree};

pub(super) fn run(kind: ProcessKind, args: &ProcessArgs, terminal: Terminal) -> Outcome {
    let input = load(args.conf.as_deref(), &args.input, terminal)?;
    if kind == ProcessKind::Jobmanager && !input.rules.job_manager_model {
        return before_the_model(&input);
    }
    let process = input.derive(kind).map_err(|failure| refused(&input, kind.into(), &failure, terminal))?;
    let text = match args.output {
        ProcessOutput::Text => text(&input, &process, terminal),
        ProcessOutput::Flags => flags(&process, input.rules),
        ProcessOutput::Env => environment(&process, input.rules),
        ProcessOutput::Json => input.data(&process).to_json().map_err(|error| fail(Exit::Usage, error))?,
        ProcessOutput::Yaml => input.data(&process).to_yaml().map_err(|error| fail(Exit::Usage, error))?,
        ProcessOutput::Markdown => {
            let arguments = jvm_args(&process);
            markdown(&input.map(&process), &arguments.split(' ').collect::<Vec<_>>())
        }
    };
    output::data(&text).map(|()| Exit::Clean)
}

/// 1.10 has no memory model for the JobManager: its script turns one option into two flags.
fn before_the_model(input: &Input) -> Outcome {
    let environment = input.legacy_heap.job_manager.as_deref();
    let heap = jobmanager::standalone_heap(&input.loaded.configuration, environment)
        .map_err(|message| fail(Exit::Refused, message))?;
    output::message("note: Flink 1.10 sizes nothing of a JobManager but its heap\n");
    output::data(&format!("{}\n", heap.jvm_args())).map(|()| Exit::Clean)
}

fn text(input: &Input, process: &Process, terminal: Terminal) -> String {
    let palette = if terminal.color_stdout { Palette::ANSI } else { Palette::PLAIN };
    let mut text = heading(input);
    text += &tree(
        &input.map(process),
        &TreeStyle { width: terminal.columns, unicode: terminal.unicode, palette },
    );
    if let Process::TaskManager(process) = process {
        text += &slots(input, process);
    }
    let _ = write!(text, "\nJVM arguments\n  {}\n", jvm_args(process));
    let dynamic = dynamic_properties(process, input.rules);
    if !dynamic.is_empty() {
        text.push_str("\nDynamic properties\n");
        for (key, value) in dynamic {
            let _ = writeln!(text, "  -D {key}={value}");
        }
    }
    text
}

/// Which configuration, which version, and whether the rules were tested against that very version.
fn heading(input: &Input) -> String {
    let rules = if input.rules.is_verified_for(input.version) {
        String::new()
    } else {
        format!(" (by the rules of {})", input.rules.name)
    };
    format!("{}, Flink {}{rules}\n\n", input.name, input.version)
}

/// What each slot gets, and how RocksDB would cut its managed memory.
fn slots(input: &Input, process: &TaskManager) -> String {
    let Ok(slots) = slot::of_started(&input.loaded.configuration, input.rules, process) else {
        return String::new();
    };
    let share = &slots.slot;
    let managed = i64::try_from(share.managed.bytes()).unwrap_or(i64::MAX);
    let rocksdb = SharedMemory::of(managed, DEFAULT_WRITE_BUFFER_RATIO);
    let size = |bytes: i64| human(u64::try_from(bytes).unwrap_or(0));
    let each =
        if slots.count == 1 { "The slot".to_owned() } else { format!("Each of {} slots", slots.count) };
    let mut text = format!(
        "\n{each}\n  task heap {}, task off-heap {}, managed {}, network {}\n",
        human(share.task_heap.bytes()),
        human(share.task_off_heap.bytes()),
        human(share.managed.bytes()),
        human(share.network.bytes())
    );
    let rocksdb_is_used =
        state_backend::uses_managed_memory(&input.loaded.configuration, input.rules) == Ok(true);
    if rocksdb_is_used {
        let _ = writeln!(
            text,
            "  RocksDB inside managed: block cache {}, of it write buffers {}",
            size(rocksdb.cache_capacity),
            size(rocksdb.write_buffer_manager_capacity)
        );
    }
    text
}

fn jvm_args(process: &Process) -> String {
    match process {
        Process::TaskManager(process) => process.jvm_args(),
        Process::JobManager(process) => process.jvm_args(),
    }
}

fn dynamic_properties(process: &Process, rules: &Ruleset) -> Vec<(String, String)> {
    let properties = match process {
        Process::TaskManager(process) => process.dynamic_properties(rules),
        Process::JobManager(process) => process.dynamic_properties(rules),
    };
    properties.into_iter().map(|(key, value)| (key.into_owned(), value.to_string())).collect()
}

/// As Flink prints them, without the blank that 1.10 and 1.11 end the line with.
fn dynamic_line(process: &Process, rules: &Ruleset) -> String {
    let line = match process {
        Process::TaskManager(process) => process.dynamic_line(rules),
        Process::JobManager(process) => process.dynamic_line(rules),
    };
    line.trim_end().to_owned()
}

fn flags(process: &Process, rules: &Ruleset) -> String {
    let mut text = format!("{}\n", jvm_args(process));
    let dynamic = dynamic_line(process, rules);
    if !dynamic.is_empty() {
        text += &format!("{dynamic}\n");
    }
    text
}

/// Shell assignments, quoted so that `eval` takes them.
fn environment(process: &Process, rules: &Ruleset) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let (prefix, sizes) = match process {
        Process::TaskManager(p) => (
            "TM",
            vec![
                ("PROCESS", p.total_process()),
                ("FLINK", p.total_flink()),
                ("JVM_HEAP", p.jvm_heap()),
                ("FRAMEWORK_HEAP", p.framework_heap.size),
                ("TASK_HEAP", p.task_heap.size),
                ("FRAMEWORK_OFF_HEAP", p.framework_off_heap.size),
                ("TASK_OFF_HEAP", p.task_off_heap.size),
                ("NETWORK", p.network.size),
                ("MANAGED", p.managed.size),
                ("JVM_METASPACE", p.metaspace.size),
                ("JVM_OVERHEAD", p.overhead.size),
            ],
        ),
        Process::JobManager(p) => (
            "JM",
            vec![
                ("PROCESS", p.total_process()),
                ("FLINK", p.total_flink()),
                ("JVM_HEAP", p.heap.size),
                ("OFF_HEAP", p.off_heap.size),
                ("JVM_METASPACE", p.metaspace.size),
                ("JVM_OVERHEAD", p.overhead.size),
            ],
        ),
    };
    let mut text = String::new();
    for (name, size) in sizes {
        let _ = writeln!(text, "FLINK_{prefix}_{name}_BYTES={}", size.bytes());
    }
    let _ = writeln!(text, "FLINK_{prefix}_JVM_ARGS={}", quoted(&jvm_args(process)));
    let _ = writeln!(text, "FLINK_{prefix}_DYNAMIC_PROPERTIES={}", quoted(&dynamic_line(process, rules)));
    text
}
