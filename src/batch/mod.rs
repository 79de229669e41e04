//! `memcalc batch`: one JSON request a line in, one JSON answer a line out, in order, for ever.
//!
//! The schema is that of the reference answers recorded from real Flink. A line that is no request gets a `BadRequest`
//! answer and the run goes on. Memory is bounded by one line: [`LINE_BYTES_MAX`].

mod answer;
mod json;
mod request;
mod rocksdb;

use std::io::{self, BufRead, BufReader, Read, Write};

use plimsoll_memory::model::Ruleset;

pub use answer::answer;

/// The longest request line: a configuration of a few hundred keys is some kilobytes, so this is generous and still
/// small beside any machine. A longer line gets a `BadRequest`.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// Answers are handed on when this much has come together, or when no more input is waiting.
const FLUSH_BYTES: usize = 64 << 10;

/// Reads requests until the end of input.
///
/// # Errors
/// Only those of reading and writing.
pub fn run(rules: &'static Ruleset, input: impl Read, mut output: impl Write) -> io::Result<()> {
    let mut input = BufReader::with_capacity(FLUSH_BYTES, input);
    let mut line = Vec::with_capacity(4096);
    let mut out = String::with_capacity(FLUSH_BYTES + 4096);
    loop {
        if input.fill_buf()?.is_empty() {
            break;
        }
        line.clear();
        let whole = read_line(&mut input, &mut line)?;
        if whole {
            answer(rules, &line, &mut out);
        } else {
            answer::bad_request(&mut out, &format!("the line is longer than {LINE_BYTES_MAX} bytes"));
        }
        // a reader that waits for this answer before it sends the next request must get it
        if out.len() >= FLUSH_BYTES || input.buffer().is_empty() {
            output.write_all(out.as_bytes())?;
            output.flush()?;
            out.clear();
        }
    }
    output.write_all(out.as_bytes())?;
    output.flush()
}

/// Reads up to the end of the line, without it. False where the line was too long; it is then skipped.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    let mut whole = true;
    loop {
        let chunk = input.fill_buf()?;
        if chunk.is_empty() {
            return Ok(whole);
        }
        let end = chunk.iter().position(|b| *b == b'\n');
        let taken = end.unwrap_or(chunk.len());
        if line.len() + taken <= LINE_BYTES_MAX {
            line.extend_from_slice(&chunk[..taken]);
        } else {
            whole = false;
        }
        input.consume(taken + usize::from(end.is_some()));
        if end.is_some() {
            return Ok(whole);
        }
    }
}
