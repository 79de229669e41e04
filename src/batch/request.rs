//! A request line.

use std::borrow::Cow;
use std::fmt;

use plimsoll_memory::config::Configuration;
use plimsoll_memory::java;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A request, as typed.
#[derive(Deserialize)]
pub(super) struct Request<'a> {
    /// Echoed.
    #[serde(borrow, default)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) target: Option<Text<'a>>,
    #[serde(default)]
    pub(super) conf: Conf,
    // memsize
    #[serde(borrow, default)]
    pub(super) text: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) unit: Option<Text<'a>>,
    // slot
    #[serde(borrow, default)]
    pub(super) mode: Option<Text<'a>>,
    // rocksdb
    #[serde(borrow, default)]
    pub(super) total: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) write_buffer_ratio: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) high_prio_ratio: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) write_buffer_size: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) arena_sizes: Option<Vec<Text<'a>>>,
    // weights
    #[serde(borrow, default)]
    pub(super) use_cases: Option<Vec<Text<'a>>>,
    #[serde(borrow, default)]
    pub(super) fraction: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) state_backend_managed: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) divisions: Option<Vec<Vec<Text<'a>>>>,
    #[serde(default)]
    pub(super) job_conf: Option<Conf>,
}

/// A JSON scalar as Jackson's `asText` gives it.
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Text)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number or a boolean")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(if value { "true" } else { "false" }))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(java::double_to_string(value)))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed("null"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Cow::Borrowed(""))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cow::Borrowed(""))
    }
}

/// A configuration, filled while the line is read. Anything but an object is an empty one.
#[derive(Default)]
pub(super) struct Conf(pub(super) Configuration);

impl<'de> Deserialize<'de> for Conf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ConfVisitor;

        impl<'de> Visitor<'de> for ConfVisitor {
            type Value = Conf;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of configuration keys")
            }

            fn visit_unit<E>(self) -> Result<Conf, E> {
                Ok(Conf::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Conf, A::Error> {
                let mut conf = Configuration::new();
                while let Some((key, value)) = map.next_entry::<Text<'de>, Text<'de>>()? {
                    conf.set(&key, &*value, None);
                }
                Ok(Conf(conf))
            }
        }

        deserializer.deserialize_any(ConfVisitor)
    }
}
