//! Java exceptions as data.

use std::fmt;

/// One link of a chain of Java exceptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Fully qualified class name.
    pub class: &'static str,
    /// `getMessage()`.
    pub message: Option<String>,
    /// `toString()`, where the class has its own.
    pub own_text: Option<String>,
}

/// `org.apache.flink.configuration.IllegalConfigurationException`
pub const ILLEGAL_CONFIGURATION: &str = "org.apache.flink.configuration.IllegalConfigurationException";
/// `java.lang.IllegalArgumentException`
pub const ILLEGAL_ARGUMENT: &str = "java.lang.IllegalArgumentException";
/// `java.lang.IllegalStateException`
pub const ILLEGAL_STATE: &str = "java.lang.IllegalStateException";
/// `java.lang.NumberFormatException`
pub const NUMBER_FORMAT: &str = "java.lang.NumberFormatException";
/// `java.lang.ArithmeticException`
pub const ARITHMETIC: &str = "java.lang.ArithmeticException";
/// `java.lang.NullPointerException`
pub const NULL_POINTER: &str = "java.lang.NullPointerException";

impl Exception {
    /// An exception with a message.
    pub fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: Some(message.into()), own_text: None }
    }

    /// `getClass().getSimpleName()`.
    pub fn simple_name(&self) -> &'static str {
        self.class.rsplit(['.', '$']).next().unwrap_or(self.class)
    }
}

/// `Throwable.toString`: `class: message`, without a message the class alone.
impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.own_text, &self.message) {
            (Some(text), _) => f.write_str(text),
            (None, Some(message)) => write!(f, "{}: {message}", self.class),
            (None, None) => f.write_str(self.class),
        }
    }
}
