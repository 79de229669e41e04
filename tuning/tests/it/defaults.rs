//! What Flink ships is clean.

use plimsoll_memory::config::Format;
use plimsoll_tuning::render::{TextStyle, text};

use crate::{loaded, report, subject};

/// The entries of the shipped files that have to do with a process, and those beside them.
const LINES: &str = "jobmanager.rpc.address: localhost
jobmanager.rpc.port: 6123
jobmanager.memory.process.size: 1600m
taskmanager.memory.process.size: 1728m
taskmanager.numberOfTaskSlots: 1
parallelism.default: 1
jobmanager.execution.failover-strategy: region
";

const LINES_1_10: &str = "jobmanager.rpc.address: localhost
taskmanager.memory.process.size: 1728m
taskmanager.numberOfTaskSlots: 1
";

const NESTED: &str = "env:
  java:
    opts:
      all: --add-exports=java.base/sun.net.util=ALL-UNNAMED --add-opens=java.base/java.lang=ALL-UNNAMED
jobmanager:
  bind-host: localhost
  rpc:
    address: localhost
    port: 6123
  memory:
    process:
      size: 1600m
  execution:
    failover-strategy: region
taskmanager:
  bind-host: localhost
  host: localhost
  numberOfTaskSlots: 1
  memory:
    process:
      size: 1728m
parallelism:
  default: 1
rest:
  address: localhost
  bind-address: localhost
";

#[test]
fn shipped_configurations_are_clean() {
    let files = [
        ("1.10", Format::Lines, LINES_1_10),
        ("1.11.4", Format::Lines, LINES),
        ("1.15", Format::Lines, LINES),
        ("1.20.5", Format::Lines, LINES),
        ("1.20.5", Format::Yaml, NESTED),
        ("2.3.0", Format::Yaml, NESTED),
    ];
    for (version, format, conf) in files {
        let loaded = loaded(version, format, "conf", conf);
        let subject = subject(&loaded, version, Vec::new());
        let report = report(&subject);
        assert!(
            report.diagnostics.is_empty(),
            "{version}:\n{}",
            text(&report, &subject, TextStyle::default())
        );
    }
}
