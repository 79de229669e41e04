//! `memcalc fleet`

use std::path::{Path, PathBuf};

use plimsoll_tuning::{Inputs, Selection, Severity, check};

use super::{Outcome, fail};
use crate::args::{FleetArgs, FleetOutput, FleetSort, InputArgs, ProcessKind};
use crate::exit::Exit;
use crate::fleet::{Fleet, Largest, Row, Status};
use crate::input::{self, InputError, Process};
use crate::output;

/// Directories deeper than this are not searched: no tree of configurations is, and links may run in circles.
const DEPTH_MAX: usize = 32;

pub(super) fn run(args: &FleetArgs) -> Outcome {
    let mut files = Vec::new();
    let mut unreadable = Vec::new();
    for path in &args.paths {
        if path.is_dir() {
            search(path, 0, &mut files, &mut unreadable);
        } else {
            files.push(path.clone());
        }
    }
    if files.is_empty() && unreadable.is_empty() {
        let message = "no configuration found: directories are searched for flink-conf.yaml, config.yaml and \
                       plimsoll.toml";
        return Err(fail(Exit::Usage, message));
    }
    let mut rows: Vec<Row> = files.iter().map(|path| row(path, args)).collect();
    rows.append(&mut unreadable);
    match args.sort {
        FleetSort::Process => {
            rows.sort_by(|a, b| b.process_bytes().cmp(&a.process_bytes()).then(a.path.cmp(&b.path)));
        }
        FleetSort::Findings => {
            rows.sort_by(|a, b| b.findings().cmp(&a.findings()).then(a.path.cmp(&b.path)));
        }
        FleetSort::Path => rows.sort_by(|a, b| a.path.cmp(&b.path)),
    }
    let fleet = Fleet::new(rows);
    let text = match args.output {
        FleetOutput::Text => fleet.text(),
        FleetOutput::Csv => fleet.csv(),
        FleetOutput::Markdown => fleet.markdown(),
        FleetOutput::Json => {
            let text = serde_json::to_string_pretty(&fleet).map_err(|error| fail(Exit::Usage, error))?;
            format!("{text}\n")
        }
    };
    output::data(&text)?;
    Ok(exit(&fleet))
}

fn exit(fleet: &Fleet) -> Exit {
    let any = |status: Status| fleet.rows.iter().any(|row| row.status == status);
    if any(Status::Refused) {
        Exit::Refused
    } else if any(Status::Unreadable) {
        Exit::Usage
    } else if fleet.rows.iter().any(|row| row.errors + row.warnings > 0) {
        Exit::Findings
    } else {
        Exit::Clean
    }
}

/// Finds configurations below a directory. What cannot be read gets a row that says so.
fn search(dir: &Path, depth: usize, files: &mut Vec<PathBuf>, unreadable: &mut Vec<Row>) {
    let entries = std::fs::read_dir(dir).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            let row = Row::new(dir.to_string_lossy().into_owned(), Status::Unreadable);
            unreadable.push(Row { errors: 1, message: Some(error.to_string()), ..row });
            return;
        }
    };
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // links are not followed
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth < DEPTH_MAX {
            search(&path, depth + 1, files, unreadable);
        } else if kind.is_file() {
            let name = entry.file_name();
            if matches!(name.to_str(), Some("flink-conf.yaml" | "config.yaml" | "plimsoll.toml")) {
                files.push(path);
            }
        }
    }
}

fn row(path: &Path, args: &FleetArgs) -> Row {
    let shown = path.to_string_lossy().into_owned();
    let input =
        InputArgs { config_dir: None, dynamic: Vec::new(), flink_version: args.flink_version, format: None };
    let input = match input::load(Some(path), &input) {
        Ok(input) => input,
        Err(error) => {
            let status = match &error {
                InputError::Malformed(failure) if !failure.chain.is_empty() => Status::Refused,
                _ => Status::Unreadable,
            };
            return Row { errors: 1, message: Some(error.to_string()), ..Row::new(shown, status) };
        }
    };
    let subject = input.subject(Inputs::new(&input.loaded, input.version));
    let report = check(&subject, &Selection::default());
    let mut row = Row::new(shown, Status::Ok);
    row.flink_version = Some(input.version.to_string());
    row.errors = report.count(Severity::Error);
    row.warnings = report.count(Severity::Warning);
    row.notes = report.count(Severity::Note);
    if let Some(process) = &subject.task_manager {
        match process.memory() {
            Some(memory) => {
                row.task_manager_bytes = Some(memory.total_process().bytes());
                let map = input.map(&Process::TaskManager(Box::new(memory.clone())));
                row.largest = Largest::of(&map);
            }
            None => row.refuse(process.failures(), ProcessKind::Taskmanager),
        }
    }
    if let Some(process) = &subject.job_manager {
        match process.memory() {
            Some(memory) => row.job_manager_bytes = Some(memory.total_process().bytes()),
            None => row.refuse(process.failures(), ProcessKind::Jobmanager),
        }
    }
    row
}
