//! The command line of Flink's start-up call, read as its library reads it.
//!
//! Promises: for any arguments the same directory and the same `-D` properties as the real program, or the same
//! exception. The library is commons-cli with two options, `-c`/`--configDir <dir>` and `-D <key=value>`; from 1.11 on,
//! words that are neither are dropped before it sees them, in 1.10 the first such word ends the options. Does not cover
//! the usage text.

use crate::java::{Exception, Level, LogLine};
use crate::model::Ruleset;

/// `org.apache.flink.runtime.entrypoint.FlinkParseException`
const FLINK_PARSE: &str = "org.apache.flink.runtime.entrypoint.FlinkParseException";
const MISSING_ARGUMENT: &str = "org.apache.commons.cli.MissingArgumentException";
const MISSING_OPTION: &str = "org.apache.commons.cli.MissingOptionException";
const INDEX_OUT_OF_BOUNDS: &str = "java.lang.StringIndexOutOfBoundsException";

/// What the arguments said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The directory of the configuration.
    pub config_dir: String,
    /// The `-D` properties in the order given; a later one of the same key wins.
    pub dynamic: Vec<(String, String)>,
}

/// The arguments cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLineFailure {
    /// The exceptions, outermost first.
    pub chain: Vec<Exception>,
    /// What Flink logs before it fails.
    pub log: Vec<LogLine>,
}

/// Reads the arguments that follow the command.
///
/// # Errors
/// As the real program: a missing argument of an option, or no directory.
pub fn parse(ruleset: &Ruleset, args: &[String]) -> Result<CommandLine, CommandLineFailure> {
    let mut parser = Parser { modern: ruleset.standard_yaml, ..Parser::default() };
    let read = if ruleset.job_manager_model {
        let kept = drop_unknown(args);
        kept.iter().try_for_each(|token| parser.token(token))
    } else {
        args.iter().try_for_each(|token| parser.token(token))
    };
    read.and_then(|()| parser.finish()).map_err(failure)
}

/// Reads one `key=value` of a `-D` option; the first `=` separates. `None` without one.
///
/// Flink takes key and value as they stand: nothing is trimmed, quotes stay, the value may be empty.
pub fn key_value(text: &str) -> Option<(String, String)> {
    text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()))
}

fn failure(exception: Exception) -> CommandLineFailure {
    // only the library's own exceptions are logged and wrapped
    if exception.class == INDEX_OUT_OF_BOUNDS {
        return CommandLineFailure { chain: vec![exception], log: Vec::new() };
    }
    let line =
        LogLine { level: Level::Error, message: "Could not parse the command line options.".to_owned() };
    let outer = Exception::new(FLINK_PARSE, "Failed to parse the command line arguments.");
    CommandLineFailure { chain: vec![outer, exception], log: vec![line] }
}

/// `FlinkConfigLoader.filterCmdArgs`: an option with the word after it, and whatever starts with `-D`.
fn drop_unknown(args: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if matches!(strip_hyphens(arg), "D" | "c" | "configDir") {
            kept.push(arg.clone());
            kept.extend(args.next().cloned());
        } else if arg.starts_with("-D") {
            kept.push(arg.clone());
        }
    }
    kept
}

fn strip_hyphens(token: &str) -> &str {
    token.strip_prefix("--").or_else(|| token.strip_prefix('-')).unwrap_or(token)
}

/// Quotes around a whole argument are dropped, if there are none inside.
fn strip_quotes(token: &str) -> &str {
    match token.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if !inner.contains('"') => inner,
        _ => token,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opt {
    ConfigDir,
    Property,
}

impl Opt {
    /// How many values it takes.
    const fn arity(self) -> usize {
        match self {
            Self::ConfigDir => 1,
            Self::Property => 2,
        }
    }

    fn short(name: &str) -> Option<Self> {
        match name {
            "c" => Some(Self::ConfigDir),
            "D" => Some(Self::Property),
            _ => None,
        }
    }
}

const LONG: &str = "configDir";

#[derive(Debug)]
struct Seen {
    option: Opt,
    values: Vec<String>,
}

/// commons-cli's `DefaultParser`, stopping at the first word that is no option.
#[derive(Debug, Default)]
struct Parser {
    seen: Vec<Seen>,
    /// The last of `seen` still takes values.
    open: bool,
    stopped: bool,
    /// The library of 1.20 and later, which knows a short option behind any number of hyphens.
    modern: bool,
}

impl Parser {
    fn token(&mut self, token: &str) -> Result<(), Exception> {
        if self.stopped {
            return Ok(());
        }
        if token == "--" {
            self.stopped = true;
        } else if self.accepts() && !is_option(token, self.modern) {
            self.value(strip_quotes(token));
        } else if token.starts_with("--") {
            self.long(strip_hyphens(token))?;
        } else if token.len() > 1 && token.starts_with('-') {
            self.short_or_long(strip_hyphens(token))?;
        } else {
            self.stopped = true;
        }
        if !self.accepts() {
            self.open = false;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<CommandLine, Exception> {
        self.close()?;
        let first = self.seen.iter().find(|seen| seen.option == Opt::ConfigDir);
        let Some(config_dir) = first.and_then(|seen| seen.values.first()).cloned() else {
            return Err(Exception::new(MISSING_OPTION, "Missing required option: c"));
        };
        let mut dynamic = Vec::new();
        for seen in self.seen.into_iter().filter(|seen| seen.option == Opt::Property) {
            let mut values = seen.values.into_iter();
            if let Some(key) = values.next() {
                dynamic.push((key, values.next().unwrap_or_else(|| "true".to_owned())));
            }
        }
        Ok(CommandLine { config_dir, dynamic })
    }

    /// Whether the current option takes another value.
    fn accepts(&self) -> bool {
        self.open && self.seen.last().is_some_and(|seen| seen.values.len() < seen.option.arity())
    }

    /// An option begins (or the arguments end): the one before must have all its values.
    fn close(&mut self) -> Result<(), Exception> {
        if !self.accepts() {
            return Ok(());
        }
        let name = if self.seen.last().is_some_and(|seen| seen.option == Opt::ConfigDir) { "c" } else { "D" };
        Err(Exception::new(MISSING_ARGUMENT, format!("Missing argument for option: {name}")))
    }

    fn option(&mut self, option: Opt) -> Result<(), Exception> {
        self.close()?;
        self.seen.push(Seen { option, values: Vec::new() });
        self.open = true;
        Ok(())
    }

    /// Adds to the current option, split at `=` as far as it takes values.
    fn value(&mut self, value: &str) {
        let Some(seen) = self.seen.last_mut() else { return };
        let mut rest = value;
        if seen.option == Opt::Property {
            while let Some((before, after)) = rest.split_once('=') {
                if seen.values.len() + 1 >= seen.option.arity() {
                    break;
                }
                seen.values.push(before.to_owned());
                rest = after;
            }
        }
        if seen.values.len() < seen.option.arity() {
            seen.values.push(rest.to_owned());
        }
    }

    /// `--name`, `--name=value`.
    fn long(&mut self, name: &str) -> Result<(), Exception> {
        let (name, value) = name.split_once('=').map_or((name, None), |(n, v)| (n, Some(v)));
        if !LONG.starts_with(name) {
            self.stopped = true;
            return Ok(());
        }
        self.option(Opt::ConfigDir)?;
        if let Some(value) = value {
            self.value(value);
            self.open = false;
        }
        Ok(())
    }

    fn short_or_long(&mut self, t: &str) -> Result<(), Exception> {
        if t == "=" {
            self.stopped = true;
            return Ok(());
        }
        let Some((name, value)) = t.split_once('=') else { return self.without_equal(t) };
        let mut chars = name.chars();
        let Some(first) = chars.next() else {
            return Err(Exception::new(INDEX_OUT_OF_BOUNDS, "begin 0, end 1, length 0"));
        };
        let rest = chars.as_str();
        if rest.is_empty() {
            let Some(option) = Opt::short(name) else {
                self.stopped = true;
                return Ok(());
            };
            self.option(option)?;
            self.value(value);
            self.open = false;
        } else if first == 'D' {
            self.option(Opt::Property)?;
            self.value(rest);
            self.value(value);
            self.open = false;
        } else {
            return self.long(t);
        }
        Ok(())
    }

    fn without_equal(&mut self, t: &str) -> Result<(), Exception> {
        if let Some(option) = Opt::short(t) {
            self.option(option)
        } else if t.chars().count() == 1 {
            self.stopped = true;
            Ok(())
        } else if LONG.starts_with(t) {
            self.option(Opt::ConfigDir)
        } else if let Some(value) = t.strip_prefix(LONG) {
            self.option(Opt::ConfigDir)?;
            self.value(value);
            self.open = false;
            Ok(())
        } else if let Some(rest) = t.strip_prefix('D') {
            self.option(Opt::Property)?;
            self.value(rest);
            self.open = false;
            Ok(())
        } else if let Some(rest) = t.strip_prefix('c') {
            self.option(Opt::ConfigDir)?;
            self.value(rest);
            Ok(())
        } else {
            self.stopped = true;
            Ok(())
        }
    }
}

/// Whether a word looks like one of the options, so that it is no value of the option before.
fn is_option(token: &str, modern: bool) -> bool {
    if !token.starts_with('-') || token.len() < 2 {
        return false;
    }
    let name = token.split_once('=').map_or(token, |(name, _)| name);
    let bare = strip_hyphens(name);
    let long = LONG.starts_with(bare) || !token.starts_with("--") && bare.starts_with(LONG);
    let short = matches!(name.chars().nth(1), Some('c' | 'D'));
    let behind = modern && name.get(1..).is_some_and(|rest| Opt::short(strip_hyphens(rest)).is_some());
    long || short || behind
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::version::{V1_10, V1_11, V1_20};

    fn read(ruleset: &Ruleset, args: &str) -> Result<(String, Vec<(String, String)>), String> {
        let args: Vec<String> = args.split(' ').map(str::to_owned).collect();
        parse(ruleset, &args)
            .map(|line| (line.config_dir, line.dynamic))
            .map_err(|f| f.chain.iter().map(ToString::to_string).collect::<Vec<_>>().join(" <- "))
    }

    fn dynamic(ruleset: &Ruleset, args: &str) -> Vec<(String, String)> {
        read(ruleset, &format!("--configDir d {args}")).expect("readable").1
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn properties_in_all_spellings() {
        for ruleset in [&V1_10, &V1_11, &V1_20] {
            assert_eq!(
                dynamic(ruleset, "-D a=b -Dc=d=e -D k="),
                pairs(&[("a", "b"), ("c", "d=e"), ("k", "")])
            );
            assert_eq!(dynamic(ruleset, "-Dfoo"), pairs(&[("foo", "true")]));
        }
    }

    #[test]
    fn unknown_words() {
        assert_eq!(dynamic(&V1_11, "--foo bar -x -D a=b baz"), pairs(&[("a", "b")]));
        assert_eq!(dynamic(&V1_10, "--foo bar -x -D a=b baz"), pairs(&[]));
        assert_eq!(dynamic(&V1_10, "-D a = b"), pairs(&[("a", "=")]));
    }

    #[test]
    fn missing_things() {
        let outer = "org.apache.flink.runtime.entrypoint.FlinkParseException: Failed to parse the command line arguments.";
        let of = |args| read(&V1_20, args).expect_err("unreadable");
        assert_eq!(of("-c d -D"), format!("{outer} <- {MISSING_ARGUMENT}: Missing argument for option: D"));
        assert_eq!(
            of("-c d -D a = b"),
            format!("{outer} <- {MISSING_ARGUMENT}: Missing argument for option: D")
        );
        assert_eq!(of("-c"), format!("{outer} <- {MISSING_ARGUMENT}: Missing argument for option: c"));
        assert_eq!(of("-D a=b"), format!("{outer} <- {MISSING_OPTION}: Missing required option: c"));
    }

    #[test]
    fn the_first_directory_counts() {
        assert_eq!(read(&V1_20, "-c d --configDir e").expect("readable").0, "d");
    }
}
