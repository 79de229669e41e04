//! Why an area has its size, in words.

use std::fmt::Write as _;

use plimsoll_memory::config::{Configuration, Entry, KnownKey, Source, SourceKind};
use plimsoll_memory::model::{Cause, Clamp, FractionOf, Setting, Whole};

use super::number::{fraction, human};
use super::text::visible;

/// The whole reason: `set at conf/config.yaml:3:34`, `default`,
/// `0.1 (default) of total process memory, 1.688 GiB, is 172.8 MiB: raised to the minimum, 192.0 MiB (default)`.
pub fn cause_text(cause: &Cause, configuration: &Configuration, sources: &[Source]) -> String {
    let setting = |setting: &Setting| setting_text(setting, configuration, sources);
    match cause {
        Cause::Option(option) => setting(option),
        Cause::Fraction(part) => fraction_text(part, &setting),
        Cause::Rest { of, whole } => {
            format!("what the other parts leave of {}, {}", whole_name(*of), human(whole.bytes()))
        }
        Cause::Buffers { count, segment } => format!(
            "{} buffers ({}) × {} ({})",
            count.value,
            setting(&count.setting),
            human(segment.value.bytes()),
            setting(&segment.setting)
        ),
    }
}

/// The reason in a few words: `0.1 of process, raised to min 192.0 MiB`.
pub fn cause_brief(cause: &Cause, configuration: &Configuration, sources: &[Source]) -> String {
    match cause {
        Cause::Option(option) => setting_brief(option, configuration, sources),
        Cause::Fraction(part) => {
            let of = format!("{} of {}", fraction(part.fraction), whole_with_part(part.of));
            match part.clamp {
                Clamp::Inside => of,
                Clamp::Min => format!("{of}, raised to min {}", human(part.min.value.bytes())),
                Clamp::Max => format!("{of}, cut to max {}", human(part.max.value.bytes())),
            }
        }
        Cause::Rest { of, .. } => format!("rest of {}", whole_with_part(*of)),
        Cause::Buffers { count, segment } => {
            format!("{} buffers × {}", count.value, human(segment.value.bytes()))
        }
    }
}

fn fraction_text(part: &FractionOf, setting: &impl Fn(&Setting) -> String) -> String {
    let f = fraction(part.fraction);
    let base = human(part.base.bytes());
    let whole = whole_name(part.of);
    let mut text = format!("{f} ({}) of ", setting(&part.setting));
    if part.inverse {
        // the whole is not known yet: it follows from its other parts
        let with_part =
            if part.of == Whole::FlinkWithoutNetwork { "total Flink memory" } else { "total process memory" };
        let _ = write!(text, "{with_part}: {f} ÷ (1 − {f}) × {base}, the {whole}");
    } else {
        let _ = write!(text, "{whole}, {base}");
    }
    let (what, end) = match part.clamp {
        Clamp::Inside => return text,
        Clamp::Min => ("raised to the minimum", &part.min),
        Clamp::Max => ("cut to the maximum", &part.max),
    };
    let product = human(part.product.bytes());
    format!("{text}, is {product}: {what}, {} ({})", human(end.value.bytes()), setting(&end.setting))
}

const fn whole_name(whole: Whole) -> &'static str {
    match whole {
        Whole::Process => "total process memory",
        Whole::Flink => "total Flink memory",
        Whole::FlinkWithoutNetwork => "other parts of Flink memory",
        Whole::ProcessWithoutOverhead => "other parts of the process",
    }
}

const fn whole_with_part(whole: Whole) -> &'static str {
    match whole {
        Whole::Process | Whole::ProcessWithoutOverhead => "process",
        Whole::Flink | Whole::FlinkWithoutNetwork => "Flink memory",
    }
}

/// Where an option was set: `set at conf/config.yaml:3:34`, `set by -D taskmanager.memory.process.size`, `default`.
pub fn setting_text(setting: &Setting, configuration: &Configuration, sources: &[Source]) -> String {
    described(setting, configuration, sources, false)
}

fn setting_brief(setting: &Setting, configuration: &Configuration, sources: &[Source]) -> String {
    described(setting, configuration, sources, true)
}

fn described(setting: &Setting, configuration: &Configuration, sources: &[Source], brief: bool) -> String {
    let Some(entry) = setting.entry.and_then(|id| configuration.entry(id)) else {
        return match environment_variable(setting.option) {
            Some(variable) => format!("set in the environment, {variable}"),
            None => "default".to_owned(),
        };
    };
    let place = place(entry, sources, brief);
    if entry.key.as_str() == setting.option.as_str() {
        place
    } else if brief {
        format!("{place}, old key")
    } else {
        format!("{place} as {}", visible(entry.key.as_str()))
    }
}

/// The variable whose value stands in for an option that has no default and no entry.
pub(super) const fn environment_variable(option: KnownKey) -> Option<&'static str> {
    match option {
        KnownKey::TmHeapSize => Some("FLINK_TM_HEAP"),
        KnownKey::JmHeapSize => Some("FLINK_JM_HEAP"),
        _ => None,
    }
}

fn place(entry: &Entry, sources: &[Source], brief: bool) -> String {
    let from = entry.origin.and_then(|origin| Some((origin, sources.get(usize::from(origin.source.0))?)));
    let Some((origin, source)) = from else { return "set".to_owned() };
    match source.kind {
        SourceKind::File | SourceKind::Stdin => {
            format!("set at {}:{}:{}", visible(&source.name), origin.value.line, origin.value.column)
        }
        SourceKind::CommandLine if brief => "set by -D".to_owned(),
        SourceKind::CommandLine => format!("set by -D {}", visible(entry.key.as_str())),
        SourceKind::Environment => format!("set in the environment, {}", visible(&source.name)),
        SourceKind::Default => "default".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_memory::model::{Part, TaskManager};

    use super::super::testing::{loaded, task_manager};
    use super::*;

    fn texts(loaded: &(Configuration, Vec<Source>), part: impl Fn(&TaskManager) -> Part) -> (String, String) {
        let cause = part(&task_manager(&loaded.0)).cause;
        (cause_text(&cause, &loaded.0, &loaded.1), cause_brief(&cause, &loaded.0, &loaded.1))
    }

    #[test]
    fn each_kind() {
        let conf = loaded(
            "taskmanager.memory.process.size: 1728m\ntaskmanager.memory.framework.heap.size: 64m\n",
            &[("taskmanager.memory.task.off-heap.size", "1m")],
        );
        for (part, full, brief) in [
            (
                task_manager(&conf.0).framework_heap,
                "set at conf/flink-conf.yaml:2:41",
                "set at conf/flink-conf.yaml:2:41",
            ),
            (
                task_manager(&conf.0).task_off_heap,
                "set by -D taskmanager.memory.task.off-heap.size",
                "set by -D",
            ),
            (task_manager(&conf.0).metaspace, "default", "default"),
            (
                task_manager(&conf.0).managed,
                "0.4 (default) of total Flink memory, 1.250 GiB",
                "0.4 of Flink memory",
            ),
            (
                task_manager(&conf.0).overhead,
                "0.1 (default) of total process memory, 1.688 GiB, is 172.8 MiB: raised to the minimum, 192.0 MiB \
                 (default)",
                "0.1 of process, raised to min 192.0 MiB",
            ),
            (
                task_manager(&conf.0).task_heap,
                "what the other parts leave of total Flink memory, 1.250 GiB",
                "rest of Flink memory",
            ),
        ] {
            assert_eq!(cause_text(&part.cause, &conf.0, &conf.1), full);
            assert_eq!(cause_brief(&part.cause, &conf.0, &conf.1), brief);
        }
    }

    #[test]
    fn buffers_and_old_keys() {
        let conf = loaded(
            "taskmanager.memory.flink.size: 1g\ntaskmanager.memory.size: 100m\ntaskmanager.network.numberOfBuffers: \
             1000\n",
            &[],
        );
        let (full, brief) = texts(&conf, |tm| tm.network);
        assert_eq!(full, "1000 buffers (set at conf/flink-conf.yaml:3:38) × 32.00 KiB (default)");
        assert_eq!(brief, "1000 buffers × 32.00 KiB");
        let (full, brief) = texts(&conf, |tm| tm.managed);
        assert_eq!(full, "set at conf/flink-conf.yaml:2:26 as taskmanager.memory.size");
        assert_eq!(brief, "set at conf/flink-conf.yaml:2:26, old key");
    }

    #[test]
    fn a_whole_that_follows_from_its_parts() {
        let conf =
            loaded("taskmanager.memory.task.heap.size: 4g\ntaskmanager.memory.managed.size: 100m\n", &[]);
        let (full, brief) = texts(&conf, |tm| tm.network);
        let parts = "4.348 GiB, the other parts of Flink memory";
        assert_eq!(full, format!("0.1 (default) of total Flink memory: 0.1 ÷ (1 − 0.1) × {parts}"));
        assert_eq!(brief, "0.1 of Flink memory");
    }

    #[test]
    fn a_hostile_file_name() {
        let mut conf = loaded("taskmanager.memory.process.size: 1g\n", &[]);
        conf.1[0].name = "a\u{1b}[2J\n.yaml".to_owned();
        let size = task_manager(&conf.0).configured_process.expect("set");
        assert_eq!(setting_text(&size.setting, &conf.0, &conf.1), "set at a\u{fffd}[2J\u{fffd}.yaml:1:34");
    }
}
