//! `tests/data/wire.md` has every case that the tests of the wire are named by, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What is not served yet is told after such a dash.
const LATER: &str = " — ";

/// What a case may need besides HTTP, so that it is asked of our engine alone.
const NEEDS: &[&str] = &[
    "AWS",
    "TLS",
    "a cluster",
    "a restart",
    "a signed token",
    "bytes",
    "no such method",
    "not served",
    "the command line",
    "the server's state",
    "the trail",
    "what is stored",
];

/// A case of the table.
struct Case {
    /// Whether it is not served yet.
    is_later: bool,
    /// What is said of it elsewhere.
    elsewhere: String,
}

/// Each case.
fn rows(table: &str) -> BTreeMap<String, Case> {
    let mut rows = BTreeMap::new();
    for line in table.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", code, request, answer, elsewhere, ""] = cells[..]
            && is_code(code)
        {
            assert!(!request.is_empty() && !answer.is_empty(), "{line}");
            let case = Case { is_later: answer.contains(LATER), elsewhere: elsewhere.to_owned() };
            assert!(rows.insert(code.to_owned(), case).is_none(), "{code} is there twice");
        }
    }
    rows
}

/// `R22b`, of the letters that the table has.
fn is_code(word: &str) -> bool {
    let Some(number) = word.strip_prefix(['R', 'C', 'I', 'V', 'W', 'L', 'A', 'M', 'N', 'T', 'D', 'S', 'E']) else {
        return false;
    };
    let number = number.strip_suffix('b').unwrap_or(number);
    (1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit())
}

/// The cases that a line of a test names: in a comment, as a text of its own, or in the name of a function.
fn named(line: &str) -> Vec<String> {
    let line = line.trim();
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| is_code(word)).map(str::to_owned).collect()
    };
    if line.starts_with("//!") {
        return vec![];
    }
    let mut found = line.split_once("//").map(|(_, comment)| words(comment)).unwrap_or_default();
    found.extend(line.split('"').skip(1).step_by(2).filter(|text| is_code(text)).map(str::to_owned));
    if let Some(name) = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next()) {
        found.extend(name.split('_').map(str::to_uppercase).filter(|word| is_code(word)));
    }
    found
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_case_of_the_table_is_tested_and_every_tested_case_is_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rows = rows(&read(root.join("tests/data/wire.md")));
    assert!(rows.len() > 150, "{}", rows.len());
    let tests = std::fs::read_dir(root.join("tests/it")).unwrap().map(|entry| entry.unwrap().path());
    let of_the_wire = tests.filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (name.starts_with("wire_") || ["cli_output.rs", "seal.rs"].contains(&&*name)) && name != "wire_table.rs"
    });
    let texts = of_the_wire.chain([root.join("src/acl/matching/tests.rs")]).map(read).collect::<Vec<_>>();
    // A row that is asked as a request is a test too.
    let asked = crate::wire_rows::codes().into_keys();
    let told: BTreeSet<String> = texts.iter().flat_map(|text| text.lines()).flat_map(named).chain(asked).collect();
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(code, case)| match (told.contains(code), case.is_later) {
            (false, false) => Some(format!("{code}: no test names it")),
            (true, true) => Some(format!("{code}: a test names it, and the table says that it is not served")),
            _ => None,
        })
        .chain(told.iter().filter(|code| !rows.contains_key(*code)).map(|code| format!("{code}: not in the table")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the table says of another server is what is asked of one.
#[test]
fn the_table_says_which_cases_are_asked_of_another_server_and_what_it_answers() {
    let asked = crate::wire_rows::codes();
    let rows = rows(&read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/wire.md")));
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(code, case)| {
            let is_right = match (asked.get(code), case.elsewhere.split_once(": ")) {
                (Some(false), None) => case.elsewhere == "the same",
                (Some(true), Some((who, _))) => who == "OpenBao",
                (None, Some((asked, needs))) => {
                    asked == "not asked" && NEEDS.contains(&needs) && case.is_later == (needs == "not served")
                }
                _ => false,
            };
            (!is_right).then(|| format!("{code}: {}", case.elsewhere))
        })
        .chain(asked.keys().filter(|code| !rows.contains_key(*code)).map(|code| format!("{code}: not in the table")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
