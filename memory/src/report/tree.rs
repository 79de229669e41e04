//! A pool and its levels as a tree of lines: what refusals and reports print.

use super::number::bytes_text;
use super::usage::PoolUsage;

/// One line a level: limit, held, peak. Owners are no levels; the largest of them are listed apart.
pub fn tree(usage: &PoolUsage) -> Vec<String> {
    let mut rows = Vec::new();
    walk(usage, "", "", &mut rows);
    let width =
        |column: fn(&Row) -> &str| rows.iter().map(|row| column(row).chars().count()).max().unwrap_or(0);
    let (name, limit) = (width(|row| &row.name), width(|row| &row.limit));
    let (held, peak) = (width(|row| &row.held), width(|row| &row.peak));
    let line = |row: &Row| {
        format!(
            "{:<name$}  {:>limit$}  held {:>held$}  peak {:>peak$}",
            row.name, row.limit, row.held, row.peak
        )
    };
    rows.iter().map(line).collect()
}

struct Row {
    name: String,
    limit: String,
    held: String,
    peak: String,
}

fn walk(usage: &PoolUsage, lead: &str, below: &str, rows: &mut Vec<Row>) {
    rows.push(Row {
        name: format!("{lead}{}", usage.name),
        limit: bytes_text(usage.limit_bytes),
        held: bytes_text(usage.held_bytes),
        peak: bytes_text(usage.peak_bytes),
    });
    let last = usage.pools.len().saturating_sub(1);
    for (i, pool) in usage.pools.iter().enumerate() {
        let (branch, rest) = if i == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        walk(pool, &format!("{below}{branch}"), &format!("{below}{rest}"), rows);
    }
}
