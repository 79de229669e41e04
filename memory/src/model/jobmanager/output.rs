//! What the start-up call prints: JVM arguments, dynamic properties, the final tree.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::JobManager;
use crate::config::KnownKey;
use crate::model::taskmanager::{Items, PropertyValue};
use crate::model::version::Ruleset;

/// In the order of Java's map.
const ORDER: [KnownKey; 5] = [
    KnownKey::JmOffHeap,
    KnownKey::JmOverheadMin,
    KnownKey::JmMetaspace,
    KnownKey::JmHeap,
    KnownKey::JmOverheadMax,
];

impl JobManager {
    /// Appends the JVM arguments; the direct memory limit only where it is enabled.
    pub fn push_jvm_args(&self, out: &mut String) {
        let heap = self.heap.size.bytes();
        let _ = write!(out, "-Xmx{heap} -Xms{heap}");
        if self.direct_limit.value {
            let _ = write!(out, " -XX:MaxDirectMemorySize={}", self.off_heap.size.bytes());
        }
        let _ = write!(out, " -XX:MaxMetaspaceSize={}", self.metaspace.size.bytes());
    }

    /// The JVM arguments as Flink prints them.
    pub fn jvm_args(&self) -> String {
        let mut out = String::with_capacity(128);
        self.push_jvm_args(&mut out);
        out
    }

    /// The dynamic properties in Flink's order; 1.11 prints none.
    pub fn dynamic_properties(&self, rules: &Ruleset) -> Vec<(Cow<'static, str>, PropertyValue)> {
        if !rules.modern_resources {
            return Vec::new();
        }
        let of = |key: KnownKey| {
            let part = match key {
                KnownKey::JmOffHeap => self.off_heap,
                KnownKey::JmMetaspace => self.metaspace,
                KnownKey::JmHeap => self.heap,
                _ => self.overhead,
            };
            (Cow::Borrowed(key.as_str()), PropertyValue::Size(part.size))
        };
        ORDER.map(of).into()
    }

    /// The dynamic properties as one line.
    pub fn dynamic_line(&self, rules: &Ruleset) -> String {
        let mut line = String::with_capacity(320);
        let mut items = Items::new(&mut line);
        for (key, value) in self.dynamic_properties(rules) {
            items.push(&key, &value);
        }
        line
    }

    /// The final tree that Flink logs.
    pub fn tree(&self) -> Vec<String> {
        let rows = [
            ("  Total Process Memory: ", self.total_process()),
            ("    Total Flink Memory: ", self.total_flink()),
            ("      JVM Heap:         ", self.heap.size),
            ("      Off-heap:         ", self.off_heap.size),
            ("    JVM Metaspace:      ", self.metaspace.size),
            ("    JVM Overhead:       ", self.overhead.size),
        ];
        let mut lines = vec!["Final Master Memory configuration:".to_owned()];
        lines.extend(rows.map(|(label, size)| format!("{label}{}", size.human())));
        lines
    }
}
