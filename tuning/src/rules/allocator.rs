//! The allocator of the image: MEM0023.

use plimsoll_memory::config::KnownKey;

use crate::diagnostic::{Diagnostic, Edit};
use crate::subject::{Subject, Variable, toml_value};

/// MEM0023.
pub(super) fn check(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let last = |name: &str| subject.variables.iter().rfind(|v| v.name == name);
    let disabled = last("DISABLE_JEMALLOC").filter(|v| v.value.eq_ignore_ascii_case("true"));
    if let Some(variable) = disabled {
        if last("MALLOC_ARENA_MAX").is_none() {
            out.push(glibc(subject, variable));
        }
        return;
    }
    // images from 1.20 to 2.2 preload jemalloc without a number of arenas; it counts the CPUs of the host
    let preloads = matches!((subject.version.major, subject.version.minor), (1, 12..=20) | (2, 0..=2));
    let arenas = last("MALLOC_CONF").is_some_and(|v| v.value.contains("narenas"));
    if preloads && subject.has_environment() && !arenas {
        out.push(host_arenas(subject, last("MALLOC_CONF")));
    }
}

fn glibc(subject: &Subject<'_>, variable: &Variable) -> Diagnostic {
    let label = variable
        .place
        .and_then(|(source, span)| subject.at(source, span, "the image falls back to glibc's malloc", true));
    let edit = variable.place.and_then(|(source, span)| {
        let text = subject.source(source)?.text.get(span.start..span.end)?;
        // of the configuration the place is the value alone
        let to = if text.contains('=') { "DISABLE_JEMALLOC=false" } else { "false" };
        let to = if subject.is_toml(source) { toml_value(text, to) } else { to.to_owned() };
        subject.edit(source, span, to)
    });
    Diagnostic::warning("glibc's arenas grow without bound where RocksDB allocates")
        .label(label)
        .note("glibc keeps up to eight arenas for each CPU and hardly gives memory back: the process outgrows its container")
        .fix("leave jemalloc on: DISABLE_JEMALLOC=false", edit)
        .help("or bound the arenas: MALLOC_ARENA_MAX=2")
}

fn host_arenas(subject: &Subject<'_>, conf: Option<&Variable>) -> Diagnostic {
    let cpus = subject
        .number(KnownKey::TmCpuCores)
        .or_else(|| {
            let keys = ["kubernetes.taskmanager.cpu.amount", "kubernetes.taskmanager.cpu"];
            let entry = keys.iter().find_map(|key| subject.conf().find(key));
            entry.and_then(|(_, entry)| entry.value.text().trim().parse().ok())
        })
        .filter(|cpus: &f64| cpus.is_finite() && (0.0..=1024.0).contains(cpus));
    // jemalloc's own rule is four arenas for each CPU; here for those of the container
    let cpus = cpus.unwrap_or(1.0).ceil().max(1.0);
    let arenas = format!("narenas:{}", 4.0 * cpus);
    let mut found =
        Diagnostic::warning("jemalloc sizes its arenas by the CPUs of the host, not of the container");
    let edit = if let Some((variable, (source, span))) = conf.and_then(|v| Some((v, v.place?))) {
        found = found.label(subject.at(source, span, "no narenas here", true));
        let comma = if variable.value.is_empty() { "" } else { "," };
        let raw = subject.source(source).and_then(|s| s.text.get(span.start..span.end)).unwrap_or_default();
        let quote = raw.chars().next_back().filter(|c| matches!(c, '"' | '\''));
        let body = quote.map_or(raw, |q| raw.trim_end_matches(q));
        let quote = quote.map(String::from).unwrap_or_default();
        subject.edit(source, span, format!("{body}{comma}{arenas}{quote}"))
    } else {
        let place = subject
            .variables
            .iter()
            .filter_map(|v| v.place)
            .find(|(source, _)| Some(*source) == subject.first_environment());
        if let Some((source, span)) = place {
            found = found.label(subject.at(source, span, "the environment sets no MALLOC_CONF", true));
        }
        append(subject, &arenas)
    };
    found
        .note("on a host of 64 CPUs that is 256 arenas; 3.9 GB of a 16 GB container were lost to them (FLINK-39924)")
        .fix(format!("bound them: MALLOC_CONF={arenas}"), edit)
}

/// A new line at the end of the first environment.
fn append(subject: &Subject<'_>, arenas: &str) -> Option<Edit> {
    let id = subject.first_environment()?;
    let text = &subject.source(id)?.text;
    let dockerfile =
        text.lines().any(|line| line.trim_start().get(..5).is_some_and(|w| w.eq_ignore_ascii_case("from ")));
    let keyword = if dockerfile { "ENV " } else { "" };
    let ended = text.is_empty() || text.ends_with('\n');
    let line = format!("{keyword}MALLOC_CONF={arenas}");
    let replacement = if ended { format!("{line}\n") } else { format!("\n{line}\n") };
    let end = text.len();
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let last = text.rsplit('\n').next().unwrap_or_default().chars().count();
    let span = plimsoll_memory::config::Span {
        start: end,
        end,
        line: small(text.matches('\n').count() + 1),
        column: small(last + 1),
    };
    subject.edit(id, span, replacement)
}
