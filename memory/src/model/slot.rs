//! The default slot of a TaskManager (`TaskExecutorResourceUtils`): what a started process reads back of its memory,
//! and its share per slot.

use std::fmt::Write as _;

use super::event::{Silent, Sink};
use super::failure::{Failure, Fallible, Kind};
use super::option::{Opt, OptionText, Reader, SizeOption};
use super::part::not_a_digit;
use super::taskmanager::{
    self, ExternalResource, TaskManager, external_resources, options, resource_list_text,
};
use super::version::Ruleset;
use crate::MemorySize;
use crate::config::{Configuration, KnownKey, Value};
use crate::java::{self, BigDecimal, Exception, exception};

/// Resources of a TaskManager or of one of its slots (`ResourceProfile`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// CPU cores.
    pub cpu: BigDecimal,
    /// Task heap.
    pub task_heap: MemorySize,
    /// Task off-heap memory.
    pub task_off_heap: MemorySize,
    /// Managed memory.
    pub managed: MemorySize,
    /// Network memory: bookkeeping only, the buffer pool is shared.
    pub network: MemorySize,
    /// External resources by name, in the order of Java's map.
    pub extended: Vec<(String, BigDecimal)>,
}

/// A TaskManager's slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    /// How many.
    pub count: u32,
    /// Each of them.
    pub slot: Profile,
    /// The whole TaskManager.
    pub total: Profile,
    /// The slot as the resource manager computes it, where that differs: several external resources are printed in
    /// quotes and read back as one.
    pub slot_manager: Option<Profile>,
}

const LOGGED_CPU_MAX: u64 = 16384;
const LOGGED_SIZE_MAX: MemorySize = MemorySize::from_bytes(1 << 50);

impl Profile {
    /// An equal share of everything, rounded down: sizes to bytes, CPU to 16 decimals (later versions: 8).
    #[must_use]
    pub fn divided(&self, slots: u32, rules: &Ruleset) -> Self {
        let share = |size: MemorySize| MemorySize::from_bytes(size.bytes() / u64::from(slots.max(1)));
        let number = |value: &BigDecimal| {
            if rules.modern_resources {
                value.clone().divided(slots, 8).stripped()
            } else {
                value.clone().divided(slots, 16)
            }
        };
        Self {
            cpu: number(&self.cpu),
            task_heap: share(self.task_heap),
            task_off_heap: share(self.task_off_heap),
            managed: share(self.managed),
            network: share(self.network),
            // what a share rounds to nothing is no resource of the slot
            extended: self
                .extended
                .iter()
                .map(|(name, value)| (name.clone(), number(value)))
                .filter(|(_, value)| !value.is_zero())
                .collect(),
        }
    }

    /// `ResourceProfile.toString`: absurdly large values are left out.
    pub fn text(&self) -> String {
        let mut items = Vec::new();
        if self.cpu.compare_integer(LOGGED_CPU_MAX).is_le() {
            items.push(format!("cpuCores={}", self.cpu));
        }
        for (name, size) in [
            ("taskHeapMemory", self.task_heap),
            ("taskOffHeapMemory", self.task_off_heap),
            ("managedMemory", self.managed),
            ("networkMemory", self.network),
        ] {
            if size <= LOGGED_SIZE_MAX {
                items.push(format!("{name}={}", size.human()));
            }
        }
        let mut text = format!("ResourceProfile{{{}", items.join(", "));
        for (name, value) in &self.extended {
            let _ = write!(text, ", {name}={value}");
        }
        text.push('}');
        text
    }
}

fn cpu(cores: f64, rules: &Ruleset) -> Fallible<BigDecimal> {
    if !cores.is_finite() {
        let letter = if cores.is_nan() { 'N' } else { 'I' };
        return Err(Failure::new(Kind::Cpu, [KnownKey::TmCpuCores], not_a_digit(letter)));
    }
    let exact = BigDecimal::of_double(cores).ok_or_else(|| {
        let cause = Exception::new(exception::ILLEGAL_ARGUMENT, "Resource value must be no less than 0");
        Failure::new(Kind::Cpu, [KnownKey::TmCpuCores], cause)
    })?;
    Ok(if rules.modern_resources { exact.rounded_down(8).stripped() } else { exact })
}

fn extended(resources: &[ExternalResource]) -> Vec<(String, BigDecimal)> {
    let keys: Vec<&str> = resources.iter().map(|r| r.name.as_str()).collect();
    let amount = |r: &ExternalResource| r.value().stripped();
    let order = java::hash_map_order(&keys);
    order.into_iter().filter_map(|i| resources.get(i)).map(|r| (r.name.clone(), amount(r))).collect()
}

/// `ConfigurationParserUtils.getSlot`: −1 means 1.
fn slot_count(value: i32) -> Fallible<u32> {
    let count = if value == -1 { 1 } else { value };
    u32::try_from(count).ok().filter(|n| *n > 0).ok_or_else(|| {
        let message = format!(
            "Invalid configuration value for {} : {value} - Number of task slots must be at least one.",
            KnownKey::TmSlots
        );
        Failure::illegal(Kind::Slots, [KnownKey::TmSlots], message)
    })
}

/// The slots of a TaskManager that the start scripts start: the derivation's result, read back by the process.
///
/// # Errors
/// Flink's refusal of a number of slots below 1, or of a value the process cannot read.
pub fn of_started(conf: &Configuration, rules: &'static Ruleset, process: &TaskManager) -> Fallible<Slots> {
    let mut silent = Silent;
    let (read_back, printed) = if rules.modern_resources {
        // the process parses the printed list, quotes included
        let mut started = Configuration::new();
        started.set(
            KnownKey::ExternalResources.as_str(),
            resource_list_text(&process.external_resources).as_str(),
            None,
        );
        for resource in &process.external_resources {
            let key = ExternalResource::amount_key(&resource.name);
            started.set(&key, resource.value().to_long().to_string().as_str(), None);
        }
        for (_, entry) in conf.entries() {
            if entry.key.as_str().starts_with("external-resource.")
                && started.find(entry.key.as_str()).is_none()
            {
                started.set(entry.key.as_str(), entry.value.clone(), None);
            }
        }
        let mut reader = Reader::new(&started, rules, &mut silent);
        (extended(&external_resources(&mut reader)?), extended(&process.external_resources))
    } else {
        (Vec::new(), Vec::new())
    };
    let total = Profile {
        cpu: cpu(process.cpu.cores, rules)?,
        task_heap: process.task_heap.size,
        task_off_heap: process.task_off_heap.size,
        managed: process.managed.size,
        network: process.network.size,
        extended: read_back,
    };
    let slots = Reader::new(conf, rules, &mut silent).int(&options::SLOTS)?.value;
    let count = slot_count(slots)?;
    let slot = total.divided(count, rules);
    let managers = Profile { extended: printed, ..total.clone() }.divided(count, rules);
    let slot_manager = Some(managers).filter(|managers| *managers != slot);
    Ok(Slots { count, slot, total, slot_manager })
}

/// The slots of a TaskManager whose configuration is taken as it stands, nothing derived.
///
/// # Errors
/// Flink's refusal: an option that the start-up call would have computed is missing, or the network memory is no
/// fixed value.
pub fn of_explicit(conf: &Configuration, rules: &'static Ruleset) -> Fallible<Slots> {
    resource_spec(&mut Reader::new(conf, rules, &mut Silent))
}

fn resource_spec<S: Sink>(reader: &mut Reader<'_, S>) -> Fallible<Slots> {
    let max = options::network_max(reader.rules);
    check_resolved(reader, &max)?;
    let cores = reader.double(&options::CPU_CORES)?.map_or(0.0, |read| read.value);
    let cpu = cpu(cores, reader.rules)?;
    let task_heap = reader.size_unwrapped(&options::TASK_HEAP)?.value;
    let task_off_heap = reader.size_unwrapped(&options::TASK_OFF_HEAP)?.value;
    let network = reader.size_unwrapped(&options::NETWORK_MIN)?.value;
    let managed = reader.size_unwrapped(&options::MANAGED)?.value;
    let extended =
        if reader.rules.modern_resources { extended(&external_resources(reader)?) } else { Vec::new() };
    let total = Profile { cpu, task_heap, task_off_heap, managed, network, extended };
    let count = slot_count(reader.int(&options::SLOTS)?.value)?;
    let slot = total.divided(count, reader.rules);
    Ok(Slots { count, slot, total, slot_manager: None })
}

/// `checkTaskExecutorResourceConfigSet`.
fn check_resolved<S: Sink>(reader: &mut Reader<'_, S>, network_max: &SizeOption) -> Fallible<()> {
    fn required<S: Sink, T: Copy + std::fmt::Display>(
        reader: &mut Reader<'_, S>,
        option: &Opt<T>,
    ) -> Fallible<()> {
        if option.default.is_some() || reader.contains(option) {
            return Ok(());
        }
        let message = format!("The required configuration option {} is not set", OptionText(*option));
        Err(Failure::illegal(Kind::NotResolved, [option.key], message))
    }
    let not_created = |failure: Box<Failure>| failure.wrapped("Failed to create TaskExecutorResourceSpec");
    required(reader, &options::CPU_CORES).map_err(not_created)?;
    required(reader, &options::TASK_HEAP).map_err(not_created)?;
    required(reader, &options::TASK_OFF_HEAP).map_err(not_created)?;
    required(reader, &options::NETWORK_MIN).map_err(not_created)?;
    required(reader, network_max).map_err(not_created)?;
    required(reader, &options::MANAGED).map_err(not_created)?;
    let min = reader.size_unwrapped(&options::NETWORK_MIN)?.value;
    let max = reader.size_unwrapped(network_max)?.value;
    if min == max {
        return Ok(());
    }
    let message = format!(
        "The network memory min ({min}) and max ({max}) mismatch, the network memory has to be resolved and set to a \
         fixed value before task executor starts"
    );
    Err(not_created(Failure::illegal(
        Kind::NotResolved,
        [KnownKey::TmNetworkMin, KnownKey::TmNetworkMax],
        message,
    )))
}

/// The slots of a TaskManager inside a local cluster (an IDE, a test): sizes of the process have no effect, unset parts
/// are "infinite".
///
/// # Errors
/// As [`of_explicit`].
pub fn of_local(conf: &Configuration, rules: &'static Ruleset) -> Fallible<Slots> {
    let mut adjusted = conf.clone();
    let mut set = |key: KnownKey, value: String| {
        adjusted.set(key.as_str(), Value::Text(value.into()), None);
    };
    let mut silent = Silent;
    let mut reader = Reader::new(conf, rules, &mut silent);
    let (cores, infinite) = if rules.modern_resources {
        ("1000000.0", 1 << 40)
    } else {
        ("1.7976931348623157E308", MemorySize::MAX.bytes())
    };
    if !reader.contains(&options::CPU_CORES) {
        set(KnownKey::TmCpuCores, cores.to_owned());
    }
    for option in [options::TASK_HEAP, options::TASK_OFF_HEAP] {
        if !reader.contains(&option) {
            set(option.key, format!("{infinite}b"));
        }
    }
    let max = options::network_max(rules);
    match (reader.contains(&options::NETWORK_MIN), reader.contains(&max)) {
        (false, true) => {
            let max = reader.size_unwrapped(&max)?.value;
            set(KnownKey::TmNetworkMin, format!("{}b", max.bytes()));
        }
        (true, false) => {
            let min = reader.size_unwrapped(&options::NETWORK_MIN)?.value;
            set(KnownKey::TmNetworkMax, format!("{}b", min.bytes()));
        }
        (false, false) => {
            set(KnownKey::TmNetworkMin, "64m".to_owned());
            set(KnownKey::TmNetworkMax, "64m".to_owned());
        }
        (true, true) => {}
    }
    if !reader.contains(&options::MANAGED) {
        set(KnownKey::TmManagedSize, "128m".to_owned());
    }
    of_explicit(&adjusted, rules)
}

/// Derives a TaskManager and the slots its process would read back.
///
/// # Errors
/// Flink's refusal in either step.
pub fn of_startup(conf: &Configuration, rules: &'static Ruleset) -> Fallible<Slots> {
    let process = taskmanager::derive(conf, rules, None, &mut Silent)?;
    of_started(conf, rules, &process)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::version::{V1_11, V1_20};

    fn conf(entries: &[(&str, &str)]) -> Configuration {
        entries.iter().copied().collect()
    }

    #[test]
    fn a_process_has_at_least_one_slot() {
        let slots = |n: &str| {
            let conf = conf(&[
                ("taskmanager.memory.process.size", "4g"),
                ("taskmanager.cpu.cores", "2"),
                ("taskmanager.numberOfTaskSlots", n),
            ]);
            of_startup(&conf, &V1_20).map(|slots| slots.count).map_err(|failure| failure.kind)
        };
        assert_eq!((slots("-1"), slots("1"), slots("7")), (Ok(1), Ok(1), Ok(7)));
        assert_eq!((slots("0"), slots("-2")), (Err(Kind::Slots), Err(Kind::Slots)));
    }

    /// Amounts of resources that the list does not name must not come back as resources of the slot.
    #[test]
    fn external_resources_are_read_back() {
        let conf = |list: &str| {
            conf(&[
                ("taskmanager.memory.process.size", "4g"),
                ("external-resources", list),
                ("external-resource.gpu.amount", "4"),
                ("external-resource.fpga.amount", "2"),
                ("taskmanager.numberOfTaskSlots", "4"),
            ])
        };
        let one = of_startup(&conf("gpu"), &V1_20).expect("starts");
        assert_eq!(one.slot.extended, [("gpu".to_owned(), BigDecimal::of_integer(1))]);
        assert_eq!(one.slot_manager, None);
        let both = of_startup(&conf("gpu;fpga"), &V1_20).expect("starts");
        assert_eq!(both.slot.extended, []);
        assert_eq!(both.slot_manager.map(|profile| profile.extended.len()), Some(2));
        let old = of_startup(&conf("gpu"), &V1_11).expect("starts");
        assert_eq!((old.slot.extended, old.slot_manager), (Vec::new(), None));
    }
}
