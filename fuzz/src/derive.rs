//! Derivations of configurations that are made of known keys and wild values.
//!
//! Whatever the values are: no panic, parts that add up, the same with and without a log, a diagnosis exactly where
//! there is a failure, and what Flink prints is itself a configuration of the same sizes.

use plimsoll_memory::MemorySize;
use plimsoll_memory::config::{Configuration, KnownKey, Value};
use plimsoll_memory::model::slot::{self, Slots};
use plimsoll_memory::model::{
    Event, Failure, JobManager, Ruleset, Silent, TaskManager, diagnose, jobmanager, taskmanager,
};

use super::RULES;

/// Texts that have been trouble somewhere.
const WILD: [&str; 48] = [
    "",
    " ",
    "0",
    "1",
    "-1",
    "+1",
    "0b",
    "1b",
    "4k",
    "128m",
    "1g",
    "1728m",
    "4096m",
    "64g",
    "1t",
    "8388607t",
    "8388608t",
    "9223372036854775807",
    "9223372036854775808",
    "1.5g",
    "1 gb",
    "1 GiB",
    "4Gi",
    "１２m",
    "0.0",
    "0.1",
    "0.4",
    "0.9999999",
    "0.99999999999",
    "1.0",
    "1.1",
    "-0.0",
    "NaN",
    "Infinity",
    "1e-45",
    "1e308",
    "0x1p3",
    "1f",
    "true",
    "false",
    "TRUE",
    "gpu",
    "gpu;fpga",
    "none",
    "OPERATOR:70,STATE_BACKEND:70,PYTHON:30",
    "a:1",
    "32kb",
    "2147483648",
];

const UNITS: [&str; 8] = ["", "b", "k", "kb", "m", "g", "t", "mb"];

/// Takes values from the front of the input; zeros follow its end.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn number(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    fn choice<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()]
    }

    fn value(&mut self) -> Value {
        match self.byte() % 8 {
            0 | 1 => Value::from(self.choice(&WILD)),
            // sizes that are likely: small numbers with a unit
            2 | 3 => {
                let number = u16::from_le_bytes([self.byte(), self.byte()]);
                Value::from(format!("{number}{}", self.choice(&UNITS)).as_str())
            }
            // fractions that are likely
            4 => Value::from(format!("0.{}", self.byte()).as_str()),
            5 => {
                let number = self.number() >> (self.byte() % 64);
                Value::from(format!("{number}{}", self.choice(&UNITS)).as_str())
            }
            6 => match self.byte() % 4 {
                0 => Value::Integer(i32::from(self.byte()) - 8),
                1 => Value::Long(i64::from_le_bytes(self.number().to_le_bytes())),
                2 => Value::BigInteger(self.number().to_string().into()),
                _ => Value::Boolean(self.byte().is_multiple_of(2)),
            },
            _ => Value::Double(f64::from_bits(self.number())),
        }
    }

    fn configuration(&mut self) -> Configuration {
        let mut configuration = Configuration::new();
        while !self.0.is_empty() {
            let key = self.byte();
            let value = self.value();
            match usize::from(key).checked_sub(250) {
                None => configuration.set(self::key(key).as_str(), value, None),
                Some(0) => configuration.set("external-resource.gpu.amount", value, None),
                Some(1) => configuration.set("external-resource.fpga.amount", value, None),
                Some(_) => configuration.set("env.java.opts", value, None),
            };
        }
        configuration
    }
}

fn key(byte: u8) -> KnownKey {
    KnownKey::ALL[usize::from(byte) % KnownKey::ALL.len()]
}

/// Makes a configuration of the input and asks everything about it.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let legacy = input.byte();
    let legacy = (legacy & 1 == 1).then(|| WILD[usize::from(legacy >> 1) % WILD.len()]);
    let configuration = input.configuration();
    for rules in RULES {
        check(&configuration, rules, legacy);
    }
}

/// What must hold of any configuration.
pub(crate) fn check(configuration: &Configuration, rules: &'static Ruleset, legacy: Option<&str>) {
    task_manager(configuration, rules, legacy);
    job_manager(configuration, rules, legacy);
    let reads = [slot::of_startup, slot::of_explicit, slot::of_local];
    for slots in reads.into_iter().filter_map(|read| read(configuration, rules).ok()) {
        check_slots(&slots);
    }
}

fn task_manager(configuration: &Configuration, rules: &'static Ruleset, legacy: Option<&str>) {
    let process = taskmanager::derive(configuration, rules, legacy, &mut Silent);
    let mut events: Vec<Event> = Vec::new();
    let logged = taskmanager::derive(configuration, rules, legacy, &mut events);
    for event in &events {
        assert!(!event.line(rules).message.is_empty());
    }
    let found = diagnose::task_manager(configuration, rules, legacy);
    match (process, logged) {
        (Ok(process), Ok(logged)) => {
            // not a number is not equal to itself: compare texts
            assert_eq!(format!("{process:?}"), format!("{logged:?}"));
            assert_eq!(found, [], "a diagnosis of what starts");
            check_task_manager(&process);
            again(&process, rules);
        }
        (Err(failure), Err(logged)) => {
            assert_eq!(failure, logged);
            check_failure(&failure);
            assert_eq!(found.first(), Some(&*failure), "Flink's own failure is the first");
            found.iter().for_each(check_failure);
        }
        (process, logged) => panic!("{process:?} and with a log {logged:?}"),
    }
}

fn sum<const N: usize>(sizes: [MemorySize; N]) -> u128 {
    sizes.iter().map(|size| u128::from(size.bytes())).sum()
}

/// The parts of a TaskManager add up.
pub(crate) fn check_task_manager(process: &TaskManager) {
    let heap = [process.framework_heap.size, process.task_heap.size];
    let direct = [process.framework_off_heap.size, process.task_off_heap.size, process.network.size];
    let flink = process.total_flink();
    assert_eq!(u128::from(flink.bytes()), sum(heap) + sum(direct) + sum([process.managed.size]));
    let total = sum([flink, process.metaspace.size, process.overhead.size]);
    assert_eq!(u128::from(process.total_process().bytes()), total);
    assert_eq!(u128::from(process.jvm_heap().bytes()), sum(heap));
    assert_eq!(u128::from(process.jvm_direct().bytes()), sum(direct));
    assert_eq!(u128::from(process.total_off_heap().bytes()), sum(direct) + sum([process.managed.size]));
    let args = process.jvm_args();
    assert!(args.starts_with(&format!("-Xmx{0} -Xms{0} ", sum(heap))), "{args}");
    // a billionth of a core is positive, passes Flink's check and is then rounded down to nothing
    assert!(process.cpu.cores >= 0.0, "{}", process.cpu.cores);
}

/// What is printed for the started process sizes it the same way.
fn again(process: &TaskManager, rules: &'static Ruleset) {
    let mut printed = Configuration::new();
    for (key, value) in process.dynamic_properties(rules) {
        printed.set(&key, value.to_string().as_str(), None);
    }
    assert!(process.dynamic_line(rules).matches("-D ").count() >= printed.entries().len());
    // 1.10 and 1.11 print neither metaspace nor overhead: only later ones can be derived from it
    if !rules.modern_resources || process.cpu.cores == 0.0 {
        return;
    }
    let derived = taskmanager::derive(&printed, rules, None, &mut Silent)
        .unwrap_or_else(|failure| panic!("{} of {}", failure.message(), process.dynamic_line(rules)));
    assert_eq!(derived.jvm_args(), process.jvm_args());
    assert_eq!(derived.total_process(), process.total_process());
    assert_eq!(derived.managed.size, process.managed.size);
}

fn job_manager(configuration: &Configuration, rules: &'static Ruleset, legacy: Option<&str>) {
    let process = jobmanager::derive(configuration, rules, legacy, &mut Silent);
    let mut events: Vec<Event> = Vec::new();
    let logged = jobmanager::derive(configuration, rules, legacy, &mut events);
    for event in &events {
        assert!(!event.line(rules).message.is_empty());
    }
    let found = diagnose::job_manager(configuration, rules, legacy);
    match (process, logged) {
        (Ok(process), Ok(logged)) => {
            assert_eq!(format!("{process:?}"), format!("{logged:?}"));
            assert_eq!(found, [], "a diagnosis of what starts");
            check_job_manager(&process);
        }
        (Err(failure), Err(logged)) => {
            assert_eq!(failure, logged);
            check_failure(&failure);
            assert_eq!(found.first(), Some(&*failure), "Flink's own failure is the first");
            found.iter().for_each(check_failure);
        }
        (process, logged) => panic!("{process:?} and with a log {logged:?}"),
    }
}

/// The parts of a JobManager add up.
fn check_job_manager(process: &JobManager) {
    let flink = process.total_flink();
    assert_eq!(u128::from(flink.bytes()), sum([process.heap.size, process.off_heap.size]));
    let total = sum([flink, process.metaspace.size, process.overhead.size]);
    assert_eq!(u128::from(process.total_process().bytes()), total);
    let args = process.jvm_args();
    assert!(args.starts_with(&format!("-Xmx{0} -Xms{0} ", process.heap.size.bytes())), "{args}");
    assert_eq!(args.contains("MaxDirectMemorySize"), process.direct_limit.value);
}

fn check_failure(failure: &Failure) {
    assert!(!failure.chain.is_empty());
    assert!(!failure.message().is_empty() && !failure.root_message().is_empty());
}

/// All slots together have no more than the process.
fn check_slots(slots: &Slots) {
    let count = u128::from(slots.count);
    assert!(count >= 1);
    let (slot, total) = (&slots.slot, &slots.total);
    for (share, whole) in [
        (slot.task_heap, total.task_heap),
        (slot.task_off_heap, total.task_off_heap),
        (slot.managed, total.managed),
        (slot.network, total.network),
    ] {
        let all = sum([share]) * count;
        assert!(all <= sum([whole]) && sum([whole]) - all < count, "{slots:?}");
    }
    assert!(!slot.text().is_empty() && !total.text().is_empty());
}
