//! Texts, as all rooms read and write them. Pure.

pub mod metadata;
pub mod metrics;
pub mod percent;
pub mod tag;

use std::borrow::Cow;

/// Names of which the nearest is looked for: comparing is quadratic in their length, and names come from strangers.
const NAMES_MAX: usize = 10_000;

/// Characters of a name that are compared.
const CHARACTERS_MAX: usize = 64;

/// Bytes of a known name; longer ones are not looked at.
const KNOWN_BYTES_MAX: usize = 128;

/// How near a name has to be, from 0 to 1 (Jaro-Winkler).
const NEAR_MIN: f64 = 0.8;

/// The same among the thousands of names of a catalogue.
const NEAR_MIN_OF_MANY: f64 = 0.85;

/// `1 role`, `3 roles`, `1,512 characters`.
pub fn count(number: usize, one: &str) -> String {
    count_of(number, one, &format!("{one}s"))
}

/// The same of words that are not told apart by an `s`: `1 object is`, `1,512 objects are`.
pub fn count_of(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// `1,512`.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// The known name that is most like what was found, if one is near. Letters of either case are alike.
pub fn nearest<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    nearest_above(NEAR_MIN, found, known)
}

/// The same, where names are so many that one is always somewhat near.
pub fn nearest_of_many<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    nearest_above(NEAR_MIN_OF_MANY, found, known)
}

fn nearest_above<'a>(min: f64, found: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let found: String = found.chars().take(CHARACTERS_MAX).collect::<String>().to_lowercase();
    known
        .take(NAMES_MAX)
        .filter(|name| name.len() <= KNOWN_BYTES_MAX)
        .map(|name| (strsim::jaro_winkler(&found, &name.to_lowercase()), name))
        .filter(|(score, _)| *score > min)
        // Of two that are as near, the last.
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// Whether a text is another one but for a slip of the hand: one letter is wrong, missing or too much, or two are swapped.
/// Much less than near: of names that are in use beside each other, many are that.
pub fn is_slip(found: &str, meant: &str) -> bool {
    found.len() <= KNOWN_BYTES_MAX
        && found.len().abs_diff(meant.len()) <= 4
        && strsim::damerau_levenshtein(found, meant) == 1
}

/// A text in double quotes, as JSON, HCL and YAML read it. Of other characters than quotes, backslashes, line ends and tabs
/// `escape` says what stands for them; `None` is the character itself.
pub fn quoted(text: &str, escape: impl Fn(char) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => match escape(c) {
                Some(escaped) => out.push_str(&escaped),
                None => out.push(c),
            },
        }
    }
    out.push('"');
    out
}

/// ``did you mean `...`?``
pub fn meant(near: &str) -> String {
    format!("did you mean `{near}`?")
}

/// ``did you mean `...`?``, if a known name is near.
pub fn did_you_mean<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    nearest(found, known).map(meant)
}

/// Whether a character acts where it is shown instead of being seen: controls, marks that turn the reading direction
/// around, and what hides or reorders text (Unicode TR 36, "bidirectional text spoofing"; UAX 9).
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// A text of several lines in which nothing acts but line feeds and tabs: such characters are shown as escapes.
pub fn printable(text: &str) -> Cow<'_, str> {
    shown(text, |c| acts(c) && !matches!(c, '\n' | '\t'))
}

/// A text in which nothing acts, and that stays on its line: for names, keys and places.
pub fn one_line(text: &str) -> Cow<'_, str> {
    shown(text, acts)
}

/// A text of several lines in one: what stands between its words is a blank.
pub fn in_a_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shown(text: &str, acts: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match acts(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Whether a text is like a pattern in which `*` is any text.
pub fn is_like(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(start) else { return false };
    let mut parts = rest.split('*');
    let end = parts.next_back().unwrap_or_default();
    for part in parts {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::{did_you_mean, is_like, nearest, one_line, printable};

    #[test]
    fn what_would_act_is_shown_and_not_obeyed() {
        for (text, line) in [
            ("a\u{1b}[31mb\u{7}", "a\\u{1b}[31mb\\u{7}"),
            ("\u{202e}evil\u{61c}", "\\u{202e}evil\\u{61c}"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
            ("two\nlines\tand", "two\\nlines\\tand"),
            ("ünïcödé", "ünïcödé"),
        ] {
            assert_eq!(one_line(text), line);
            assert_eq!(printable(text), line.replace("\\n", "\n").replace("\\t", "\t"));
        }
    }

    #[test]
    fn a_near_name_is_found_in_either_case_and_a_far_one_is_not() {
        let known = ["approle", "aws", "policy_document", "s3:GetObject"];
        for (found, near) in [
            ("polcy_document", Some("policy_document")),
            ("AppRole", Some("approle")),
            ("S3:getobjet", Some("s3:GetObject")),
            ("kubernetes", None),
            ("", None),
        ] {
            assert_eq!(nearest(found, known.into_iter()), near, "{found}");
        }
        assert_eq!(did_you_mean("awss", ["aws"].into_iter()).as_deref(), Some("did you mean `aws`?"));
    }

    #[test]
    fn names_of_strangers_cost_little() {
        let long = "a".repeat(1 << 20);
        assert_eq!(nearest(&long, [long.as_str(), "a"].into_iter()), None);
    }

    #[test]
    fn a_star_is_any_text() {
        for (pattern, text, expected) in [
            ("refs/heads/main", "refs/heads/main", true),
            ("refs/heads/main", "refs/heads/main2", false),
            ("refs/*/main", "refs/heads/main", true),
            ("refs/*/main", "refs/heads/main2", false),
            ("*", "", true),
            ("a*", "a", true),
            ("a*a", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*a*", "bab", true),
            ("**", "x", true),
            ("a?", "ab", false),
        ] {
            assert_eq!(is_like(pattern, text), expected, "{pattern} {text}");
        }
    }
}
