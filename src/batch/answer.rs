//! The answer to one request line.

use std::borrow::Cow;
use std::fmt::Write as _;

use plimsoll_memory::MemorySize;
use plimsoll_memory::java::{Exception, push_u64};
use plimsoll_memory::model::slot::{self, Profile, Slots};
use plimsoll_memory::model::taskmanager::PropertyValue;
use plimsoll_memory::model::{
    Failure, Fallible, JobManager, Ruleset, Silent, TaskManager, jobmanager, taskmanager,
};
use plimsoll_memory::size::Unit;

use super::json::{Escaped, Object, push_string};
use super::request::Request;
use super::rocksdb::{push_rocksdb, push_weights};

/// Appends the answer to a line, and its line end. A blank line has none.
pub fn answer(rules: &'static Ruleset, line: &[u8], out: &mut String) {
    if line.iter().all(|byte| *byte <= b' ') {
        return;
    }
    let Ok(line) = std::str::from_utf8(line) else { return bad_request(out, "the line is not UTF-8") };
    // an array of the right length would pass for a request
    if !line.trim_start().starts_with('{') {
        return bad_request(out, "a request is a JSON object");
    }
    let request: Request<'_> = match serde_json::from_str(line) {
        Ok(request) => request,
        Err(error) => return bad_request(out, &error.to_string()),
    };
    let mut object = Object::open(out);
    object.name("id").push_str(request.id.map_or("null", |id| id.get()));
    object.close();
    out.pop(); // the members below go on in the same object
    let start = out.len();
    let body = Object::continued(out);
    if let Err(chain) = body_of(rules, &request, body) {
        out.truncate(start);
        let mut object = Object::continued(out);
        push_failure(&mut object, &chain);
        object.close();
    }
    out.push('\n');
}

/// The answer to a line that is no request.
pub(super) fn bad_request(out: &mut String, why: &str) {
    let mut object = Object::open(out);
    object.boolean("ok", false);
    object.string("error", "BadRequest");
    object.string("message", why);
    object.close();
    out.push('\n');
}

pub(super) fn push_failure(object: &mut Object<'_>, chain: &[Exception]) {
    object.boolean("ok", false);
    let mut link = |class: &str, message: &str, exception: &Exception| {
        object.string(class, exception.simple_name());
        match &exception.message {
            Some(text) => object.string(message, text),
            None => object.name(message).push_str("null"),
        }
    };
    let [first, rest @ ..] = chain else { return };
    link("error", "message", first);
    let [cause, rest @ ..] = rest else { return };
    link("cause_error", "cause", cause);
    if let Some(root) = rest.last() {
        link("root_error", "root_cause", root);
    }
}

pub(super) type Chain = Vec<Exception>;

/// Appends the members of a good answer.
fn body_of(rules: &'static Ruleset, request: &Request<'_>, mut body: Object<'_>) -> Result<(), Chain> {
    let target = request.target.as_deref().unwrap_or("");
    let chain = |failure: Box<Failure>| failure.chain;
    match target {
        "taskmanager" => {
            let process = taskmanager::derive(&request.conf.0, rules, None, &mut Silent).map_err(chain)?;
            push_task_manager(&mut body, rules, &process);
        }
        "jobmanager" => {
            let process = jobmanager::derive(&request.conf.0, rules, None, &mut Silent).map_err(chain)?;
            push_job_manager(&mut body, rules, &process);
        }
        "memsize" => push_size(&mut body, rules, request)?,
        "slot" | "slots" => {
            let slots = slots(rules, request).map_err(chain)?;
            push_slots(&mut body, &slots);
        }
        "rocksdb" => push_rocksdb(&mut body, rules, request)?,
        "weights" => push_weights(&mut body, rules, request)?,
        other => return Err(unsupported(format!("unknown target {other}"))),
    }
    body.close();
    Ok(())
}

pub(super) fn unsupported(message: impl Into<String>) -> Chain {
    vec![Exception::new("Unsupported", message)]
}

fn push_sizes<const N: usize>(body: &mut Object<'_>, name: &str, sizes: [(&str, MemorySize); N]) {
    let mut memory = body.object(name);
    for (name, size) in sizes {
        memory.number(name, size.bytes());
    }
    memory.close();
}

fn push_task_manager(body: &mut Object<'_>, rules: &Ruleset, process: &TaskManager) {
    body.boolean("ok", true);
    push_sizes(
        body,
        "memory",
        [
            ("total_process", process.total_process()),
            ("total_flink", process.total_flink()),
            ("framework_heap", process.framework_heap.size),
            ("task_heap", process.task_heap.size),
            ("framework_off_heap", process.framework_off_heap.size),
            ("task_off_heap", process.task_off_heap.size),
            ("network", process.network.size),
            ("managed", process.managed.size),
            ("jvm_metaspace", process.metaspace.size),
            ("jvm_overhead", process.overhead.size),
        ],
    );
    push_arguments(body, &process.jvm_args(), &process.dynamic_properties(rules));
}

/// What the start-up call would print.
fn push_arguments(body: &mut Object<'_>, jvm_args: &str, properties: &[(Cow<'static, str>, PropertyValue)]) {
    body.string("jvm_args", jvm_args);
    let mut dynamic = body.object("dynamic");
    for (key, value) in properties {
        push_property(dynamic.foreign_name(key), value);
    }
    dynamic.close();
}

fn push_property(out: &mut String, value: &PropertyValue) {
    out.push('"');
    match value {
        PropertyValue::Text(text) => {
            let _ = Escaped(out).write_str(text);
        }
        number => number.push(out),
    }
    out.push('"');
}

fn push_job_manager(body: &mut Object<'_>, rules: &Ruleset, process: &JobManager) {
    body.boolean("ok", true);
    push_sizes(
        body,
        "memory",
        [
            ("total_process", process.total_process()),
            ("total_flink", process.total_flink()),
            ("jvm_heap", process.heap.size),
            ("off_heap", process.off_heap.size),
            ("jvm_metaspace", process.metaspace.size),
            ("jvm_overhead", process.overhead.size),
        ],
    );
    push_arguments(body, &process.jvm_args(), &process.dynamic_properties(rules));
}

fn push_size(body: &mut Object<'_>, rules: &Ruleset, request: &Request<'_>) -> Result<(), Chain> {
    use plimsoll_memory::java::exception::{ILLEGAL_ARGUMENT, NULL_POINTER, NUMBER_FORMAT};
    let Some(text) = request.text.as_deref() else {
        let message = if rules.modern_resources { "text cannot be null" } else { "text" };
        return Err(vec![Exception::new(NULL_POINTER, message)]);
    };
    let parsed = match request.unit.as_deref() {
        None => MemorySize::parse(text),
        Some(name) => {
            let unit = Unit::from_flink_name(name).ok_or_else(|| {
                let message =
                    format!("No enum constant org.apache.flink.configuration.MemorySize.MemoryUnit.{name}");
                vec![Exception::new(ILLEGAL_ARGUMENT, message)]
            })?;
            MemorySize::parse_with_unit(text, unit)
        }
    };
    let size = parsed.map_err(|error| {
        let class = if error.is_number_format() { NUMBER_FORMAT } else { ILLEGAL_ARGUMENT };
        vec![Exception::new(class, error.to_string())]
    })?;
    body.boolean("ok", true);
    body.number("bytes", size.bytes());
    let _ = write!(body.name("human"), "\"{}\"", size.human());
    let _ = write!(body.name("string"), "\"{size}\"");
    let _ = write!(body.name("mebibytes_int"), "{}", size.mebibytes_int());
    Ok(())
}

fn slots(rules: &'static Ruleset, request: &Request<'_>) -> Fallible<Slots> {
    let conf = &request.conf.0;
    match request.mode.as_deref().unwrap_or("startup") {
        "startup" => slot::of_startup(conf, rules),
        "direct" => slot::of_explicit(conf, rules),
        "local" => slot::of_local(conf, rules),
        other => Err(Box::new(Failure {
            kind: plimsoll_memory::model::Kind::Missing,
            blame: Vec::new(),
            chain: unsupported(format!("unknown mode {other}")),
        })),
    }
}

fn push_slots(body: &mut Object<'_>, slots: &Slots) {
    body.boolean("ok", true);
    body.number("slots", u64::from(slots.count));
    push_profile(body, "slot", &slots.slot);
    push_profile(body, "total", &slots.total);
    if let Some(profile) = &slots.slot_manager {
        push_profile(body, "slot_manager", profile);
    }
}

fn push_profile(body: &mut Object<'_>, name: &str, profile: &Profile) {
    let mut object = body.object(name);
    let _ = write!(object.name("cpu"), "\"{}\"", profile.cpu);
    for (name, size) in [
        ("task_heap", profile.task_heap),
        ("task_off_heap", profile.task_off_heap),
        ("managed", profile.managed),
        ("network", profile.network),
    ] {
        push_u64(object.name(name), size.bytes());
    }
    if !profile.extended.is_empty() {
        let mut sorted: Vec<_> = profile.extended.iter().collect();
        // a Java TreeMap: by UTF-16 units
        sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
        let mut extended = object.object("extended");
        for (name, value) in sorted {
            push_string(extended.foreign_name(name), &value.to_string());
        }
        extended.close();
    }
    object.string("text", &profile.text());
    object.close();
}
