//! Who wrote a value, and who can read it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The identity of a serializer: its name, the version of its format, and the serializers it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The name of the format, `i64` or `pair`; never reused for another format.
    pub name: String,
    /// The version of the format; larger is newer.
    pub version: u32,
    /// What it is made of, in order.
    pub arguments: Vec<Self>,
}

/// Whether a serializer reads what another one wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compatibility {
    /// The bytes are the same.
    AsIs,
    /// It reads the old version and writes the new one: what is restored is rewritten.
    Migrate,
    /// It cannot; the text says why.
    Incompatible(String),
}

impl Identity {
    /// A format without arguments.
    pub fn new(name: &str, version: u32) -> Self {
        Self { name: name.to_owned(), version, arguments: Vec::new() }
    }

    /// A format made of others.
    pub fn of(name: &str, version: u32, arguments: Vec<Self>) -> Self {
        Self { name: name.to_owned(), version, arguments }
    }

    /// Whether a serializer with this identity reads what `written` wrote: the same names all through, and nothing
    /// newer.
    pub fn reads(&self, written: &Self) -> Compatibility {
        if self.name != written.name || self.arguments.len() != written.arguments.len() {
            return Compatibility::Incompatible(format!("{written} was written, {self} is to read it"));
        }
        if written.version > self.version {
            return Compatibility::Incompatible(format!(
                "{written} was written by a newer version than {self}, which reads up to its own"
            ));
        }
        let mut answer =
            if written.version == self.version { Compatibility::AsIs } else { Compatibility::Migrate };
        for (ours, theirs) in self.arguments.iter().zip(&written.arguments) {
            match ours.reads(theirs) {
                Compatibility::AsIs => {}
                Compatibility::Migrate => answer = Compatibility::Migrate,
                no @ Compatibility::Incompatible(_) => return no,
            }
        }
        answer
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.arguments.is_empty() {
            f.write_str("<")?;
            for (at, argument) in self.arguments.iter().enumerate() {
                let comma = if at > 0 { ", " } else { "" };
                write!(f, "{comma}{argument}")?;
            }
            f.write_str(">")?;
        }
        if self.version == 1 { Ok(()) } else { write!(f, " v{}", self.version) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_what() {
        let pair = |a: Identity, b: Identity| Identity::of("pair", 1, vec![a, b]);
        let (i64, text, text2) =
            (Identity::new("i64", 1), Identity::new("utf8", 1), Identity::new("utf8", 2));
        assert_eq!(
            pair(i64.clone(), text.clone()).reads(&pair(i64.clone(), text.clone())),
            Compatibility::AsIs
        );
        assert_eq!(
            pair(i64.clone(), text2.clone()).reads(&pair(i64.clone(), text.clone())),
            Compatibility::Migrate
        );
        let newer = text.reads(&text2);
        assert_eq!(
            newer,
            Compatibility::Incompatible(
                "utf8 v2 was written by a newer version than utf8, which reads up to its own".to_owned()
            )
        );
        let other = pair(i64.clone(), text.clone()).reads(&pair(text, i64));
        assert_eq!(other, Compatibility::Incompatible("utf8 was written, i64 is to read it".to_owned()));
    }
}
