//! JSON in its canonical form: two blanks for each level, and a list of single values in one line where that is short.
//! Words are moved, never read and written anew, so numbers, escapes and repeated keys stay as they are.

use serde_json::Value;

use super::syntax::not_the_same;
use crate::estate::Problem;

/// The longest list that stays in one line.
const LINE: usize = 100;

/// Whether a text, that may be in HCL or JSON, is in JSON.
pub(crate) fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// A file in its canonical form.
///
/// # Errors
/// It is no JSON.
pub(crate) fn json_formatted(name: &str, text: &str) -> Result<String, Vec<Problem>> {
    // As a value: that one has a bound on how deep it is, and what follows goes as deep.
    if let Err(error) = serde_json::from_str::<Value>(text) {
        return Err(vec![Problem::with_file(name, format!("this is not JSON: {error}"))]);
    }
    let before = words(text);
    let mut shown = String::new();
    value(&before, 0, &mut shown);
    shown.push('\n');
    if words(&shown) == before { Ok(shown) } else { Err(vec![not_the_same(name)]) }
}

/// The words of a text that is JSON: signs, texts in their quotes, and other values.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '{' | '}' | '[' | ']' | ',' | ':' => 1,
            '"' => quoted(rest),
            _ => rest.find(|c: char| "{}[],:\"".contains(c) || c.is_ascii_whitespace()).unwrap_or(rest.len()),
        };
        let (word, after) = rest.split_at(end);
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// How long the text in quotes is that begins here.
fn quoted(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(text.len(), |end| end + 2)
}

/// Writes the value that begins with the first word, and answers the words after it.
fn value<'w, 't>(words: &'w [&'t str], depth: usize, out: &mut String) -> &'w [&'t str] {
    let Some((first, mut rest)) = words.split_first() else { return words };
    out.push_str(first);
    let close = match *first {
        "{" => "}",
        "[" => "]",
        _ => return rest,
    };
    if rest.first() == Some(&close) {
        out.push_str(close);
        return &rest[1..];
    }
    if let Some((line, after)) = in_a_line(rest, close) {
        out.push_str(&line);
        return after;
    }
    loop {
        begin(out, depth + 1);
        if close == "}" {
            // A key and its colon.
            out.push_str(rest.first().copied().unwrap_or_default());
            out.push_str(": ");
            rest = rest.get(2..).unwrap_or_default();
        }
        rest = value(rest, depth + 1, out);
        match rest.split_first() {
            Some((&",", after)) => {
                out.push(',');
                rest = after;
            }
            Some((_, after)) => {
                begin(out, depth);
                out.push_str(close);
                return after;
            }
            None => return rest,
        }
    }
}

fn begin(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// A list of single values in one line, with its end, and the words after it.
fn in_a_line<'w, 't>(words: &'w [&'t str], close: &str) -> Option<(String, &'w [&'t str])> {
    let end = words.iter().position(|word| matches!(*word, "{" | "[" | "}" | "]"))?;
    if words[end] != close || close != "]" {
        return None;
    }
    let line = words[..end].iter().map(|word| if *word == "," { ", " } else { word }).collect::<String>() + close;
    (line.chars().count() <= LINE).then_some((line, &words[end + 1..]))
}
