//! Golden reviews: pull requests as people make them, each with the verdict that it must have.
//!
//! A case is a directory of `tests/data/review`: `common` and the case's `base` are the commit before, `head`
//! over them is the commit after, without the files that `removed` names.

use std::path::{Path, PathBuf};

use git2::{Repository, Signature, Time};

use crate::env::{Output, TestEnv};

const DATA: &str = "tests/data/review";

/// A repository whose last two commits are a case.
struct Case {
    env: TestEnv,
}

impl Case {
    fn new(name: &str) -> Self {
        let env = TestEnv::new();
        let root = env.copy_tree(&format!("{DATA}/common"), "estate");
        env.copy_tree(&format!("{DATA}/{name}/base"), "estate");
        let repository = Repository::init(&root).unwrap();
        record(&repository, "before");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(DATA).join(name);
        if source.join("head").exists() {
            env.copy_tree(&format!("{DATA}/{name}/head"), "estate");
        }
        if let Ok(removed) = std::fs::read_to_string(source.join("removed")) {
            removed.lines().for_each(|file| std::fs::remove_file(root.join(file)).unwrap());
        }
        record(&repository, "after");
        Self { env }
    }

    fn root(&self) -> PathBuf {
        self.env.dir().join("estate")
    }

    fn review(&self, arguments: &[&str]) -> Output {
        let mut all = vec!["review", "HEAD~1..HEAD", "-C", "estate"];
        all.extend(arguments);
        self.env.run(&all)
    }
}

/// Commits everything in the checkout; who and when never change, so that the hashes don't.
fn record(repository: &Repository, message: &str) {
    let mut index = repository.index().unwrap();
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
    index.update_all(["*"], None).unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    index.write().unwrap();
    let who = Signature::new("Test", "test@example.com", &Time::new(1_700_000_000, 0)).unwrap();
    let parents: Vec<_> = repository.head().ok().map(|head| head.peel_to_commit().unwrap()).into_iter().collect();
    let parents: Vec<_> = parents.iter().collect();
    repository.commit(Some("HEAD"), &who, &who, message, &tree, &parents).unwrap();
}

/// Without what every change of a fixture would move.
fn normal(output: &Output) -> String {
    let text = output.normal();
    let text = regex::Regex::new(r"\b[0-9a-f]{64}\b").unwrap().replace_all(&text, "[digest]").into_owned();
    regex::Regex::new(r"(HEAD(?:~1)?) \([0-9a-f]{7}\)").unwrap().replace_all(&text, "$1").into_owned()
}

/// Every case with its exit code: what the verdict is, and not what came out.
const CASES: &[(&str, i32)] = &[
    ("01-one-character", 2),
    ("02-not-action", 2),
    ("03-not-resource", 2),
    ("04-moved-between-roles", 0),
    ("05-moved-between-files", 0),
    ("06-merged-and-reordered", 0),
    ("07-boundary-removed", 2),
    ("08-boundary-swapped", 2),
    ("09-condition-dropped", 2),
    ("10-string-like", 2),
    ("11-if-exists", 2),
    ("12-for-all-values", 2),
    ("13-deny-removed", 2),
    ("14-deny-narrowed", 2),
    ("15-deny-gets-a-condition", 2),
    ("16-deny-added", 0),
    ("17-login-loosened", 2),
    ("18-secret-id-lives-longer", 2),
    ("19-lease-made-longer", 2),
    ("20-token-lives-longer", 2),
    ("21-escalation-in-two-steps", 2),
    ("22-grant-added", 2),
    ("23-acl-widened", 2),
    ("24-acl-rewritten", 0),
    ("25-managed-policy-attached", 2),
    ("26-new-app", 2),
    ("27-removed-app", 0),
    ("28-override-widens-prod", 2),
    ("29-case-and-order", 0),
    ("30-variable-replaced", 2),
    ("31-region-wildcard", 2),
    ("32-unknown-boundary-removed", 2),
    ("33-deny-beside-an-unknown-policy", 2),
    ("34-renamed-app", 0),
    ("35-yaml", 2),
    ("36-comment-only", 0),
    ("37-narrowed", 0),
    ("38-tags-that-the-policy-looks-at", 2),
];

#[test]
fn every_case_has_its_verdict() {
    let wrong: Vec<String> = CASES
        .iter()
        .filter_map(|(name, code)| {
            let output = Case::new(name).review(&[]);
            insta::with_settings!({ snapshot_suffix => *name }, { insta::assert_snapshot!("review", normal(&output)) });
            (output.code != *code).then(|| format!("{name}: {} instead of {code}", output.code))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_case_is_forgotten() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join(DATA);
    let mut found: Vec<String> = std::fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "common")
        .collect();
    found.sort();
    assert_eq!(found, CASES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}
