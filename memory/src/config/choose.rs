//! Which file of a configuration directory Flink reads, and what it says when there is none.

use crate::java::Exception;
use crate::java::exception::ILLEGAL_CONFIGURATION;
use crate::model::Ruleset;

use super::Format;

const LEGACY: &str = "flink-conf.yaml";
const STANDARD: &str = "config.yaml";

/// The file to read: its name inside the directory and how it is written. `exists` is asked for names.
///
/// # Errors
/// The name of the file whose absence Flink reports; see [`file_missing`].
pub fn choose_file(
    ruleset: &Ruleset,
    exists: impl Fn(&str) -> bool,
) -> Result<(&'static str, Format), &'static str> {
    if ruleset.legacy_yaml && exists(LEGACY) {
        Ok((LEGACY, Format::Lines))
    } else if ruleset.standard_yaml && exists(STANDARD) {
        Ok((STANDARD, Format::Yaml))
    } else if ruleset.standard_yaml {
        Err(STANDARD)
    } else {
        Err(LEGACY)
    }
}

/// The exception for a directory that does not exist; `given` is the argument, `absolute` its absolute path.
pub fn directory_missing(given: &str, absolute: &str) -> Exception {
    let message = format!(
        "The given configuration directory name '{given}' ({absolute}) does not describe an existing directory."
    );
    Exception::new(ILLEGAL_CONFIGURATION, message)
}

/// The exception for a directory without the file that [`choose_file`] asked for. `given` is the directory as Java
/// prints it, `absolute` its absolute path: up to 1.18 that is what the text names, later it names the file.
pub fn file_missing(ruleset: &Ruleset, given: &str, absolute: &str) -> Exception {
    let message = if ruleset.standard_yaml {
        format!("The Flink config file '{given}/{STANDARD}' ({absolute}/{STANDARD}) does not exist.")
    } else {
        format!("The Flink config file '{given}/{LEGACY}' ({absolute}) does not exist.")
    };
    Exception::new(ILLEGAL_CONFIGURATION, message)
}
