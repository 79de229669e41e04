//! What can go wrong when the kernel is asked, each with the file.

use std::error::Error;
use std::fmt;

/// How much of a file's content an error shows, in characters.
const SHOWN_MAX: usize = 60;

/// A control group could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CgroupError {
    /// The file is there, or must be there, and cannot be read: check permissions, and whether the process still runs.
    Unreadable {
        /// The file.
        file: String,
        /// The system's words.
        why: String,
    },
    /// The content is none that a kernel writes: report it; until then run without the check.
    Content {
        /// The file.
        file: String,
        /// Its content, shortened.
        found: String,
        /// What a kernel writes there.
        expected: &'static str,
    },
}

impl CgroupError {
    /// The error for content that cannot be understood.
    pub(super) fn content(file: &str, found: &str, expected: &'static str) -> Self {
        let mut shown: String = found.trim_end().chars().take(SHOWN_MAX).collect();
        if shown.len() < found.trim_end().len() {
            shown.push('…');
        }
        Self::Content { file: file.to_owned(), found: shown.escape_debug().to_string(), expected }
    }
}

impl fmt::Display for CgroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, why } => write!(f, "{file} cannot be read: {why}"),
            Self::Content { file, found, expected } => {
                write!(f, "{file} says \"{found}\", expected {expected}")
            }
        }
    }
}

impl Error for CgroupError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_content_is_shortened_and_control_characters_are_shown() {
        let error = CgroupError::content("/f", &format!("a\tb{}", "é".repeat(100)), "a number");
        let text = error.to_string();
        assert_eq!(text, format!("/f says \"a\\tb{}…\", expected a number", "é".repeat(57)));
        let short = CgroupError::content("/f", "12x\n", "a number");
        assert_eq!(short.to_string(), "/f says \"12x\", expected a number");
    }
}
