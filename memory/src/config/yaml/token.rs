//! Tokens.

use super::error::Mark;

/// What a token is; the names are those of the engine's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Id {
    StreamStart,
    StreamEnd,
    Directive,
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowMappingStart,
    FlowSequenceEnd,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias,
    Anchor,
    Tag,
    Scalar,
}

impl Id {
    /// Its name in messages.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::StreamStart => "<stream start>",
            Self::StreamEnd => "<stream end>",
            Self::Directive => "<directive>",
            Self::DocumentStart => "<document start>",
            Self::DocumentEnd => "<document end>",
            Self::BlockSequenceStart => "<block sequence start>",
            Self::BlockMappingStart => "<block mapping start>",
            Self::BlockEnd => "<block end>",
            Self::FlowSequenceStart => "[",
            Self::FlowMappingStart => "{",
            Self::FlowSequenceEnd => "]",
            Self::FlowMappingEnd => "}",
            Self::BlockEntry => "-",
            Self::FlowEntry => ",",
            Self::Key => "?",
            Self::Value => ":",
            Self::Alias => "<alias>",
            Self::Anchor => "<anchor>",
            Self::Tag => "<tag>",
            Self::Scalar => "<scalar>",
        }
    }
}

/// What a directive says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Directive {
    /// `%YAML major.minor`
    Yaml(u32, u32),
    /// `%TAG handle prefix`
    Tag(String, String),
    /// Any other; ignored.
    Other,
}

/// What a token carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Nothing,
    /// The name of an anchor or alias.
    Name(String),
    /// A tag: its handle, if it has one, and the rest.
    Tag(Option<String>, String),
    /// A scalar's text, and whether it stands without quotes.
    Scalar(String, bool),
    Directive(Directive),
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) id: Id,
    pub(super) start: Mark,
    pub(super) end: Mark,
    pub(super) content: Content,
}

impl Token {
    /// A token that carries nothing.
    pub(super) const fn bare(id: Id, start: Mark, end: Mark) -> Self {
        Self { id, start, end, content: Content::Nothing }
    }
}
