//! A value as its reader typed it.

use std::borrow::Cow;

use crate::java;

/// A value as its reader typed it. Text files of Flink 1.x, `-D` and the environment only know [`Value::Text`]; the
/// YAML reader of 1.19+ types its scalars, and an option that wants text gets Java's `toString` of them.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text, quotes already resolved where the format has them.
    Text(Box<str>),
    /// `java.lang.Integer`.
    Integer(i32),
    /// `java.lang.Long`.
    Long(i64),
    /// `java.math.BigInteger`: its decimal text.
    BigInteger(Box<str>),
    /// `java.lang.Double`.
    Double(f64),
    /// `java.lang.Boolean`.
    Boolean(bool),
}

impl Value {
    /// Java's `toString` of the value.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) | Self::BigInteger(text) => Cow::Borrowed(text),
            Self::Integer(v) => Cow::Owned(v.to_string()),
            Self::Long(v) => Cow::Owned(v.to_string()),
            Self::Double(v) => Cow::Owned(java::double_to_string(*v)),
            Self::Boolean(true) => Cow::Borrowed("true"),
            Self::Boolean(false) => Cow::Borrowed("false"),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}
