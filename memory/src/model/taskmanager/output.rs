//! What the start-up call prints: JVM arguments, dynamic properties, the final tree.

use std::borrow::Cow;
use std::fmt;

use super::resources::list_text;
use super::{ExternalResource, TaskManager};
use crate::MemorySize;
use crate::config::KnownKey;
use crate::java::{self, push_u64};
use crate::model::version::Ruleset;

/// The value of a dynamic property. `Display` is Flink's text.
#[derive(Debug, Clone, PartialEq)]
pub enum PropertyValue {
    /// Bytes: `1024b`.
    Size(MemorySize),
    /// A number of CPU cores: `1.0`.
    Double(f64),
    /// An integer.
    Integer(i64),
    /// A text.
    Text(String),
}

impl PropertyValue {
    /// Appends Flink's text.
    pub fn push(&self, out: &mut String) {
        match self {
            Self::Size(size) => {
                push_u64(out, size.bytes());
                out.push('b');
            }
            Self::Double(value) => java::push_double(out, *value),
            Self::Integer(value) => {
                if *value < 0 {
                    out.push('-');
                }
                push_u64(out, value.unsigned_abs());
            }
            Self::Text(text) => out.push_str(text),
        }
    }
}

impl fmt::Display for PropertyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.push(&mut text);
        f.write_str(&text)
    }
}

/// The keys of 1.10 and 1.11 in the order of Java's map; a test holds them against [`java::hash_map_order`].
const ORDER_1_11: [KnownKey; 8] = [
    KnownKey::TmFrameworkOffHeap,
    KnownKey::TmNetworkMax,
    KnownKey::TmNetworkMin,
    KnownKey::TmFrameworkHeap,
    KnownKey::TmManagedSize,
    KnownKey::TmCpuCores,
    KnownKey::TmTaskHeap,
    KnownKey::TmTaskOffHeap,
];

/// The keys of later versions without external resources, likewise.
const ORDER_LATER: [KnownKey; 13] = [
    KnownKey::TmNetworkMin,
    KnownKey::TmCpuCores,
    KnownKey::TmTaskOffHeap,
    KnownKey::TmMetaspace,
    KnownKey::ExternalResources,
    KnownKey::TmOverheadMin,
    KnownKey::TmFrameworkOffHeap,
    KnownKey::TmNetworkMax,
    KnownKey::TmFrameworkHeap,
    KnownKey::TmManagedSize,
    KnownKey::TmTaskHeap,
    KnownKey::TmSlots,
    KnownKey::TmOverheadMax,
];

/// The order in which Flink fills the map.
const INSERTED: [KnownKey; 13] = [
    KnownKey::TmCpuCores,
    KnownKey::TmFrameworkHeap,
    KnownKey::TmFrameworkOffHeap,
    KnownKey::TmTaskHeap,
    KnownKey::TmTaskOffHeap,
    KnownKey::TmNetworkMin,
    KnownKey::TmNetworkMax,
    KnownKey::TmManagedSize,
    KnownKey::TmMetaspace,
    KnownKey::TmOverheadMin,
    KnownKey::TmOverheadMax,
    KnownKey::TmSlots,
    KnownKey::ExternalResources,
];

impl TaskManager {
    /// Appends the JVM arguments: `-Xmx… -Xms… -XX:MaxDirectMemorySize=… -XX:MaxMetaspaceSize=…`.
    pub fn push_jvm_args(&self, out: &mut String) {
        let heap = self.jvm_heap();
        for (flag, size) in [
            ("-Xmx", heap),
            (" -Xms", heap),
            (" -XX:MaxDirectMemorySize=", self.jvm_direct()),
            (" -XX:MaxMetaspaceSize=", self.metaspace.size),
        ] {
            out.push_str(flag);
            push_u64(out, size.bytes());
        }
    }

    /// The JVM arguments as Flink prints them.
    pub fn jvm_args(&self) -> String {
        let mut out = String::with_capacity(128);
        self.push_jvm_args(&mut out);
        out
    }

    fn property(&self, key: KnownKey) -> PropertyValue {
        let part = match key {
            KnownKey::TmFrameworkHeap => self.framework_heap,
            KnownKey::TmFrameworkOffHeap => self.framework_off_heap,
            KnownKey::TmTaskHeap => self.task_heap,
            KnownKey::TmTaskOffHeap => self.task_off_heap,
            KnownKey::TmNetworkMin | KnownKey::TmNetworkMax => self.network,
            KnownKey::TmManagedSize => self.managed,
            KnownKey::TmMetaspace => self.metaspace,
            KnownKey::TmOverheadMin | KnownKey::TmOverheadMax => self.overhead,
            KnownKey::TmCpuCores => return PropertyValue::Double(self.cpu.cores),
            KnownKey::TmSlots => {
                return PropertyValue::Integer(self.slots.map_or(1, |read| i64::from(read.value)));
            }
            _ => return PropertyValue::Text(list_text(&self.external_resources)),
        };
        PropertyValue::Size(part.size)
    }

    /// The dynamic properties in the order in which Flink prints them (a Java map's).
    pub fn dynamic_properties(&self, rules: &Ruleset) -> Vec<(Cow<'static, str>, PropertyValue)> {
        let of = |key: KnownKey| (Cow::Borrowed(key.as_str()), self.property(key));
        if !rules.modern_resources {
            return ORDER_1_11.map(of).into();
        }
        if self.external_resources.is_empty() {
            return ORDER_LATER.map(of).into();
        }
        let mut inserted: Vec<_> = INSERTED.map(of).into();
        for resource in &self.external_resources {
            let amount = PropertyValue::Integer(resource.value().to_long());
            inserted.push((Cow::Owned(ExternalResource::amount_key(&resource.name)), amount));
        }
        let keys: Vec<&str> = inserted.iter().map(|(key, _)| key.as_ref()).collect();
        let order = java::hash_map_order(&keys);
        order.into_iter().filter_map(|i| inserted.get(i).cloned()).collect()
    }

    /// The dynamic properties as one line; 1.10 and 1.11 end it with a blank.
    pub fn dynamic_line(&self, rules: &Ruleset) -> String {
        let mut line = String::with_capacity(768);
        self.push_dynamic_line(rules, &mut line);
        line
    }

    /// Appends the line of [`TaskManager::dynamic_line`].
    pub fn push_dynamic_line(&self, rules: &Ruleset, out: &mut String) {
        let mut items = Items::new(out);
        if !rules.modern_resources {
            for key in ORDER_1_11 {
                items.push(key.as_str(), &self.property(key));
            }
            out.push(' ');
        } else if self.external_resources.is_empty() {
            for key in ORDER_LATER {
                items.push(key.as_str(), &self.property(key));
            }
        } else {
            for (key, value) in self.dynamic_properties(rules) {
                items.push(&key, &value);
            }
        }
    }

    /// The final tree that Flink logs (not in 1.10).
    pub fn tree(&self) -> Vec<String> {
        let rows: [(&str, MemorySize); 13] = [
            ("  Total Process Memory:          ", self.total_process()),
            ("    Total Flink Memory:          ", self.total_flink()),
            ("      Total JVM Heap Memory:     ", self.jvm_heap()),
            ("        Framework:               ", self.framework_heap.size),
            ("        Task:                    ", self.task_heap.size),
            ("      Total Off-heap Memory:     ", self.total_off_heap()),
            ("        Managed:                 ", self.managed.size),
            ("        Total JVM Direct Memory: ", self.jvm_direct()),
            ("          Framework:             ", self.framework_off_heap.size),
            ("          Task:                  ", self.task_off_heap.size),
            ("          Network:               ", self.network.size),
            ("    JVM Metaspace:               ", self.metaspace.size),
            ("    JVM Overhead:                ", self.overhead.size),
        ];
        let mut lines = vec!["Final TaskExecutor Memory configuration:".to_owned()];
        lines.extend(rows.map(|(label, size)| format!("{label}{}", size.human())));
        lines
    }
}

/// `-D key=value` joined by blanks.
pub(in crate::model) struct Items<'a> {
    out: &'a mut String,
    first: bool,
}

impl<'a> Items<'a> {
    pub(in crate::model) fn new(out: &'a mut String) -> Self {
        Self { out, first: true }
    }

    pub(in crate::model) fn push(&mut self, key: &str, value: &PropertyValue) {
        self.out.push_str(if self.first { "-D " } else { " -D " });
        self.first = false;
        self.out.push_str(key);
        self.out.push('=');
        value.push(self.out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_orders_are_the_hash_orders() {
        for (n, expected) in [(8, &ORDER_1_11[..]), (13, &ORDER_LATER[..])] {
            let keys: Vec<&str> = INSERTED[..n].iter().map(|key| key.as_str()).collect();
            let order: Vec<KnownKey> = java::hash_map_order(&keys).into_iter().map(|i| INSERTED[i]).collect();
            assert_eq!(order, expected);
        }
    }
}
