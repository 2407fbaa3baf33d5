//! `leasehold schema`, judged by a validator that nobody here wrote: whatever estate this repository has in any page, example
//! or test is of it, and what is none is not. A file in HCL is the same tree as one in YAML, so both are judged.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::env::TestEnv;
use crate::python;

/// What a validator has against documents, a line each.
fn judged(env: &TestEnv, documents: &BTreeMap<String, Value>) -> Vec<String> {
    env.write("schema.json", &env.ok(&["schema"]));
    env.write("documents.json", &serde_json::to_string(documents).unwrap());
    let output = Command::new(python::python())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schema.py"))
        .args([env.dir().join("schema.json"), env.dir().join("documents.json")])
        .output()
        .expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// The words that begin a declaration.
fn declarations(env: &TestEnv) -> Vec<String> {
    let told: Value = serde_json::from_str(&env.ok(&["explain", "--format", "json"])).unwrap();
    told["inside"].as_array().unwrap().iter().map(|row| row["word"].as_str().unwrap().to_owned()).collect()
}

/// The estates below a directory of this repository, by where they stand: whole files, and the blocks of pages.
fn estates(directory: &Path, words: &[String], found: &mut BTreeMap<String, Value>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string();
        if path.is_dir() {
            estates(&path, words, found);
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("hcl") => add(name, hcl::from_str(&text).ok(), words, found),
            Some("yaml" | "yml") => add(name, serde_yaml::from_str(&text).ok(), words, found),
            Some("md") => {
                for (index, block) in text.split("\n```").enumerate().filter(|(index, _)| index % 2 == 1) {
                    let (info, text) = block.split_once('\n').unwrap_or((block, ""));
                    let document = match info.split_whitespace().collect::<Vec<_>>().as_slice() {
                        ["hcl", ..] => hcl::from_str(text).ok(),
                        ["yaml", ..] => serde_yaml::from_str(text).ok(),
                        _ => None,
                    };
                    add(format!("{name}, block {}", index / 2 + 1), document, words, found);
                }
            }
            _ => {}
        }
    }
}

fn add(name: String, document: Option<Value>, words: &[String], found: &mut BTreeMap<String, Value>) {
    let is_estate = |document: &Value| {
        document.as_object().is_some_and(|map| !map.is_empty() && map.keys().all(|key| words.contains(key)))
    };
    found.extend(document.filter(is_estate).map(|document| (name, document)));
}

#[test]
fn every_estate_of_this_repository_is_of_the_schema() {
    let env = TestEnv::new();
    let words = declarations(&env);
    let mut found = BTreeMap::new();
    for directory in ["docs", "examples", "policies"] {
        estates(&Path::new(env!("CARGO_MANIFEST_DIR")).join(directory), &words, &mut found);
    }
    // What no page shows as a file of its own.
    let others = json!({
        "audit": {"file": {"file_path": "/var/log/audit.log"}},
        "static_role": {"legacy": {"mount": "aws", "username": "legacy", "rotation_period": "24h"}},
    });
    found.insert("others".to_owned(), others);
    assert!(found.len() > 30, "estates were found: {}", found.len());
    let declared: Vec<&String> =
        words.iter().filter(|word| found.values().any(|document| document.get(word.as_str()).is_some())).collect();
    assert_eq!(declared, words.iter().collect::<Vec<_>>(), "each declaration stands in one of them");
    assert_eq!(judged(&env, &found), Vec::<String>::new());
}

#[test]
fn what_is_no_estate_is_not_of_the_schema() {
    let env = TestEnv::new();
    let app = |role: Value| json!({"app": {"web": {"role": {"web": role}}}});
    let documents: BTreeMap<String, Value> = [
        ("fine", app(json!({"policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"], "max_sts_ttl": "1h"}))),
        ("a word that is none", json!({"aap": {}})),
        ("a key that is none", app(json!({"policy_arn": "x"}))),
        ("a text for a list", app(json!({"policy_arns": "arn:aws:iam::aws:policy/ReadOnlyAccess"}))),
        ("a text for a truth", json!({"aws": {"aws": {"protect": "yes"}}})),
        ("a choice that is none", json!({"app": {"web": {"login": {"approle": {"token_type": "btch"}}}}})),
        ("a choice by a variable", json!({"app": {"web": {"login": {"approle": {"token_type": "${var.kind}"}}}}})),
        ("a secret that stands there", json!({"aws": {"aws": {"root": {"access_key": "a", "secret_key": "hidden"}}}})),
        ("a key of another method", json!({"app": {"web": {"login": {"approle": {"bound_claims": {}}}}}})),
    ]
    .into_iter()
    .map(|(name, document)| (name.to_owned(), document))
    .collect();
    let wrong = judged(&env, &documents);
    let named: Vec<&str> = wrong.iter().map(|line| line.split(':').next().unwrap()).collect();
    let expected: Vec<&str> = documents
        .keys()
        .map(String::as_str)
        .filter(|name| !["fine", "a choice by a variable"].contains(name))
        .collect();
    assert_eq!(named, expected, "{wrong:#?}");
}
