//! What a username template can call. The last argument is the one that a pipe fills.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;

use super::error::CallError as Error;
use super::facts::{Facts, OUTPUT_MAX, Value};

/// Every function.
pub(super) const NAMES: [&str; 22] = [
    "random",
    "truncate",
    "truncate_sha256",
    "uppercase",
    "lowercase",
    "replace",
    "sha256",
    "base64",
    "decode_base64",
    "hex",
    "decode_hex",
    "unix_time",
    "unix_time_millis",
    "timestamp",
    "uuid",
    "printf",
    "eq",
    "ne",
    "not",
    "and",
    "or",
    "len",
];

/// Calls a function.
pub(super) fn call(name: &str, arguments: &[Value], facts: &Facts<'_>) -> Result<Value, Error> {
    let text = |text: String| Ok(Value::Text(text));
    match (name, arguments) {
        ("random", [length]) => {
            let length = size(length)?;
            text((facts.chance.base62)(length).ok_or(Error::NoChance)?)
        }
        ("truncate", [length, input]) => text(input.text().chars().take(size(length)?).collect()),
        ("truncate_sha256", [length, input]) => truncate_sha256(size(length)?, &input.text()).and_then(text),
        ("uppercase", [input]) => text(input.text().to_uppercase()),
        ("lowercase", [input]) => text(input.text().to_lowercase()),
        ("replace", [from, to, input]) => text(input.text().replace(&from.text(), &to.text())),
        ("sha256", [input]) => text(sha256(&input.text())),
        ("base64", [input]) => text(STANDARD.encode(input.text())),
        ("decode_base64", [input]) => decoded(STANDARD.decode(input.text()).ok(), "base64").and_then(text),
        ("hex", [input]) => text(hex::encode(input.text())),
        ("decode_hex", [input]) => decoded(hex::decode(input.text()).ok(), "hex").and_then(text),
        // A text, as printf's %s expects.
        ("unix_time", []) => text(facts.now.unix_timestamp().to_string()),
        ("unix_time_millis", []) => text((facts.now.unix_timestamp_nanos() / 1_000_000).to_string()),
        ("timestamp", [layout]) => text(timestamp(&layout.text(), facts.now)),
        ("uuid", []) => text((facts.chance.uuid)().ok_or(Error::NoChance)?),
        ("printf", [format, rest @ ..]) => text(printf(&format.text(), rest)?),
        ("eq", [first, rest @ ..]) if !rest.is_empty() => Ok(Value::Flag(rest.contains(first))),
        ("ne", [first, second]) => Ok(Value::Flag(first != second)),
        ("not", [input]) => Ok(Value::Flag(!input.is_true())),
        ("and", [.., last]) => Ok(arguments.iter().find(|value| !value.is_true()).unwrap_or(last).clone()),
        ("or", [.., last]) => Ok(arguments.iter().find(|value| value.is_true()).unwrap_or(last).clone()),
        ("len", [input]) => Ok(Value::Number(i64::try_from(input.text().len()).unwrap_or(i64::MAX))),
        _ => Err(Error::Arguments(arguments.len())),
    }
}

fn size(value: &Value) -> Result<usize, Error> {
    let Value::Number(number) = value else {
        return Err(Error::NoNumber(value.text()));
    };
    match usize::try_from(*number) {
        Ok(size) if (1..=OUTPUT_MAX).contains(&size) => Ok(size),
        _ => Err(Error::Length { found: *number, max: OUTPUT_MAX }),
    }
}

fn sha256(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// Keeps what fits; else the head and eight digits of the hash of what was cut off.
fn truncate_sha256(length: usize, text: &str) -> Result<String, Error> {
    const DIGITS: usize = 8;
    if length <= DIGITS {
        return Err(Error::ShortHash);
    }
    if text.chars().count() <= length {
        return Ok(text.to_owned());
    }
    let split = text.char_indices().nth(length - DIGITS).map_or(text.len(), |(at, _)| at);
    let (head, tail) = text.split_at(split);
    Ok(format!("{head}{}", &sha256(tail)[..DIGITS]))
}

fn decoded(bytes: Option<Vec<u8>>, form: &'static str) -> Result<String, Error> {
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(Error::Coded(form))
}

/// Go's Sprintf for texts, numbers and flags: `%s %v %d %q %x %X %t %%` with `-`, `0` and a width.
fn printf(format: &str, arguments: &[Value]) -> Result<String, Error> {
    const WIDTH_MAX: usize = 256;
    let mut text = String::new();
    let mut arguments = arguments.iter();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let mut left = false;
        let mut zero = false;
        while let Some(&flag @ ('-' | '0')) = chars.peek() {
            left |= flag == '-';
            zero |= flag == '0';
            chars.next();
        }
        let mut width = 0;
        while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
            width = (width * 10 + digit as usize).min(WIDTH_MAX);
            chars.next();
        }
        let verb = chars.next().ok_or(Error::FormatEnds)?;
        if verb == '%' {
            text.push('%');
            continue;
        }
        let argument = arguments.next().ok_or(Error::FormatLacks(verb))?;
        let shown = match (verb, argument) {
            ('s' | 'v', value) => value.text(),
            ('d', Value::Number(number)) => number.to_string(),
            ('t', Value::Flag(flag)) => flag.to_string(),
            ('q', value) => go_quote(&value.text()),
            ('x', Value::Number(number)) => format!("{number:x}"),
            ('X', Value::Number(number)) => format!("{number:X}"),
            ('x', value) => hex::encode(value.text()),
            ('X', value) => hex::encode_upper(value.text()),
            _ => return Err(Error::FormatMisfits { verb, value: argument.text() }),
        };
        let padding = width.saturating_sub(shown.chars().count());
        match (left, zero && matches!(argument, Value::Number(_))) {
            (true, _) => text.extend([shown, " ".repeat(padding)]),
            (false, true) => text.extend(["0".repeat(padding), shown]),
            (false, false) => text.extend([" ".repeat(padding), shown]),
        }
    }
    Ok(text)
}

/// Go's time layout, in UTC: the parts of `Mon Jan 2 15:04:05 MST 2006`.
fn timestamp(layout: &str, now: OffsetDateTime) -> String {
    let month = now.month().to_string();
    let day = now.weekday().to_string();
    let hour12 = (now.hour() + 11) % 12 + 1;
    // Longer spellings first, where one begins with another.
    let parts: [(&str, String); 28] = [
        ("January", month.clone()),
        ("Jan", month.chars().take(3).collect()),
        ("Monday", day.clone()),
        ("Mon", day.chars().take(3).collect()),
        ("MST", "UTC".to_owned()),
        ("2006", format!("{:04}", now.year())),
        ("Z07:00", "Z".to_owned()),
        ("Z0700", "Z".to_owned()),
        ("-07:00", "+00:00".to_owned()),
        ("-0700", "+0000".to_owned()),
        ("01", format!("{:02}", u8::from(now.month()))),
        ("02", format!("{:02}", now.day())),
        ("03", format!("{hour12:02}")),
        ("04", format!("{:02}", now.minute())),
        ("05", format!("{:02}", now.second())),
        ("06", format!("{:02}", now.year().rem_euclid(100))),
        ("15", format!("{:02}", now.hour())),
        ("_2", format!("{:2}", now.day())),
        ("PM", if now.hour() < 12 { "AM" } else { "PM" }.to_owned()),
        ("pm", if now.hour() < 12 { "am" } else { "pm" }.to_owned()),
        (".000000000", format!(".{:09}", now.nanosecond())),
        (".000000", format!(".{:06}", now.microsecond())),
        (".000", format!(".{:03}", now.millisecond())),
        ("1", u8::from(now.month()).to_string()),
        ("2", now.day().to_string()),
        ("3", hour12.to_string()),
        ("4", now.minute().to_string()),
        ("5", now.second().to_string()),
    ];
    let mut text = String::new();
    let mut rest = layout;
    while let Some(c) = rest.chars().next() {
        match parts.iter().find(|(spelling, _)| rest.starts_with(spelling)) {
            Some((spelling, value)) => {
                text.push_str(value);
                rest = &rest[spelling.len()..];
            }
            None => {
                text.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    text
}

/// A text in double quotes with Go's escapes, as `%q` prints it.
pub(super) fn go_quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0c' => quoted.push_str("\\f"),
            '\x0b' => quoted.push_str("\\v"),
            c if (c as u32) < 0x20 || c == '\x7f' => quoted.push_str(&format!("\\x{:02x}", c as u32)),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
