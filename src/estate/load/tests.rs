//! What blocks are described to have, held against what is read of them.

use super::load;
use crate::estate::blocks::{APP, ENVIRONMENT, IAM_ROLE, IAM_USER, MANAGED_POLICY, TEST};
use crate::estate::source::Sources;
use crate::object::home::METHODS;
use crate::object::words::{Block, Is};
use crate::object::{Class, KINDS, Shape};

/// A value that no key of this shape takes, in YAML.
fn wrong(shape: Shape) -> &'static str {
    match shape {
        Shape::Set
        | Shape::Texts
        | Shape::List
        | Shape::Cidrs
        | Shape::PolicyArns
        | Shape::RoleArns
        | Shape::Names(_) => "{a: b}",
        Shape::Map | Shape::ByMethod | Shape::Claims | Shape::Fields => "[a]",
        _ => "[[a]]",
    }
}

/// What a block needs besides, to be read as a whole.
fn needed(word: &str) -> &'static [(&'static str, &'static str)] {
    match word {
        "statement" => &[("actions", "[s3:GetObject]"), ("resources", "['*']")],
        "role" | "static_role" => &[("mount", "aws")],
        "root" => &[("access_key", "'secret:env:A'"), ("secret_key", "'secret:env:B'")],
        "path" | "acl" => &[("capabilities", "[read]")],
        "environment" => &[("engine", "embedded")],
        "password_policy" => &[("policy", "'length = 20 rule'")],
        "quota" => &[("rate", "1")],
        "kv" => &[("version", "2")],
        "object" => &[("data", "{a: 1}")],
        _ => &[],
    }
}

/// Each key of a block, with the YAML that gives it a wrong value; `before` and `after` stand around the block.
fn each(
    block: &Block,
    (word, label): (&str, &str),
    before: &str,
    after: &str,
    into: &mut Vec<(String, String, usize)>,
) {
    let (open, close) = match block.label {
        Some(_) => (format!("{before}{word}: {{{label}: {{"), format!("}}}}{after}")),
        None => (format!("{before}{word}: {{"), format!("}}{after}")),
    };
    for key in block.keys() {
        let value = match key.is {
            Is::Field(kind, name) | Is::Written(kind, name) => wrong(kind.field(name).expect("a field").shape),
            Is::Own { shape, .. } => wrong(shape),
            Is::AllOf(part) => panic!("{} is a part of a part", part.word),
            Is::Block(inner) => {
                each(inner, (key.word, "x"), &open, &close, into);
                "7"
            }
            Is::Each(class) => {
                let kinds = KINDS.iter().filter(|kind| kind.class == class && kind.words.word == key.word);
                kinds.for_each(|kind| {
                    each(kind.words, (key.word, kind.mount_type().expect("a type")), &open, &close, into);
                });
                "7"
            }
        };
        let needed =
            needed(block.word).iter().filter(|(word, _)| *word != key.word && !key.word.starts_with("address"));
        let needed: String = match key.word {
            // An embedded engine has none.
            "namespace" => "address: \"http://127.0.0.1:8200\", ".to_owned(),
            _ => needed.map(|(word, value)| format!("{word}: {value}, ")).collect(),
        };
        let start = format!("{open}{needed}{}: ", key.word);
        into.push((format!("{} of {}", key.word, block.word), format!("{start}{value}{close}"), start.len() + 1));
    }
}

#[test]
fn every_key_that_is_described_is_read() {
    let mut all = Vec::new();
    for block in [&APP, &MANAGED_POLICY, &IAM_ROLE, &IAM_USER, &TEST, &ENVIRONMENT] {
        each(block, (block.word, "x"), "", "", &mut all);
    }
    for kind in KINDS {
        match (kind.class, kind.table(), kind.mount_type()) {
            // In an app.
            (Class::Login, ..) => {}
            (Class::Config, Some(table), Some(sort)) if table == &METHODS => {
                each(kind.words, (kind.words.word, "x"), &format!("auth: {{{sort}: {{"), "}}", &mut all);
            }
            // In the declaration of its engine.
            (Class::Config, ..) if kind.words.label.is_none() => {}
            (Class::Mount, Some(table), _) if table == &METHODS => {
                each(kind.words, (kind.words.word, "approle"), "", "", &mut all);
            }
            _ => each(kind.words, (kind.words.word, "x"), "", "", &mut all),
        }
    }
    assert!(all.len() > 60, "{}", all.len());
    let mut unread = Vec::new();
    for (key, text, column) in all {
        let texts = [("a.yaml", "environment: {local: {engine: embedded}}"), ("b.yaml", &text)];
        let sources = Sources::from_texts(texts.map(|(name, text)| (name.to_owned(), format!("{text}\n"))), []);
        let problems = load(&sources, None).err().unwrap_or_default();
        let told = problems.iter().any(|problem| {
            let at = problem.labels.first().map(|label| (&*label.file, label.line, label.column as usize));
            at == Some(("b.yaml", 1, column))
        });
        if !told {
            let problems: Vec<&str> = problems.iter().map(|problem| problem.what.as_str()).collect();
            unread.push(format!("{key}: {text}: {problems:?}"));
        }
    }
    assert!(unread.is_empty(), "a wrong value is not told of:\n{}", unread.join("\n"));
}
