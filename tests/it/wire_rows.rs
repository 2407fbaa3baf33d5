//! The rows of `tests/data/wire.md` that need nothing but HTTP, as `tests/data/wire_rows.txt` has them: on our engine, and on
//! another where `LEASEHOLD_TEST_ADDR` and `LEASEHOLD_TEST_TOKEN` name one (its catalogue must have the plugin `aws`). What the
//! rows say besides, by our clock, store, trail and AWS, the other tests of the wire hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::http::outcome;
use crate::servers::{ByHand, Sort, TestServer};

/// A request, and what is expected of its answer; where another server has other answers, those.
struct Step {
    /// The line that it is, for whoever reads a failure.
    line: String,
    /// Whether all of its letter begin with it.
    begins: bool,
}

/// A row's requests, in their order.
struct Row {
    code: String,
    steps: Vec<Step>,
}

/// What a row's answers are called, to be shown again.
type Known = BTreeMap<String, String>;

/// What of an answer is expected.
#[derive(Debug, Default)]
struct Expected {
    status: u16,
    /// What the body has.
    has: Option<Value>,
    /// What its errors or warnings have.
    says: Option<String>,
    /// Which values are kept, and as what.
    kept: Vec<(String, String)>,
}

/// The rows, each after what all of its letter begin with.
fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/wire_rows.txt")).unwrap();
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("//")) {
        match lines.last_mut() {
            Some(last) if line.starts_with(' ') => *last = format!("{last} {}", line.trim()),
            _ => lines.push(line.to_owned()),
        }
    }
    let mut begins: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    let mut letter = None;
    for line in lines {
        if let Some(code) = line.strip_prefix("## ") {
            letter = None;
            rows.push((code.to_owned(), Vec::new()));
        } else if let Some(of) = line.strip_prefix("# ") {
            letter = Some(of.to_owned());
        } else if let Some(of) = &letter {
            begins.entry(of.clone()).or_default().push(line);
        } else {
            rows.last_mut().expect("a row comes before its requests").1.push(line);
        }
    }
    let steps = |(code, lines): (String, Vec<String>)| {
        let before = begins.get(&code[..1]).cloned().unwrap_or_default();
        let before = before.into_iter().map(|line| Step { line, begins: true });
        Row { steps: before.chain(lines.into_iter().map(|line| Step { line, begins: false })).collect(), code }
    };
    rows.into_iter().map(steps).collect()
}

/// The codes of the rows, and whether another server has another answer.
pub(crate) fn codes() -> BTreeMap<String, bool> {
    let differs = |row: &Row| row.steps.iter().any(|step| !step.begins && expectations(&step.line).1.is_some());
    rows().iter().map(|row| (row.code.clone(), differs(row))).collect()
}

/// The request of a line, and what is expected of it: here, and where that differs, elsewhere.
fn expectations(line: &str) -> (&str, Option<&str>, &str) {
    let (request, rest) = line.split_once(" -> ").unwrap_or_else(|| panic!("nothing is expected of {line}"));
    match rest.split_once(" || ") {
        Some((here, elsewhere)) => (request, Some(elsewhere), here),
        None => (request, None, rest),
    }
}

/// A JSON value at the start of a text, if there is one, and what follows it.
fn value(text: &str) -> (Option<Value>, &str) {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    match values.next() {
        Some(Ok(value)) => {
            let end = values.byte_offset();
            (Some(value), text[end..].trim_start())
        }
        _ => (None, text),
    }
}

impl Expected {
    fn read(text: &str) -> Self {
        let (status, mut rest) = text.split_once(' ').unwrap_or((text, ""));
        let status = status.parse().unwrap_or_else(|_| panic!("{text}: no status"));
        let mut expected = Self { status, ..Self::default() };
        while !rest.is_empty() {
            if let Some(kept) = rest.strip_prefix("> ") {
                let mut words = kept.splitn(3, ' ');
                let pair = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                expected.kept.push((pair.0.to_owned(), pair.1.to_owned()));
                rest = words.next().unwrap_or_default();
                continue;
            }
            let (Some(found), more) = value(rest) else { panic!("{text}: not understood from {rest:?} on") };
            match found {
                Value::String(says) => expected.says = Some(says),
                has => expected.has = Some(has),
            }
            rest = more;
        }
        expected
    }
}

/// Whether a value has what is expected of it: of an object these names, `"*"` is anything, null is nothing.
fn has(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (found, Value::String(any)) if any == "*" => !found.is_null() && found.as_str() != Some(""),
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(found, expected)| has(found, expected))
        }
        (Value::Object(found), Value::Object(expected)) => {
            expected.iter().all(|(name, value)| has(found.get(name).unwrap_or(&Value::Null), value))
        }
        _ => found == expected,
    }
}

fn at<'v>(value: &'v Value, path: &str) -> &'v Value {
    let step = |value: &'v Value, name: &str| match name.parse::<usize>() {
        Ok(index) if value.is_array() => &value[index],
        _ => &value[name],
    };
    path.split('.').fold(value, step)
}

/// Carries a line out. Answers what was not as it should be.
fn carry_out(server: &ByHand, step: &Step, known: &mut Known, is_elsewhere: bool) -> Result<(), String> {
    let mut line = step.line.clone();
    // The longest names first: one may begin with another.
    let mut names: Vec<(&String, &String)> = known.iter().collect();
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    for (name, value) in names {
        line = line.replace(&format!("${name}"), value);
    }
    let (request, elsewhere, here) = expectations(&line);
    let expected = Expected::read(elsewhere.filter(|_| is_elsewhere).unwrap_or(here));
    let (method, rest) = request.split_once(' ').expect("a method and a path");
    let (path, mut rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let (mut token, mut wrap) = (None, None);
    while let Some((word, more)) = Some(rest.split_once(' ').unwrap_or((rest, ""))).filter(|(word, _)| !word.is_empty())
    {
        if let Some(name) = word.strip_prefix('@') {
            token = Some(if name.is_empty() { String::new() } else { known[name].clone() });
        } else if let Some(ttl) = word.strip_prefix("wrap=") {
            wrap = Some(ttl.to_owned());
        } else {
            break;
        }
        rest = more;
    }
    let (body, left) = value(rest);
    assert!(left.is_empty(), "{line}: not understood from {left:?} on");
    let headers: Vec<(&str, &str)> = wrap.iter().map(|ttl| ("X-Vault-Wrap-TTL", ttl.as_str())).collect();
    let answer = server.send_as(token.as_deref(), method, path, body.as_ref(), &headers);
    let told = format!("{line}\n    {} {}", answer.status, answer.body);
    let says = |text: &String| outcome(&answer).contains(text) || answer.body["warnings"].to_string().contains(text);
    if answer.status != expected.status
        || !expected.says.as_ref().is_none_or(says)
        || !expected.has.as_ref().is_none_or(|expected| has(&answer.body, expected))
    {
        return Err(told);
    }
    for (name, path) in expected.kept {
        let value = at(&answer.body, &path).as_str().ok_or_else(|| format!("no text at {path}: {told}"))?;
        known.insert(name, value.to_owned());
    }
    Ok(())
}

/// Runs each row on a server of its own; answers what is not as the row says.
fn wrong(sort: Sort) -> Vec<String> {
    let mut wrong = Vec::new();
    for row in rows() {
        let server = TestServer::start(sort);
        let (hand, mut known) = (server.by_hand(), Known::new());
        let failed = row.steps.iter().find_map(|step| carry_out(&hand, step, &mut known, sort == Sort::OpenBao).err());
        wrong.extend(failed.map(|failed| format!("{}: {failed}", row.code)));
    }
    wrong
}

#[test]
fn our_engine_answers_each_row_so() {
    let wrong = wrong(Sort::Ours);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn another_engine_answers_each_row_so_where_one_is_named() {
    // What stands for OpenBao in the other tests is our engine, which is no witness here.
    if std::env::var("LEASEHOLD_TEST_ADDR").is_ok() {
        let wrong = wrong(Sort::OpenBao);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn no_row_is_there_twice() {
    let all = rows();
    assert_eq!(all.iter().map(|row| &row.code).collect::<BTreeSet<_>>().len(), all.len());
}
