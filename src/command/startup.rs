//! `memcalc bash-java-utils`

use std::path::Path;

use plimsoll_memory::model::{Ruleset, Version};

use super::Outcome;
use crate::args::BashJavaUtilsArgs;
use crate::exit::Exit;
use crate::output;
use crate::startup::{self, LegacyHeap};

pub(super) fn run(args: &BashJavaUtilsArgs) -> Outcome {
    let version = args.flink_version.unwrap_or_else(|| guess(&args.args));
    let rules = Ruleset::of(version);
    let transcript = startup::run(rules, &args.args, &LegacyHeap::from_environment());
    output::data(&transcript.stdout(rules))?;
    output::message(&transcript.stderr());
    // 1 as the JVM ends with on an uncaught exception: the scripts know no other
    Ok(if transcript.error.is_empty() { Exit::Clean } else { Exit::Findings })
}

/// The version by `FLINK_VERSION` (Flink's images set it), else by the file in the directory.
fn guess(args: &[String]) -> Version {
    // images of vendors append words of their own: 1.20.1-scala_2.12
    let told = std::env::var("FLINK_VERSION").ok().and_then(|text| {
        let end = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
        text.get(..end)?.parse().ok()
    });
    if let Some(version) = told {
        return version;
    }
    let dir = args.iter().skip_while(|arg| !matches!(arg.as_str(), "-c" | "--configDir")).nth(1);
    let has = |name: &str| dir.is_some_and(|dir| Path::new(dir).join(name).is_file());
    let minor = |major, minor| Version { major, minor, patch: None };
    if has("flink-conf.yaml") { minor(1, 20) } else { minor(2, 3) }
}
