//! The rules as their users meet them.

mod defaults;
mod examples;
mod floods;
mod issues;
mod properties;
mod remedies;
mod render;
mod scope;

use plimsoll_memory::config::{ConfigFile, Format, Loaded, Source, SourceKind, load};
use plimsoll_memory::model::{Ruleset, Version};
use plimsoll_tuning::{Inputs, Report, Selection, Subject, check};

pub(crate) fn loaded(version: &str, format: Format, path: &str, text: &str) -> Loaded {
    let version: Version = version.parse().expect("a version");
    let file =
        ConfigFile { path, absolute_path: path, bytes: text.as_bytes(), format, kind: SourceKind::File };
    load(Ruleset::of(version), &file, &[]).expect("a configuration")
}

pub(crate) fn environment(name: &str, text: &str) -> Vec<Source> {
    if text.is_empty() {
        return Vec::new();
    }
    vec![Source { name: name.to_owned(), text: text.to_owned(), kind: SourceKind::Environment }]
}

pub(crate) fn subject<'a>(loaded: &'a Loaded, version: &str, environments: Vec<Source>) -> Subject<'a> {
    let version = version.parse().expect("a version");
    Subject::new(Inputs { environments, ..Inputs::new(loaded, version) })
}

pub(crate) fn report(subject: &Subject<'_>) -> Report {
    check(subject, &Selection::default())
}
