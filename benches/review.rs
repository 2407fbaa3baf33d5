//! `leasehold review` of a change to 10 roles in estates of 10,000 and of 50,000: wall, CPU and peak memory of the process.
//!
//! Run with `cargo bench --bench review`. Python 3 is used to read a finished process's resource usage.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so by failing")]

mod measure;

use std::path::Path;

use git2::{Repository, Signature};
use measure::{estate, leasehold, report};

const ROLES: [usize; 2] = [10_000, 50_000];
const RUNS: usize = 5;

fn main() {
    ROLES.into_iter().for_each(change);
}

/// Reviews a change to ten roles, and one to none.
fn change(roles: usize) {
    let home = tempfile::tempdir().expect("a directory");
    let repository = Repository::init(home.path()).expect("a repository");
    estate(home.path(), roles, &[]);
    commit(&repository, "before");
    let widened: Vec<usize> = (0..10).map(|number| number * 997).collect();
    estate(home.path(), roles, &widened);
    commit(&repository, "after");
    for (range, expected) in [("HEAD~1..HEAD", 2), ("HEAD..HEAD", 0)] {
        measure(home.path(), roles, range, expected);
    }
}

fn measure(directory: &Path, roles: usize, range: &str, expected: i32) {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let (code, wall, cpu, memory) = leasehold(directory, &["review", range]);
        assert_eq!(code, expected, "the review of {range}");
        runs.push((wall, cpu, memory));
    }
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (wall, cpu, memory) = runs[RUNS / 2];
    report(&format!(
        "review {range:<13} of {roles} roles: {wall:.2} s wall ({:.2} to {:.2}), {cpu:.2} s CPU, {memory:.0} MB peak",
        runs[0].0,
        runs[RUNS - 1].0
    ));
}

fn commit(repository: &Repository, message: &str) {
    let mut index = repository.index().expect("an index");
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).expect("added");
    let tree = repository.find_tree(index.write_tree().expect("written")).expect("a tree");
    index.write().expect("written");
    let who = Signature::now("bench", "bench@example.com").expect("a signature");
    let parent = repository.head().ok().and_then(|head| head.peel_to_commit().ok());
    let parents: Vec<_> = parent.iter().collect();
    repository.commit(Some("HEAD"), &who, &who, message, &tree, &parents).expect("committed");
}
