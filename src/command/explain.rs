//! `memcalc explain`

use std::path::Path;

use plimsoll_memory::config::KnownKey;
use serde::Serialize;

use super::{Outcome, fail, load, refused, require_model};
use crate::args::{ExplainArgs, ProcessKind, TextOrJson};
use crate::exit::Exit;
use crate::explain::{self, JOB_MANAGER_POOLS, Pool, TASK_MANAGER_POOLS, Texts};
use crate::input::{Input, Process};
use crate::output::Terminal;
use crate::{nearest, output};

/// Levels of reasons for one pool, and for each of all.
const DEPTH_OF_ONE: usize = 8;
const DEPTH_OF_ALL: usize = 1;

pub(super) fn run(args: &ExplainArgs, terminal: Terminal) -> Outcome {
    let (what, conf) = sort_out(&args.what);
    let input = match (&what, load(conf.as_deref().map(Path::new), &args.input, terminal)) {
        (Some(what), Err(exit)) if conf.is_none() => {
            let what = what.escape_debug();
            output::message(&format!(
                "help: '{what}' is taken for a pool or key: memcalc explain POOL CONF\n"
            ));
            return Err(exit);
        }
        (_, loaded) => loaded?,
    };
    let kind = args.process.unwrap_or_else(|| guess(what.as_deref(), &input));
    require_model(kind, &input)?;
    let pools = derive(kind, &input, terminal)?;
    let wanted: Vec<&Pool> = match &what {
        None => pools.iter().collect(),
        Some(what) => vec![choose(what, kind, &pools)?],
    };
    match args.output {
        TextOrJson::Json => {
            let json = Explanation {
                schema_version: 1,
                flink_version: input.version.to_string(),
                rules: input.rules.name,
                process: match kind {
                    ProcessKind::Taskmanager => "taskmanager",
                    ProcessKind::Jobmanager => "jobmanager",
                },
                pools: wanted,
            };
            let text = serde_json::to_string_pretty(&json).map_err(|e| fail(Exit::Usage, e))?;
            output::data(&format!("{text}\n"))?;
        }
        TextOrJson::Text => {
            let mut text = String::new();
            let depth = if what.is_some() { DEPTH_OF_ONE } else { DEPTH_OF_ALL };
            if let Some(what) = what.as_deref().filter(|what| what.contains('.')) {
                text += &about_key(what, &input);
            }
            for (i, pool) in wanted.iter().enumerate() {
                if i > 0 {
                    text.push('\n');
                }
                text += &explain::render(&pool.fact, depth, terminal.unicode);
            }
            output::data(&text)?;
        }
    }
    Ok(Exit::Clean)
}

#[derive(Serialize)]
struct Explanation<'a> {
    schema_version: u32,
    flink_version: String,
    rules: &'static str,
    process: &'static str,
    pools: Vec<&'a Pool>,
}

/// Which of the words is a pool or key, and which the configuration: the one that exists, or `-`.
fn sort_out(words: &[String]) -> (Option<String>, Option<String>) {
    let is_pool = |word: &String| {
        TASK_MANAGER_POOLS.contains(&word.as_str()) || JOB_MANAGER_POOLS.contains(&word.as_str())
    };
    let is_conf = |word: &String| word == "-" || !is_pool(word) && Path::new(word).exists();
    match words {
        [] => (None, None),
        [word] if is_conf(word) => (None, Some(word.clone())),
        [word] => (Some(word.clone()), None),
        [first, second] if is_conf(first) && !is_conf(second) => (Some(second.clone()), Some(first.clone())),
        [what, conf, ..] => (Some(what.clone()), Some(conf.clone())),
    }
}

fn guess(what: Option<&str>, input: &Input) -> ProcessKind {
    let only_job_manager = || {
        let has = |prefix: &str| {
            input.loaded.configuration.entries().any(|(_, entry)| entry.key.as_str().starts_with(prefix))
        };
        has("jobmanager.memory.") && !has("taskmanager.")
    };
    match what {
        Some(what) if what.starts_with("jobmanager.") || what == "off-heap" => ProcessKind::Jobmanager,
        Some(what) if TASK_MANAGER_POOLS.contains(&what) && !JOB_MANAGER_POOLS.contains(&what) => {
            ProcessKind::Taskmanager
        }
        _ if only_job_manager() => ProcessKind::Jobmanager,
        _ => ProcessKind::Taskmanager,
    }
}

fn derive(kind: ProcessKind, input: &Input, terminal: Terminal) -> Result<Vec<Pool>, Exit> {
    let texts = Texts { configuration: &input.loaded.configuration, sources: &input.loaded.sources };
    match input.derive(kind) {
        Ok(Process::TaskManager(process)) => Ok(explain::task_manager(texts, &process)),
        Ok(Process::JobManager(process)) => Ok(explain::job_manager(texts, &process)),
        Err(failure) => Err(refused(input, kind.into(), &failure, terminal)),
    }
}

fn choose<'a>(what: &str, kind: ProcessKind, pools: &'a [Pool]) -> Result<&'a Pool, Exit> {
    let wanted = |pool: &&Pool| pool.name == what || pool.keys.iter().any(|key| key.as_str() == what);
    if let Some(pool) = pools.iter().find(wanted) {
        return Ok(pool);
    }
    let names: Vec<&str> = pools.iter().map(|pool| pool.name).collect();
    let keys = pools.iter().flat_map(|pool| pool.keys).map(|key| key.as_str());
    let suggestion = match nearest::nearest(what, names.iter().copied().chain(keys)) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("the pools are {}", names.join(", ")),
    };
    let process = if kind == ProcessKind::Taskmanager { "TaskManager" } else { "JobManager" };
    Err(fail(
        Exit::Usage,
        format!("'{what}' is no pool of a {process} and no key of its memory\nhelp: {suggestion}"),
    ))
}

/// Where a key was set, before the pool it has a say in.
fn about_key(key: &str, input: &Input) -> String {
    let texts = Texts { configuration: &input.loaded.configuration, sources: &input.loaded.sources };
    match (KnownKey::of(key), input.loaded.configuration.find(key)) {
        (Some(option), Some((id, _))) => {
            let setting = plimsoll_memory::model::Setting { option, entry: Some(id) };
            format!("{key}: set at {}\n\n", texts.place(setting))
        }
        _ => format!("{key}: not set\n\n"),
    }
}
