//! A table for an issue or a chat: Markdown that also reads well as plain text.

use std::fmt::Write as _;

use super::map::MemoryMap;
use super::number::{human, share};
use super::text::{columns, visible};

/// Writes the table, areas with parts in bold, and under it what goes to the JVM and to Flink.
///
/// `arguments` are lines of a code block: JVM arguments, dynamic properties. None: no block.
pub fn markdown(map: &MemoryMap, arguments: &[&str]) -> String {
    let mut rows = vec![["memory", "size", "bytes", "share", "why"].map(str::to_owned)];
    for (_, _, area) in map.root.walk() {
        let name = if area.is_leaf() { area.label.to_owned() } else { format!("**{}**", area.label) };
        let flag = area.flag.as_ref().map(|flag| format!("; `{}`", cell(flag))).unwrap_or_default();
        let why = cell(&area.cause) + &flag;
        rows.push([name, human(area.bytes), area.bytes.to_string(), share(area.bytes, map.root.bytes), why]);
    }
    let mut widths = [0; 5];
    for row in &rows {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = columns(text).max(*width);
        }
    }
    widths[4] = 3; // the last column is not padded
    let mut out = String::new();
    for (i, row) in rows.iter().enumerate() {
        for (column, (text, width)) in row.iter().zip(widths).enumerate() {
            let pad = " ".repeat(width.saturating_sub(columns(text)));
            let numbers = (1..=3).contains(&column);
            let (before, after) = if numbers { (pad.as_str(), "") } else { ("", pad.as_str()) };
            let _ = write!(out, "| {before}{text}{after} ");
        }
        out.push_str("|\n");
        if i == 0 {
            for (column, width) in widths.into_iter().enumerate() {
                let right = (1..=3).contains(&column);
                let _ = write!(
                    out,
                    "| {}{} ",
                    "-".repeat(width - usize::from(right)),
                    if right { ":" } else { "" }
                );
            }
            out.push_str("|\n");
        }
    }
    if !arguments.is_empty() {
        let lines: Vec<String> = arguments.iter().map(|line| visible(line).trim_end().to_owned()).collect();
        let fence = fence(&lines);
        let _ = write!(out, "\n{fence}\n{}\n{fence}\n", lines.join("\n"));
    }
    out
}

/// Text as it must stand in a cell: nothing in it is markup, and it ends neither the cell nor the row.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '@' => out.push_str("&#64;"), // would call people
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '~' | '#' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// A fence longer than any run of backticks inside.
fn fence(lines: &[String]) -> String {
    let runs = lines.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or(0);
    "`".repeat(3.max(runs + 1))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_golden, job_manager_map, samples, task_manager_map};
    use super::*;

    #[test]
    fn golden() {
        let map = task_manager_map("process.size: 1728m");
        let arguments = ["-Xmx536870902 -Xms536870902", "-D taskmanager.cpu.cores=1.0 "];
        assert_golden("taskmanager.md", &markdown(&map, &arguments));
        assert_golden("jobmanager.md", &markdown(&job_manager_map("process.size: 1600m"), &[]));
    }

    #[test]
    fn every_row_has_five_cells() {
        for (_, mut map) in samples() {
            map.root.cause = "a|b\n`c`\\|<d>@e".to_owned();
            for line in markdown(&map, &[]).lines() {
                let bare = line.replace("\\\\", "").replace("\\|", "");
                assert_eq!(bare.matches('|').count(), 6, "{line}");
            }
        }
    }

    #[test]
    fn a_fence_holds() {
        let text = markdown(&task_manager_map("process.size: 1g"), &["````"]);
        assert!(text.ends_with("\n`````\n````\n`````\n"));
    }
}
