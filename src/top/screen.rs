//! Redrawing in place: the cursor goes up over what was drawn before. No other screen, no hidden cursor, no raw mode:
//! whatever ends the command leaves the terminal as it was, below the last frame.

/// What was drawn last.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    lines: usize,
    size: Option<Size>,
}

/// The terminal's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

impl Screen {
    /// What to write so that the text stands where the one before stood. Lines that the terminal has no row for are
    /// left out, for the cursor cannot go up to them again; the last row stays free for it.
    pub(crate) fn frame(&mut self, text: &str, size: Size) -> String {
        let lines: Vec<&str> = text.lines().collect();
        let rows = size.rows.saturating_sub(1).max(1);
        let mut frame = match self.size.replace(size) {
            // the terminal has broken the old lines anew: where they are is not known any more
            Some(before) if before != size => "\x1b[2J\x1b[H".to_owned(),
            Some(_) if self.lines > 0 => format!("\r\x1b[{}A", self.lines),
            _ => String::new(),
        };
        let shown = if lines.len() > rows { rows - 1 } else { lines.len() };
        // erased before it is written: behind a line of full width it would take its last letter
        let row = |line: &str| format!("\x1b[2K{line}\n");
        frame.extend(lines.iter().take(shown).map(|line| row(line)));
        self.lines = shown;
        if shown < lines.len() {
            let rest = format!("+{} lines", lines.len() - shown);
            frame += &row(rest.get(..size.columns).unwrap_or(&rest));
            self.lines += 1;
        }
        frame + "\x1b[J"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_goes_up_over_what_was_drawn() {
        let mut screen = Screen::default();
        let size = Size { columns: 20, rows: 4 };
        assert_eq!(screen.frame("a\nb\nc\n", size), "\x1b[2Ka\n\x1b[2Kb\n\x1b[2Kc\n\x1b[J");
        assert_eq!(screen.frame("a\n", size), "\r\x1b[3A\x1b[2Ka\n\x1b[J");
        assert_eq!(
            screen.frame("1\n2\n3\n4\n", size),
            "\r\x1b[1A\x1b[2K1\n\x1b[2K2\n\x1b[2K+2 lines\n\x1b[J"
        );
        assert_eq!(screen.frame("1\n", size), "\r\x1b[3A\x1b[2K1\n\x1b[J");
        let wider = Size { columns: 30, rows: 4 };
        assert_eq!(screen.frame("1\n", wider), "\x1b[2J\x1b[H\x1b[2K1\n\x1b[J");
        // a terminal of one row still gets a line, and none is above it
        assert_eq!(screen.frame("1\n2\n", Size { columns: 2, rows: 1 }), "\x1b[2J\x1b[H\x1b[2K+2\n\x1b[J");
    }
}
