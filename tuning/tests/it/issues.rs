//! Configurations of public issues, reduced to what matters, with their reports to the letter.
//!
//! `BLESS=1` writes the reports anew.

use std::fs;
use std::path::{Path, PathBuf};

use plimsoll_memory::config::Format;
use plimsoll_tuning::render::{TextStyle, text};
use plimsoll_tuning::rules::RULES;

use crate::{environment, loaded, report, subject};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// The version stands in the first line: `# Flink 1.20, FLINK-12345`.
fn version(conf: &str) -> &str {
    let line = conf.lines().next().unwrap_or_default();
    line.strip_prefix("# Flink ")
        .and_then(|rest| rest.split(',').next())
        .expect("the version in the first line")
}

fn rendered(path: &Path) -> (Vec<&'static str>, String) {
    let conf = fs::read_to_string(path).expect("a configuration");
    let env_path = path.with_extension("env");
    let env = fs::read_to_string(&env_path).unwrap_or_default();
    let name = path.file_name().and_then(|n| n.to_str()).expect("a name");
    let env_name = env_path.file_name().and_then(|n| n.to_str()).expect("a name").to_owned();
    let format = if name.contains(".config.") { Format::Yaml } else { Format::Lines };
    let version = version(&conf);
    let loaded = loaded(version, format, name, &conf);
    let subject = subject(&loaded, version, environment(&env_name, &env));
    let report = report(&subject);
    let codes = report.diagnostics.iter().map(|d| d.code).collect();
    (codes, text(&report, &subject, TextStyle::default()))
}

fn configurations() -> Vec<PathBuf> {
    let entries = fs::read_dir(data()).expect("the data");
    let mut paths: Vec<_> = entries.map(|e| e.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "yaml"));
    paths.sort();
    paths
}

#[test]
fn reports_of_public_configurations_are_as_recorded() {
    for path in configurations() {
        let (codes, text) = rendered(&path);
        let code = path.file_stem().and_then(|s| s.to_str()).map(|s| s[..7].to_uppercase()).expect("a code");
        assert!(codes.contains(&code.as_str()), "{}: {codes:?}\n{text}", path.display());
        let golden = path.with_extension("txt");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&golden, &text).expect("written");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(text, expected, "{}; BLESS=1 records it", path.display());
    }
}

#[test]
fn every_rule_has_a_public_configuration() {
    let paths = configurations();
    for rule in &RULES {
        let stem = rule.code.to_lowercase();
        let found =
            paths.iter().any(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with(&stem)));
        assert!(found, "{} has none", rule.code);
    }
}
