//! The core schema of YAML 1.2: what a plain scalar's text is, and what Java makes of it.

use crate::config::Value;
use crate::java::exception::NUMBER_FORMAT;
use crate::java::{self, Exception};

use super::construct::write_to;

/// `tag:yaml.org,2002:` and a name.
pub(super) const STR: &str = "tag:yaml.org,2002:str";
pub(super) const NULL: &str = "tag:yaml.org,2002:null";
pub(super) const BOOL: &str = "tag:yaml.org,2002:bool";
pub(super) const INT: &str = "tag:yaml.org,2002:int";
pub(super) const FLOAT: &str = "tag:yaml.org,2002:float";
pub(super) const BINARY: &str = "tag:yaml.org,2002:binary";
pub(super) const SEQ: &str = "tag:yaml.org,2002:seq";
pub(super) const MAP: &str = "tag:yaml.org,2002:map";
pub(super) const SET: &str = "tag:yaml.org,2002:set";
pub(super) const OPTIONAL: &str = "tag:yaml.org,2002:java.util.Optional";
pub(super) const UUID: &str = "tag:yaml.org,2002:java.util.UUID";
/// `${NAME}`; Flink does not replace it.
pub(super) const ENV: &str = "!ENV_VARIABLE";

/// The tag of a scalar without one.
pub(super) fn resolve(text: &str, plain: bool) -> &'static str {
    if !plain {
        return STR;
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" | " " => NULL,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => BOOL,
        _ if is_int(text) => INT,
        _ if is_float(text) => FLOAT,
        _ if is_env(text) => ENV,
        _ => STR,
    }
}

fn is_int(text: &str) -> bool {
    let all = |digits: &str, radix| !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    all(unsigned, 10)
        || text.strip_prefix("0o").is_some_and(|digits| all(digits, 8))
        || text.strip_prefix("0x").is_some_and(|digits| all(digits, 16))
}

fn is_float(text: &str) -> bool {
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let (number, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(n, e)| (n, Some(e)));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(w, f)| (w, Some(f)));
    let number_fits = digits(whole)
        && fraction.is_none_or(digits)
        && !(whole.is_empty() && fraction.is_none_or(str::is_empty));
    let exponent_fits = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    number_fits && exponent_fits
}

/// `${NAME}`, `${NAME-word}`, `${NAME:?word}`; white space inside the braces is allowed.
fn is_env(text: &str) -> bool {
    let space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r');
    let word = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let Some(inner) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else { return false };
    let inner = inner.trim_matches(space);
    let (name, rest) = inner.split_at(inner.find([':', '-', '?']).unwrap_or(inner.len()));
    let default = rest.strip_prefix(':').unwrap_or(rest);
    !name.is_empty() && word(name) && (rest.is_empty() || default.strip_prefix(['-', '?']).is_some_and(word))
}

/// A tag as messages show it: what is not safe in a URI is escaped.
pub(super) fn encode_tag(tag: &str) -> String {
    let mut out = String::with_capacity(tag.len());
    for byte in tag.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()@:$&,;=[]/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write_to(&mut out, format_args!("%{byte:02X}"));
        }
    }
    out
}

/// The digits of the largest `int` and `long` in a radix; longer texts are longer numbers to the engine, whatever they
/// say.
const fn lengths(radix: u32) -> (usize, usize) {
    match radix {
        8 => (11, 21),
        16 => (8, 16),
        _ => (10, 19),
    }
}

/// The integer of a text that is not empty; `None` for one too long to convert.
pub(super) fn int(text: &str) -> Result<Option<Value>, Exception> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if unsigned == "0" {
        return Ok(Some(Value::Integer(0)));
    }
    let (digits, radix) = if let Some(digits) = unsigned.strip_prefix("0x") {
        (digits, 16)
    } else if let Some(digits) = unsigned.strip_prefix("0o") {
        (digits, 8)
    } else {
        (unsigned, 10)
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(no_big_integer(&format!("{}{digits}", if negative { "-" } else { "" }), radix));
    }
    let (int, long) = lengths(radix);
    let small = i128::from_str_radix(digits, radix).ok().map(|n| if negative { -n } else { n });
    if let Some(n) = small {
        if digits.len() <= int
            && let Ok(n) = i32::try_from(n)
        {
            return Ok(Some(Value::Integer(n)));
        }
        if digits.len() <= long
            && let Ok(n) = i64::try_from(n)
        {
            return Ok(Some(Value::Long(n)));
        }
        return Ok(Some(Value::BigInteger(n.to_string().into())));
    }
    if radix != 10 && digits.len() > MAX_DIGITS {
        return Ok(None);
    }
    let magnitude = to_decimal(digits, radix);
    let sign = if negative && magnitude != "0" { "-" } else { "" };
    Ok(Some(Value::BigInteger(format!("{sign}{magnitude}").into())))
}

/// Longer numbers of radix 8 and 16 are refused: to write them in decimal takes time that grows with the square.
const MAX_DIGITS: usize = 1 << 14;
/// What fits nine decimal digits.
const BASE: u64 = 1_000_000_000;

/// Digits of any radix in decimal.
fn to_decimal(digits: &str, radix: u32) -> String {
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return "0".to_owned();
    }
    if radix == 10 {
        return digits.to_owned();
    }
    let mut limbs: Vec<u64> = vec![0];
    for digit in digits.chars().filter_map(|c| c.to_digit(radix)) {
        let mut carry = u64::from(digit);
        for limb in &mut limbs {
            let value = *limb * u64::from(radix) + carry;
            *limb = value % BASE;
            carry = value / BASE;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let mut out = String::new();
    for (i, limb) in limbs.iter().rev().enumerate() {
        let width = if i == 0 { 1 } else { 9 };
        write_to(&mut out, format_args!("{limb:0width$}"));
    }
    out
}

/// What `new BigInteger(text, radix)` says about a text that is no number.
fn no_big_integer(text: &str, radix: u32) -> Exception {
    let fail = |message: String| Exception::new(NUMBER_FORMAT, message);
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned.contains(['-', '+']) {
        return fail("Illegal embedded sign character".to_owned());
    }
    let digits = unsigned.trim_start_matches('0');
    if unsigned.is_empty() {
        return fail("Zero length BigInteger".to_owned());
    }
    // Java reads groups of digits and names the first that is none
    let group = match radix {
        8 => 10,
        16 => 7,
        _ => 9,
    };
    let units: Vec<u16> = digits.encode_utf16().collect();
    let first = if units.len().is_multiple_of(group) { group } else { units.len() % group };
    let (head, tail) = units.split_at(first.min(units.len()));
    let is_digit = |unit: &u16| char::from_u32(u32::from(*unit)).is_some_and(|c| c.is_digit(radix));
    let bad = std::iter::once(head).chain(tail.chunks(group)).find(|part| !part.iter().all(is_digit));
    let bad = String::from_utf16_lossy(bad.unwrap_or_default());
    let suffix = if radix == 10 { String::new() } else { format!(" under radix {radix}") };
    fail(format!("For input string: \"{bad}\"{suffix}"))
}

/// The double of a text.
pub(super) fn float(text: &str) -> Result<Value, Exception> {
    let text = text.to_lowercase();
    match text.as_str() {
        ".inf" => return Ok(Value::Double(f64::INFINITY)),
        "-.inf" => return Ok(Value::Double(f64::NEG_INFINITY)),
        ".nan" => return Ok(Value::Double(f64::NAN)),
        "" => {
            let class = "java.lang.StringIndexOutOfBoundsException";
            return Err(Exception::new(class, "String index out of range: 0"));
        }
        _ => {}
    }
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    if unsigned.is_empty() {
        return Err(Exception::new(NUMBER_FORMAT, "empty String"));
    }
    let value = java::parse_double(unsigned).map_err(|error| Exception::new(NUMBER_FORMAT, error.0))?;
    Ok(Value::Double(if negative { -value } else { value }))
}
