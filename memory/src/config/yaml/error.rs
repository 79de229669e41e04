//! Failures in the words of snakeyaml-engine.

use crate::java::Exception;

/// `org.snakeyaml.engine.v2.exceptions.YamlEngineException`
pub(super) const YAML_ENGINE: &str = "org.snakeyaml.engine.v2.exceptions.YamlEngineException";
const READER: &str = "org.snakeyaml.engine.v2.exceptions.ReaderException";
const VERSION: &str = "org.snakeyaml.engine.v2.exceptions.YamlVersionException";
const MALFORMED_INPUT: &str = "java.nio.charset.MalformedInputException";
const STACK_OVERFLOW: &str = "java.lang.StackOverflowError";

/// A place in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mark {
    /// Byte offset.
    pub(super) offset: usize,
    /// Characters before it.
    pub(super) index: usize,
    /// Line from 0, as the engine counts: `\n`, `\r\n` and a `\r` before something else end lines.
    pub(super) line: u32,
    /// Column from 0, as the engine counts: byte order marks inside the text take no room.
    pub(super) column: u32,
}

/// Why the text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The exceptions inside Flink's own.
    pub(super) chain: Vec<Exception>,
    /// Flink wraps it.
    pub(super) wrapped: bool,
    /// Flink logs it.
    pub(super) logged: bool,
    /// Where.
    pub(super) mark: Option<Mark>,
    /// The reason in a sentence.
    pub(super) message: String,
}

pub(super) type Result<T> = std::result::Result<T, Box<Fault>>;

impl Fault {
    fn new(chain: Vec<Exception>, mark: Option<Mark>, message: String) -> Box<Self> {
        Box::new(Self { chain, wrapped: true, logged: false, mark, message })
    }

    /// A problem at a place, with the place where its context began.
    ///
    /// Flink repeats the text without the excerpts of the file, which might hold secrets.
    pub(super) fn marked(
        context: Option<&str>,
        context_mark: Option<Mark>,
        problem: &str,
        mark: Mark,
    ) -> Box<Self> {
        let place = |mark: Mark| format!(" in reader, line {}, column {}\n", mark.line + 1, mark.column + 1);
        let mut text = String::new();
        if let Some(context) = context {
            text.push_str(context);
            text.push('\n');
        }
        if let Some(context_mark) = context_mark {
            text.push_str(&place(context_mark));
        }
        text.push_str(problem);
        text.push('\n');
        text.push_str(place(mark).trim_end());
        let message = match context {
            Some(context) if !context.is_empty() => format!("{context}: {}", problem.trim_start()),
            _ => problem.trim_start().to_owned(),
        };
        let mut fault = Self::new(vec![Exception::new(YAML_ENGINE, text)], Some(mark), message);
        fault.logged = true;
        fault
    }

    /// A problem at a place.
    pub(super) fn at(problem: &str, mark: Mark) -> Box<Self> {
        Self::marked(None, None, problem, mark)
    }

    /// The engine's own exception without a place.
    pub(super) fn engine(message: &str, mark: Option<Mark>) -> Box<Self> {
        Self::new(vec![Exception::new(YAML_ENGINE, message)], mark, message.to_owned())
    }

    /// An exception of Java's that the engine wraps.
    pub(super) fn java_inside(cause: Exception, mark: Mark) -> Box<Self> {
        let message = cause.message.clone().unwrap_or_default();
        Self::new(vec![Exception::new(YAML_ENGINE, cause.to_string()), cause], Some(mark), message)
    }

    /// An exception of Java's that nobody expected.
    pub(super) fn java(cause: Exception, mark: Option<Mark>) -> Box<Self> {
        let message = cause.message.clone().unwrap_or_default();
        Self::new(vec![cause], mark, message)
    }

    /// A character that YAML does not allow; `position` counts from where the reader stands.
    pub(super) fn unacceptable(character: char, position: usize, mark: Mark) -> Box<Self> {
        let problem = "special characters are not allowed";
        let code = u32::from(character);
        let message = format!(
            "unacceptable code point '{character}' (0x{code:X}) {problem}\nin \"reader\", position {position}"
        );
        let mut exception = Exception::new(READER, problem);
        exception.own_text = Some(message.clone());
        Self::new(vec![exception], Some(mark), message)
    }

    /// Bytes that are not of the file's encoding.
    pub(super) fn malformed(length: usize, mark: Mark) -> Box<Self> {
        let cause = Exception::new(MALFORMED_INPUT, format!("Input length = {length}"));
        let mut fault = Self::java_inside(cause, mark);
        "the bytes are not of the file's encoding (UTF-8 without a byte order mark)"
            .clone_into(&mut fault.message);
        fault
    }

    /// `%YAML` of another major version.
    pub(super) fn version(major: u32, minor: u32, mark: Mark) -> Box<Self> {
        let text = format!("Version{{major={major}, minor={minor}}}");
        let message = format!("YAML {major}.{minor} is not read, only 1.x");
        Self::new(vec![Exception::new(VERSION, text)], Some(mark), message)
    }

    /// Nesting at which Java's stack overflows, or soon would.
    pub(super) fn too_deep(limit: usize, mark: Mark) -> Box<Self> {
        let chain = vec![Exception { class: STACK_OVERFLOW, message: None, own_text: None }];
        let mut fault =
            Self::new(chain, Some(mark), format!("nested deeper than {limit} levels, or inside itself"));
        fault.wrapped = false;
        fault
    }

    /// A text that grows beyond all bounds through its aliases or nested keys; the real program runs out of memory.
    pub(super) fn too_big(mark: Mark) -> Box<Self> {
        let mut fault = Self::new(
            Vec::new(),
            Some(mark),
            "aliases or nested keys make the configuration too big".to_owned(),
        );
        fault.wrapped = false;
        fault
    }
}
