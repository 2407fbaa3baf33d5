//! What blocks are described to have, held against what is read of them.

use super::load;
use crate::estate::Sources;
use crate::object::words::{Block, Is};
use crate::object::{Class, KINDS, Shape};

/// A value that no key of this shape takes, in YAML.
fn wrong(shape: Shape) -> &'static str {
    match shape {
        Shape::Set | Shape::List | Shape::Cidrs | Shape::Arns => "{a: b}",
        Shape::Map => "[a]",
        _ => "[[a]]",
    }
}

/// What a block needs besides, to be read as a whole.
fn needed(word: &str) -> &'static [(&'static str, &'static str)] {
    match word {
        "statement" => &[("actions", "[s3:GetObject]"), ("resources", "['*']")],
        "role" => &[("mount", "aws")],
        "root" => &[("access_key", "'secret:env:A'"), ("secret_key", "'secret:env:B'")],
        "path" => &[("capabilities", "[read]")],
        _ => &[],
    }
}

/// Each key of a block, with the YAML that gives it a wrong value; `before` and `after` stand around the block.
fn each(block: &Block, before: &str, after: &str, into: &mut Vec<(String, String, usize)>) {
    let label = match (block.label, block.word) {
        (None, _) => None,
        (Some(_), "auth" | "login") => Some("approle"),
        (Some(_), _) => Some("x"),
    };
    let (open, close) = match label {
        Some(label) => (format!("{before}{}: {{{label}: {{", block.word), format!("}}}}{after}")),
        None => (format!("{before}{}: {{", block.word), format!("}}{after}")),
    };
    for key in block.keys {
        let value = match key.is {
            Is::Field(kind, name) | Is::Written(kind, name) => wrong(kind.field(name).expect("a field").shape),
            Is::Own { shape, .. } => wrong(shape),
            Is::Block(inner) => {
                each(inner, &open, &close, into);
                "7"
            }
            Is::Each(class) => {
                let kinds = KINDS.iter().filter(|kind| kind.class == class && kind.sort() == Some("approle"));
                kinds.for_each(|kind| each(kind.words, &open, &close, into));
                "7"
            }
        };
        let needed = needed(block.word).iter().filter(|(word, _)| *word != key.word);
        let needed: String = needed.map(|(word, value)| format!("{word}: {value}, ")).collect();
        let start = format!("{open}{needed}{}: ", key.word);
        into.push((format!("{} of {}", key.word, block.word), format!("{start}{value}{close}"), start.len() + 1));
    }
}

#[test]
fn every_key_that_is_described_is_read() {
    let mut all = Vec::new();
    each(&super::app::APP, "", "", &mut all);
    for kind in KINDS.iter().filter(|kind| !matches!(kind.class, Class::Login) && kind.words.word != "lease") {
        each(kind.words, "", "", &mut all);
    }
    assert!(all.len() > 60, "{}", all.len());
    let mut unread = Vec::new();
    for (key, text, column) in all {
        let estate = format!("environment: {{local: {{engine: embedded}}}}\n{text}\n");
        let sources = Sources::from_texts([("estate.yaml".to_owned(), estate)], []);
        let problems = load(&sources, None).err().unwrap_or_default();
        let told = problems.iter().any(|problem| {
            let at = problem.labels.first().map(|label| (label.line, label.column as usize));
            at == Some((2, column))
        });
        if !told {
            let problems: Vec<&str> = problems.iter().map(|problem| problem.what.as_str()).collect();
            unread.push(format!("{key}: {text}: {problems:?}"));
        }
    }
    assert!(unread.is_empty(), "a wrong value is not told of:\n{}", unread.join("\n"));
}
