//! JSON text as Jackson writes it.

use std::fmt::{self, Write};

use plimsoll_memory::java::push_u64;

/// Appends a JSON string: quotes, backslashes and control characters escaped, everything else as it is.
pub(super) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    push_escaped(out, text);
    out.push('"');
}

fn push_escaped(out: &mut String, text: &str) {
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    // without a short cut, so that the loop is one of vectors: nearly every text is clean
    if !text.bytes().fold(false, |found, byte| found | special(byte)) {
        return out.push_str(text);
    }
    let mut clean = 0;
    for (i, byte) in text.bytes().enumerate() {
        if !special(byte) {
            continue;
        }
        out.push_str(&text[clean..i]);
        clean = i + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            _ => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                out.push_str("\\u00");
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    out.push_str(&text[clean..]);
}

/// Lets `write!` go into a JSON string.
pub(super) struct Escaped<'a>(pub(super) &'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        push_escaped(self.0, text);
        Ok(())
    }
}

/// The comma-separated members of one object.
pub(super) struct Object<'a> {
    pub(super) out: &'a mut String,
    first: bool,
}

impl<'a> Object<'a> {
    /// Opens an object.
    pub(super) fn open(out: &'a mut String) -> Self {
        out.push('{');
        Self { out, first: true }
    }

    /// Goes on in an object that already has members.
    pub(super) fn continued(out: &'a mut String) -> Self {
        Self { out, first: false }
    }

    /// The name of the next member, of our own choice and so without anything to escape; its value is to be appended
    /// to what is returned.
    pub(super) fn name(&mut self, name: &str) -> &mut String {
        self.separate();
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
        self.out
    }

    /// As [`Object::name`], for a name out of a configuration.
    pub(super) fn foreign_name(&mut self, name: &str) -> &mut String {
        self.separate();
        push_string(self.out, name);
        self.out.push(':');
        self.out
    }

    fn separate(&mut self) {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
    }

    pub(super) fn string(&mut self, name: &str, value: &str) {
        push_string(self.name(name), value);
    }

    pub(super) fn number(&mut self, name: &str, value: u64) {
        push_u64(self.name(name), value);
    }

    pub(super) fn boolean(&mut self, name: &str, value: bool) {
        self.name(name).push_str(if value { "true" } else { "false" });
    }

    pub(super) fn object(&mut self, name: &str) -> Object<'_> {
        Object::open(self.name(name))
    }

    pub(super) fn close(self) {
        self.out.push('}');
    }
}
