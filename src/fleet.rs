//! Many configurations, a row each, and their sums.

use std::fmt::Write as _;

use plimsoll_memory::model::Failure;
use serde::Serialize;

use crate::args::ProcessKind;
use crate::render::MemoryMap;
use crate::render::number::{human, share};
use crate::render::text::visible;

/// A fleet: its rows and their sums.
#[derive(Debug, Serialize)]
pub struct Fleet {
    schema_version: u32,
    /// One row a configuration.
    pub rows: Vec<Row>,
    /// What they come to.
    pub total: Total,
}

/// The sums of a fleet.
#[derive(Debug, Default, Serialize)]
pub struct Total {
    /// Configurations.
    pub configurations: usize,
    /// Of them, those that Flink would refuse.
    pub refused: usize,
    /// Of them, those that cannot be read.
    pub unreadable: usize,
    /// Process memory of one TaskManager each.
    pub task_manager_bytes: u64,
    /// Process memory of one JobManager each.
    pub job_manager_bytes: u64,
    /// Findings that are errors.
    pub errors: usize,
    /// Findings that are warnings.
    pub warnings: usize,
    /// Findings that are notes.
    pub notes: usize,
}

/// What became of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Flink would start with it.
    Ok,
    /// Flink would refuse to start with it.
    Refused,
    /// It could not be read.
    Unreadable,
}

/// One configuration.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its path.
    pub path: String,
    /// What became of it.
    pub status: Status,
    /// The version it was derived for.
    pub flink_version: Option<String>,
    /// Process memory of a TaskManager.
    pub task_manager_bytes: Option<u64>,
    /// The TaskManager's largest pool.
    pub largest: Option<Largest>,
    /// Process memory of a JobManager.
    pub job_manager_bytes: Option<u64>,
    /// Findings that are errors.
    pub errors: usize,
    /// Findings that are warnings.
    pub warnings: usize,
    /// Findings that are notes.
    pub notes: usize,
    /// Why it is refused or unreadable.
    pub message: Option<String>,
}

/// The largest pool of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Largest {
    /// Its name for programs.
    pub pool: &'static str,
    /// Its size.
    pub bytes: u64,
    /// Its share of the process, in thousandths.
    pub permille: u64,
}

impl Largest {
    /// The largest leaf of a map.
    pub fn of(map: &MemoryMap) -> Option<Self> {
        let whole = map.root.bytes.max(1);
        let leaves = map.root.walk().into_iter().map(|(_, _, area)| area).filter(|area| area.is_leaf());
        leaves.max_by_key(|area| area.bytes).map(|area| Self {
            pool: area.id,
            bytes: area.bytes,
            permille: u64::try_from(u128::from(area.bytes) * 1000 / u128::from(whole)).unwrap_or(1000),
        })
    }
}

impl Row {
    /// A row without numbers.
    pub fn new(path: String, status: Status) -> Self {
        Self {
            path,
            status,
            flink_version: None,
            task_manager_bytes: None,
            largest: None,
            job_manager_bytes: None,
            errors: 0,
            warnings: 0,
            notes: 0,
            message: None,
        }
    }

    /// Notes that Flink would refuse a process.
    pub fn refuse(&mut self, failures: &[Failure], process: ProcessKind) {
        self.status = Status::Refused;
        let name = if process == ProcessKind::Taskmanager { "TaskManager" } else { "JobManager" };
        let message = failures.first().map_or("", |failure| failure.message());
        self.message.get_or_insert_with(|| format!("{name}: {message}"));
    }

    /// The larger of its processes.
    pub fn process_bytes(&self) -> u64 {
        self.task_manager_bytes.max(self.job_manager_bytes).unwrap_or(0)
    }

    /// Errors, warnings, notes: for sorting.
    pub const fn findings(&self) -> (usize, usize, usize) {
        (self.errors, self.warnings, self.notes)
    }

    fn cells(&self) -> [String; 7] {
        let size = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), human);
        let largest = self.largest.as_ref().map_or_else(
            || "-".to_owned(),
            |l| {
                format!(
                    "{} {}",
                    l.pool.replace('_', " "),
                    share(l.bytes, self.task_manager_bytes.unwrap_or(0))
                )
            },
        );
        let status = match self.status {
            Status::Ok => "ok",
            Status::Refused => "refused",
            Status::Unreadable => "unreadable",
        };
        [
            visible(&self.path).into_owned(),
            self.flink_version.clone().unwrap_or_else(|| "-".to_owned()),
            size(self.task_manager_bytes),
            largest,
            size(self.job_manager_bytes),
            counts(self.errors, self.warnings, self.notes),
            status.to_owned(),
        ]
    }
}

/// `1E 2W`: what is zero is left out.
fn counts(errors: usize, warnings: usize, notes: usize) -> String {
    let all = [(errors, 'E'), (warnings, 'W'), (notes, 'N')];
    let parts: Vec<String> =
        all.iter().filter(|(n, _)| *n > 0).map(|(n, letter)| format!("{n}{letter}")).collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(" ") }
}

const HEADER: [&str; 7] =
    ["configuration", "flink", "taskmanager", "largest pool", "jobmanager", "findings", "status"];

impl Fleet {
    /// A fleet of rows, in this order.
    pub fn new(rows: Vec<Row>) -> Self {
        let mut total = Total { configurations: rows.len(), ..Total::default() };
        for row in &rows {
            total.refused += usize::from(row.status == Status::Refused);
            total.unreadable += usize::from(row.status == Status::Unreadable);
            total.task_manager_bytes =
                total.task_manager_bytes.saturating_add(row.task_manager_bytes.unwrap_or(0));
            total.job_manager_bytes =
                total.job_manager_bytes.saturating_add(row.job_manager_bytes.unwrap_or(0));
            total.errors += row.errors;
            total.warnings += row.warnings;
            total.notes += row.notes;
        }
        Self { schema_version: 1, rows, total }
    }

    fn sums(&self) -> [String; 7] {
        let total = &self.total;
        [
            format!(
                "{} configuration{}",
                total.configurations,
                if total.configurations == 1 { "" } else { "s" }
            ),
            String::new(),
            human(total.task_manager_bytes),
            String::new(),
            human(total.job_manager_bytes),
            counts(total.errors, total.warnings, total.notes),
            match (total.refused, total.unreadable) {
                (0, 0) => "ok".to_owned(),
                (refused, 0) => format!("{refused} refused"),
                (0, unreadable) => format!("{unreadable} unreadable"),
                (refused, unreadable) => format!("{refused} refused, {unreadable} unreadable"),
            },
        ]
    }

    /// An aligned table, sums last, then why some are refused.
    pub fn text(&self) -> String {
        let mut table: Vec<[String; 7]> = vec![HEADER.map(str::to_owned)];
        table.extend(self.rows.iter().map(Row::cells));
        table.push(self.sums());
        let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 7] = std::array::from_fn(width);
        let mut out = String::new();
        for row in &table {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                // numbers to the right, words to the left
                let padded = if matches!(column, 2 | 4) {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:width$}")
                };
                line += &padded;
                line += "  ";
            }
            out += line.trim_end();
            out.push('\n');
        }
        for row in &self.rows {
            if let Some(message) = &row.message {
                let _ = write!(out, "\n{}: {}\n", visible(&row.path), visible(message));
            }
        }
        out
    }

    /// A table in Markdown.
    pub fn markdown(&self) -> String {
        let escaped = |cell: &String| cell.replace('|', "\\|");
        let line = |cells: &[String; 7]| format!("| {} |\n", cells.each_ref().map(escaped).join(" | "));
        let mut out = line(&HEADER.map(str::to_owned));
        out += "|---|---|--:|---|--:|---|---|\n";
        for row in &self.rows {
            out += &line(&row.cells());
        }
        out += &line(&self.sums());
        out
    }

    /// Comma-separated values with raw bytes, without sums: a spreadsheet makes its own.
    pub fn csv(&self) -> String {
        let mut out = String::from(
            "path,status,flink_version,task_manager_bytes,largest_pool,largest_bytes,job_manager_bytes,errors,warnings,\
             notes,message\n",
        );
        let number = |n: Option<u64>| n.map_or_else(String::new, |n| n.to_string());
        for row in &self.rows {
            let status = match row.status {
                Status::Ok => "ok",
                Status::Refused => "refused",
                Status::Unreadable => "unreadable",
            };
            let cells = [
                quoted(&row.path),
                status.to_owned(),
                row.flink_version.clone().unwrap_or_default(),
                number(row.task_manager_bytes),
                row.largest.as_ref().map_or("", |l| l.pool).to_owned(),
                number(row.largest.as_ref().map(|l| l.bytes)),
                number(row.job_manager_bytes),
                row.errors.to_string(),
                row.warnings.to_string(),
                row.notes.to_string(),
                quoted(row.message.as_deref().unwrap_or_default()),
            ];
            out += &cells.join(",");
            out.push('\n');
        }
        out
    }
}

/// A field of RFC 4180; one that a spreadsheet would take for a formula gets an apostrophe.
fn quoted(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
