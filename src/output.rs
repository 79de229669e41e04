//! Writing: data to standard output, messages to standard error, colours where they are wanted.

use std::io::{self, IsTerminal as _, Write as _};

use crate::args::Color;
use crate::exit::Exit;
use crate::top::screen::Size;

/// Whether standard output and standard error are to be coloured, and how wide the terminal is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    /// Colour on standard output.
    pub(crate) color_stdout: bool,
    /// Colour on standard error.
    pub(crate) color_stderr: bool,
    /// Whether the locale takes more than ASCII.
    pub(crate) unicode: bool,
    /// Columns of standard output; 132 where it is no terminal: nothing wraps there, and causes are not cut short.
    pub(crate) columns: usize,
}

impl Terminal {
    /// What this process's environment says: `--color`, `NO_COLOR`, `CLICOLOR_FORCE`, `TERM=dumb`, `COLUMNS`.
    pub(crate) fn of(color: Color) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let auto = |terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if set("NO_COLOR") => false,
            Color::Auto if std::env::var_os("CLICOLOR_FORCE").is_some_and(|v| v != "0" && !v.is_empty()) => {
                true
            }
            Color::Auto => terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
        };
        let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
        let columns = columns.or_else(|| {
            let size = terminal_size::terminal_size_of(io::stdout())?;
            Some(usize::from(size.0.0))
        });
        Self {
            color_stdout: auto(io::stdout().is_terminal()),
            color_stderr: auto(io::stderr().is_terminal()),
            unicode: unicode(),
            columns: columns.unwrap_or(132).clamp(40, 400),
        }
    }
}

/// Whether the locale says UTF-8; a pipe without any locale is taken to.
fn unicode() -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(std::env::var_os).find(|v| !v.is_empty());
    let Some(locale) = locale else { return true };
    let locale = locale.to_string_lossy().to_uppercase();
    locale.contains("UTF-8") || locale.contains("UTF8")
}

/// Writes to standard output. A reader that has gone away is no failure: `memcalc … | head` ends quietly.
pub(crate) fn data(text: &str) -> Result<(), Exit> {
    let mut stdout = io::stdout().lock();
    written(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// The size of the terminal that standard output is; `None`: it is none, or one that does not move its cursor.
pub(crate) fn screen_size() -> Option<Size> {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    let size = terminal_size::terminal_size_of(io::stdout()).filter(|_| !dumb)?;
    Some(Size { columns: usize::from(size.0.0), rows: usize::from(size.1.0) })
}

/// Writes to standard output one piece of many; whether there is still a reader for the next.
pub(crate) fn goes_on(text: &str) -> Result<bool, Exit> {
    let mut stdout = io::stdout().lock();
    let result = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    let gone = result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
    written(result).map(|()| !gone)
}

/// What a write came to.
pub(crate) fn written(result: io::Result<()>) -> Result<(), Exit> {
    match result {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => {
            message(&format!("memcalc: cannot write: {error}\n"));
            Err(Exit::Usage)
        }
    }
}

/// Writes to standard error; there is nobody to tell where that fails.
pub(crate) fn message(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
