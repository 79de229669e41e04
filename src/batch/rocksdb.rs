//! Answers about RocksDB's shared memory and about managed memory's consumers.

use plimsoll_memory::config::Configuration;
use plimsoll_memory::java::exception::{ILLEGAL_ARGUMENT, NUMBER_FORMAT};
use plimsoll_memory::java::{self, Exception, NumberFormat};
use plimsoll_memory::model::rocksdb::{self, Ratios, SharedMemory};
use plimsoll_memory::model::weights::{self, UseCase, Weights, WeightsError};
use plimsoll_memory::model::{Ruleset, rocksdb as model};

use super::answer::{Chain, push_failure, unsupported};
use super::json::Object;
use super::request::{Request, Text};

fn number_format(error: NumberFormat) -> Chain {
    vec![Exception::new(NUMBER_FORMAT, error.0)]
}

fn long(text: &str) -> Result<i64, Chain> {
    java::parse_long(text).map_err(number_format)
}

fn double(text: Option<&Text<'_>>, default: f64) -> Result<f64, Chain> {
    text.map_or(Ok(default), |text| java::parse_double(text).map_err(number_format))
}

fn push_long(object: &mut Object<'_>, name: &str, value: i64) {
    use std::fmt::Write as _;
    let _ = write!(object.name(name), "{value}");
}

fn push_double(out: &mut String, value: f64) {
    // Jackson quotes what is no JSON number
    let quote = if value.is_finite() { "" } else { "\"" };
    out.push_str(quote);
    java::push_double(out, value);
    out.push_str(quote);
}

fn push_list<T>(out: &mut String, items: impl IntoIterator<Item = T>, mut push: impl FnMut(&mut String, T)) {
    out.push('[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        push(out, item);
    }
    out.push(']');
}

/// The members of a `rocksdb` answer.
pub(super) fn push_rocksdb(
    body: &mut Object<'_>,
    rules: &Ruleset,
    request: &Request<'_>,
) -> Result<(), Chain> {
    let total = long(request.total.as_deref().unwrap_or("null"))?;
    let ratios = Ratios {
        write_buffer: double(request.write_buffer_ratio.as_ref(), rocksdb::DEFAULT_WRITE_BUFFER_RATIO)?,
        high_priority: double(request.high_prio_ratio.as_ref(), rocksdb::DEFAULT_HIGH_PRIORITY_RATIO)?,
    };
    let buffer = request.write_buffer_size.as_deref().map_or(Ok(rocksdb::DEFAULT_WRITE_BUFFER_SIZE), long)?;
    let sizes: Vec<i64> = match &request.arena_sizes {
        Some(texts) => texts.iter().map(|text| long(text)).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let shared = SharedMemory::of(total, ratios.write_buffer);
    let manager = shared.write_buffer_manager_capacity;
    body.boolean("ok", true);
    push_long(body, "cache_capacity", shared.cache_capacity);
    push_long(body, "write_buffer_manager_capacity", manager);
    if rules.modern_resources {
        let mut allocated = body.object("allocated");
        push_long(&mut allocated, "cache_capacity", shared.cache_capacity);
        push_double(allocated.name("high_prio_ratio"), ratios.high_priority);
        push_long(&mut allocated, "write_buffer_manager_capacity", manager);
        allocated.close();
    }
    if model::checks_arena_blocks(rules) {
        let default = model::default_arena_block_size(buffer);
        let limit = shared.mutable_limit();
        push_long(body, "arena_block_size_default", default);
        push_long(body, "mutable_limit", limit);
        body.boolean("default_arena_ok", model::is_valid_arena_block_size(default, limit));
        if request.arena_sizes.is_some() {
            let boolean = |out: &mut String, ok: bool| out.push_str(if ok { "true" } else { "false" });
            let ok = sizes.iter().map(|size| model::is_valid_arena_block_size(*size, limit));
            push_list(body.name("arena_ok"), ok, boolean);
            let sane = sizes.iter().map(|size| model::is_sane_arena_block_size(buffer, *size, manager));
            push_list(body.name("arena_sane"), sane, boolean);
        }
    }
    let mut check = body.object("config_check");
    match ratios.check() {
        Ok(()) => check.boolean("ok", true),
        Err(error) => push_failure(&mut check, &error.chain()),
    }
    check.close();
    Ok(())
}

/// The members of a `weights` answer.
pub(super) fn push_weights(
    body: &mut Object<'_>,
    rules: &Ruleset,
    request: &Request<'_>,
) -> Result<(), Chain> {
    let error = |error: WeightsError| match error {
        WeightsError::Unsupported => unsupported("this version has no managed memory consumer weights"),
        WeightsError::Java(chain) => chain,
    };
    if rules.consumer_weights {
        let cluster = &request.conf.0;
        let use_cases = use_cases(request)?;
        let fraction = double(request.fraction.as_ref(), 1.0)?;
        let managed = request.state_backend_managed.as_deref().map(|text| text == "true");
        let weights = Weights::of(cluster, rules).map_err(error)?;
        // the job's own configuration decides about its state backend, where it is given
        let job: &Configuration = request.job_conf.as_ref().map_or(cluster, |conf| &conf.0);
        let backend = match managed {
            None if !use_cases.is_empty() && !std::ptr::eq(job, cluster) => {
                Some(plimsoll_memory::model::state_backend::uses_managed_memory(job, rules)?)
            }
            given => given,
        };
        let fractions =
            weights::fractions_of_slot(cluster, rules, &use_cases, fraction, backend).map_err(error)?;
        body.boolean("ok", true);
        let mut object = body.object("weights");
        // by name, as a Java TreeMap
        for use_case in [UseCase::Operator, UseCase::Python, UseCase::StateBackend] {
            if let Some(weight) = weights.get(use_case) {
                push_long(&mut object, use_case.name(), i64::from(weight));
            }
        }
        object.close();
        let mut object = body.object("fractions");
        let mut seen: Vec<UseCase> = Vec::new();
        for (use_case, fraction) in fractions {
            if !seen.contains(&use_case) {
                seen.push(use_case);
                push_double(object.name(use_case.name()), fraction);
            }
        }
        object.close();
    } else if request.divisions.is_none() {
        return Err(unsupported("this version has no managed memory consumer weights"));
    } else {
        body.boolean("ok", true);
    }
    if let Some(divisions) = &request.divisions {
        let mut quotients = Vec::with_capacity(divisions.len().min(64));
        for division in divisions {
            let [dividend, divisor, ..] = division.as_slice() else {
                let message = "a division is a pair of numbers: [dividend, divisor]";
                return Err(vec![Exception::new("BadRequest", message)]);
            };
            quotients.push(weights::fraction_rounded_down(long(dividend)?, long(divisor)?)?);
        }
        push_list(body.name("divided"), quotients, push_double);
    }
    Ok(())
}

fn use_cases(request: &Request<'_>) -> Result<Vec<UseCase>, Chain> {
    let Some(names) = &request.use_cases else { return Ok(UseCase::ALL.to_vec()) };
    let of = |name: &Text<'_>| {
        UseCase::from_name(name).ok_or_else(|| {
            let message =
                format!("No enum constant org.apache.flink.core.memory.ManagedMemoryUseCase.{}", name.0);
            vec![Exception::new(ILLEGAL_ARGUMENT, message)]
        })
    };
    names.iter().map(of).collect()
}
