//! Where values come from: the texts that spans point into.

/// What kind of source a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// A configuration file.
    File,
    /// A configuration from standard input.
    Stdin,
    /// The `-D` arguments, joined by blanks.
    CommandLine,
    /// An environment variable, such as `FLINK_TM_HEAP`.
    Environment,
    /// A default.
    Default,
}

/// A source: its name and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path, or what to call it.
    pub name: String,
    /// The decoded text that spans point into; without a byte order mark where the reader drops it.
    pub text: String,
    /// What it is.
    pub kind: SourceKind,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Flink 1.x's `flink-conf.yaml`, line by line.
    Lines,
    /// `config.yaml`: YAML 1.2.
    Yaml,
    /// Our own `plimsoll.toml`.
    Toml,
}

/// A file as the caller read it.
#[derive(Debug, Clone, Copy)]
pub struct ConfigFile<'a> {
    /// The path as Flink prints it: the directory as given, a slash, the name.
    pub path: &'a str,
    /// The absolute path.
    pub absolute_path: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// How it is written.
    pub format: Format,
    /// [`SourceKind::File`] or [`SourceKind::Stdin`].
    pub kind: SourceKind,
}
