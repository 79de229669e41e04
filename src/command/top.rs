//! `memcalc top`

use std::time::Duration;

use plimsoll_memory::report::{TextStyle, proc, prometheus, text};

use super::{Outcome, fail};
use crate::args::{Color, TopArgs, TopOutput};
use crate::exit::Exit;
use crate::output::{self, Terminal};
use crate::top::screen::Screen;
use crate::top::{Source, TopError};

pub(super) fn run(args: &TopArgs, color: Color) -> Outcome {
    let failed = |error: TopError| fail(Exit::Usage, error);
    let runtime = std::env::var_os("XDG_RUNTIME_DIR");
    let mut source = Source::of(&args.target, runtime, args.timeout).map_err(failed)?;
    let mut report = source.look().map_err(failed)?;
    match if args.json { TopOutput::Json } else { args.output } {
        TopOutput::Json => return output::data(&report.to_json()).map(|()| Exit::Clean),
        TopOutput::Prometheus => return output::data(&prometheus(&report)).map(|()| Exit::Clean),
        TopOutput::Text => {}
    }
    let mut screen = Screen::default();
    let mut first = true;
    loop {
        // each time anew: windows change
        let terminal = Terminal::of(color);
        let frame = if let Some(size) = output::screen_size().filter(|_| !args.once) {
            let style = style(args, terminal, size.columns.min(terminal.columns));
            screen.frame(&text(&report, &style), size)
        } else {
            let blank = if first { "" } else { "\n" };
            format!("{blank}{}", text(&report, &style(args, terminal, terminal.columns)))
        };
        first = false;
        if !output::goes_on(&frame)? || args.once {
            return Ok(Exit::Clean);
        }
        wait(args.interval);
        report = match source.look() {
            Ok(report) => report,
            Err(TopError::Ended { pid }) => {
                output::message(&format!("note: {}\n", TopError::Ended { pid }));
                return Ok(Exit::Clean);
            }
            Err(error) => return Err(failed(error)),
        };
    }
}

fn style(args: &TopArgs, terminal: Terminal, width: usize) -> TextStyle {
    TextStyle {
        width,
        unicode: terminal.unicode,
        colour: terminal.color_stdout,
        owners_max: args.owners,
        now_unix_ms: proc::now_unix_ms(),
    }
}

/// Between two looks. A signal ends the command here as anywhere.
#[expect(clippy::disallowed_methods, reason = "to look again after a while is what was asked for")]
fn wait(interval: Duration) {
    std::thread::sleep(interval);
}
