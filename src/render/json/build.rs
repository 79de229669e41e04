//! From a derived process to data.

use std::borrow::Cow;

use plimsoll_memory::MemorySize;
use plimsoll_memory::config::{KnownKey, SourceKind};
use plimsoll_memory::model::taskmanager::PropertyValue;
use plimsoll_memory::model::{Cause, Clamp, JobManager, Part, Read, Setting, Sizing, TaskManager, Whole};

use super::{CauseData, Derivation, End, Ground, OriginData, Pool, Property, SCHEMA_VERSION, Set, Totals};
use crate::render::cause::environment_variable;
use crate::render::map::{Area, MemoryMap, ProcessKind};

impl Derivation {
    /// Of a TaskManager.
    pub fn task_manager(tm: &TaskManager, ground: &Ground<'_>) -> Self {
        let map = MemoryMap::task_manager(tm, ground.configuration, ground.sources);
        let part = |id: &str| match id {
            "framework_heap" => Some(&tm.framework_heap),
            "task_heap" => Some(&tm.task_heap),
            "managed" => Some(&tm.managed),
            "framework_off_heap" => Some(&tm.framework_off_heap),
            "task_off_heap" => Some(&tm.task_off_heap),
            "network" => Some(&tm.network),
            "metaspace" => Some(&tm.metaspace),
            "overhead" => Some(&tm.overhead),
            _ => None,
        };
        let totals = Totals {
            process: tm.total_process().bytes(),
            flink: tm.total_flink().bytes(),
            jvm_heap: tm.jvm_heap().bytes(),
            jvm_direct: Some(tm.jvm_direct().bytes()),
        };
        let dynamic = properties(tm.dynamic_properties(ground.rules));
        Self::of(&map, ground, tm.sizing, totals, part, &tm.jvm_args(), dynamic)
    }

    /// Of a JobManager.
    pub fn job_manager(jm: &JobManager, ground: &Ground<'_>) -> Self {
        let map = MemoryMap::job_manager(jm, ground.configuration, ground.sources);
        let part = |id: &str| match id {
            "heap" => Some(&jm.heap),
            "off_heap" => Some(&jm.off_heap),
            "metaspace" => Some(&jm.metaspace),
            "overhead" => Some(&jm.overhead),
            _ => None,
        };
        let totals = Totals {
            process: jm.total_process().bytes(),
            flink: jm.total_flink().bytes(),
            jvm_heap: jm.heap.size.bytes(),
            jvm_direct: jm.direct_limit.value.then(|| jm.off_heap.size.bytes()),
        };
        let dynamic = properties(jm.dynamic_properties(ground.rules));
        Self::of(&map, ground, jm.sizing, totals, part, &jm.jvm_args(), dynamic)
    }

    fn of<'p>(
        map: &MemoryMap,
        ground: &Ground<'_>,
        sizing: Sizing,
        totals: Totals,
        part: impl Fn(&str) -> Option<&'p Part>,
        jvm_args: &str,
        dynamic_properties: Vec<Property>,
    ) -> Self {
        let pool = |area: &Area| {
            let cause = cause(&part(area.id)?.cause, ground);
            Some(Pool { name: area.id, key: area.key, bytes: area.bytes, cause, why: area.cause.clone() })
        };
        let pools = map
            .root
            .walk()
            .into_iter()
            .filter(|(_, _, area)| area.is_leaf())
            .filter_map(|(.., area)| pool(area));
        Self {
            schema_version: SCHEMA_VERSION,
            flink_version: ground.version.to_string(),
            rules: ground.rules.name,
            process: match map.process {
                ProcessKind::TaskManager => "taskmanager",
                ProcessKind::JobManager => "jobmanager",
            },
            sizing: match sizing {
                Sizing::FineGrained => "fine_grained",
                Sizing::Flink => "flink",
                Sizing::Process => "process",
            },
            totals,
            pools: pools.collect(),
            jvm_args: jvm_args.split(' ').map(str::to_owned).collect(),
            dynamic_properties,
        }
    }
}

fn properties(properties: Vec<(Cow<'static, str>, PropertyValue)>) -> Vec<Property> {
    properties
        .into_iter()
        .map(|(key, value)| Property { key: key.into_owned(), value: value.to_string() })
        .collect()
}

const fn whole(whole: Whole) -> &'static str {
    match whole {
        Whole::Process => "process",
        Whole::Flink => "flink",
        Whole::FlinkWithoutNetwork => "flink_without_network",
        Whole::ProcessWithoutOverhead => "process_without_overhead",
    }
}

fn cause(cause: &Cause, ground: &Ground<'_>) -> CauseData {
    let end =
        |read: &Read<MemorySize>| End { bytes: read.value.bytes(), setting: set(&read.setting, ground) };
    // managed memory has a fraction, but no range: its ends are no options
    let ranged =
        |read: &Read<MemorySize>| (read.setting.option != KnownKey::TmManagedSize).then(|| end(read));
    match cause {
        Cause::Option(setting)
            if setting.entry.is_some() || environment_variable(setting.option).is_some() =>
        {
            CauseData::Option(set(setting, ground))
        }
        Cause::Option(setting) => CauseData::Default(set(setting, ground)),
        Cause::Fraction(part) => CauseData::Fraction {
            fraction: part.fraction,
            setting: set(&part.setting, ground),
            of: whole(part.of),
            base_bytes: part.base.bytes(),
            formula: if part.inverse { "base × fraction ÷ (1 − fraction)" } else { "base × fraction" },
            product_bytes: part.product.bytes(),
            clamp: match part.clamp {
                Clamp::Inside => "none",
                Clamp::Min => "min",
                Clamp::Max => "max",
            },
            min: ranged(&part.min),
            max: ranged(&part.max),
        },
        Cause::Rest { of, whole: size } => CauseData::Rest { of: whole(*of), whole_bytes: size.bytes() },
        Cause::Buffers { count, segment } => CauseData::Buffers {
            count: count.value,
            setting: set(&count.setting, ground),
            segment: end(segment),
        },
    }
}

fn set(setting: &Setting, ground: &Ground<'_>) -> Set {
    let option = setting.option.as_str();
    let Some(entry) = setting.entry.and_then(|id| ground.configuration.entry(id)) else {
        let origin = environment_variable(setting.option).map(|variable| OriginData {
            kind: "environment",
            source: variable.to_owned(),
            line: None,
            column: None,
        });
        return Set { option, used_key: None, default: origin.is_none(), origin };
    };
    let used_key = Some(entry.key.as_str()).filter(|used| *used != option).map(str::to_owned);
    let origin = entry.origin.and_then(|origin| {
        let source = ground.sources.get(usize::from(origin.source.0))?;
        let lines = matches!(source.kind, SourceKind::File | SourceKind::Stdin | SourceKind::Default);
        Some(OriginData {
            kind: match source.kind {
                SourceKind::File => "file",
                SourceKind::Stdin => "stdin",
                SourceKind::CommandLine => "command_line",
                SourceKind::Environment => "environment",
                SourceKind::Default => "default",
            },
            source: source.name.clone(),
            line: lines.then_some(origin.value.line),
            column: lines.then_some(origin.value.column),
        })
    });
    Set { option, used_key, default: false, origin }
}
