//! Rust text without its comments and literals, so that a rule about code does not stumble over a word in a sentence.

/// Where the reader stands.
#[derive(Clone, Copy)]
enum State {
    Code,
    Line,
    /// Depth: block comments nest.
    Block(u32),
    Text,
    /// The number of `#` that end it.
    Raw(usize),
}

/// The text with the content of comments, strings and characters replaced by blanks; ends of lines stay.
pub(super) fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut state = State::Code;
    let mut at = 0;
    let starts = |at: usize, what: &str| what.chars().enumerate().all(|(i, c)| chars.get(at + i) == Some(&c));
    while let Some(&c) = chars.get(at) {
        let (next, length) = match state {
            State::Code if starts(at, "//") => (State::Line, 2),
            State::Code if starts(at, "/*") => (State::Block(1), 2),
            State::Code if c == '"' => (State::Text, 1),
            State::Code if c == 'r' && !word_before(&chars, at) => {
                let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
                match chars.get(at + 1 + hashes) {
                    Some('"') => (State::Raw(hashes), hashes + 2),
                    _ => (State::Code, 1),
                }
            }
            State::Code if c == '\'' => (State::Code, character(&chars, at)),
            State::Line if c == '\n' => (State::Code, 1),
            State::Block(depth) if starts(at, "/*") => (State::Block(depth + 1), 2),
            State::Block(1) if starts(at, "*/") => (State::Code, 2),
            State::Block(depth) if starts(at, "*/") => (State::Block(depth - 1), 2),
            State::Text if c == '\\' => (State::Text, 2),
            State::Text if c == '"' => (State::Code, 1),
            State::Raw(hashes) if c == '"' && starts(at + 1, &"#".repeat(hashes)) => {
                (State::Code, hashes + 1)
            }
            same => (same, 1),
        };
        let is_code = matches!(state, State::Code) && matches!(next, State::Code) && length == 1;
        for i in at..at + length {
            match chars.get(i) {
                Some('\n') => out.push('\n'),
                Some(c) if is_code => out.push(*c),
                Some(_) => out.push(' '),
                None => {}
            }
        }
        state = next;
        at += length;
    }
    out
}

/// Whether the character before is part of a word: then an `r` begins no raw string, except in `br"…"`.
fn word_before(chars: &[char], at: usize) -> bool {
    let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
    match at.checked_sub(1).and_then(|i| chars.get(i)) {
        Some('b') => at.checked_sub(2).and_then(|i| chars.get(i)).is_some_and(is_word),
        before => before.is_some_and(is_word),
    }
}

/// The length of a character literal, or 1 for the quote of a lifetime.
fn character(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => {
            // past the escaped character, which may itself be a quote
            let end = chars[at..].iter().skip(3).position(|c| *c == '\'');
            end.map_or(1, |end| end + 4)
        }
        (Some(_), Some('\'')) => 3,
        _ => 1,
    }
}

#[test]
fn comments_and_literals_vanish() {
    for (text, gone, left) in [
        ("let a = 1; // bad", "bad", "let a = 1;"),
        ("/* bad /* bad */ bad */ good", "bad", "good"),
        (r#"f("bad \" bad", good)"#, "bad", ", good)"),
        (r##"f(r#"bad " bad"#, good)"##, "bad", ", good)"),
        (r#"f(br"bad\", good)"#, "bad", ", good)"),
        ("fn f<'good>(c: char) { c == '\"' || good('\\'', \"bad\") }", "bad", "<'good>"),
        ("'\\u{22}' good", "22", "good"),
        ("for r in good {}", "bad", "for r in good {}"),
    ] {
        let code = code_only(text);
        assert!(!code.contains(gone) && code.contains(left), "{text:?} became {code:?}");
        assert_eq!(code.chars().count(), text.chars().count());
    }
    assert_eq!(code_only("a // b\nc").lines().count(), 2);
}
