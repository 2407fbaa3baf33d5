//! Estates as git's own commands leave them: shallow clones, packed objects, linked worktrees.

use leasehold::{estate, git};

use crate::env::{TestEnv, commit_all, git as run};

const BASE: &str = "environment \"local\" {\n  engine = \"embedded\"\n}\naws \"aws\" {}\n";

/// A repository `origin` with two commits, the second of which adds a mount.
fn origin() -> (TestEnv, String, String) {
    let env = TestEnv::new();
    env.write("origin/estate/base.hcl", BASE);
    let origin = env.dir().join("origin");
    let first = commit_all(&origin);
    env.write("origin/estate/base.hcl", &format!("{BASE}aws \"second\" {{}}\n"));
    run(&origin, &["commit", "--quiet", "--all", "--message", "a second mount"]);
    let second = run(&origin, &["rev-parse", "HEAD"]);
    (env, first, second)
}

fn mounts(sources: &estate::Sources) -> usize {
    let estate = estate::load(sources, None).unwrap_or_else(|problems| panic!("{problems:?}"));
    estate.objects.iter().filter(|object| object.kind.name == "secrets engine").count()
}

#[test]
fn packed_objects_and_linked_worktrees_are_read() {
    let (env, first, second) = origin();
    let origin = env.dir().join("origin");
    run(&origin, &["gc", "--quiet"]);
    run(&origin, &["worktree", "add", "--quiet", "--detach", "../linked", "HEAD~1"]);
    for (directory, range, commits) in [
        ("origin", "HEAD~1..HEAD", [&first, &second]),
        ("linked", "HEAD..main", [&first, &second]),
        ("linked", "main...HEAD", [&first, &first]),
    ] {
        let (base, head) = git::range(&env.dir().join(directory).join("estate"), range).unwrap();
        assert_eq!([base.commit.as_ref(), head.commit.as_ref()], commits.map(Some), "{directory} {range}");
        let count = |commit: &String| if *commit == first { 1 } else { 2 };
        assert_eq!((mounts(&base.sources), mounts(&head.sources)), (count(commits[0]), count(commits[1])));
    }
}

#[test]
fn a_shallow_clone_says_that_it_is_one() {
    let (env, _, second) = origin();
    let url = format!("file://{}", env.dir().join("origin").display());
    run(env.dir(), &["clone", "--quiet", "--depth", "1", &url, "shallow"]);
    let directory = env.dir().join("shallow/estate");
    let error = git::range(&directory, "HEAD~1..HEAD").unwrap_err();
    assert_eq!(error.to_string(), "the repository has no revision `HEAD~1`");
    assert!(error.hint().contains("git fetch --unshallow"), "{}", error.hint());
    let blamed = git::blame(&directory, "base.hcl", 1).unwrap().unwrap();
    assert!(blamed.is_boundary && blamed.commit == second, "{blamed:?}");
    let blamed = git::blame(&env.dir().join("origin/estate"), "base.hcl", 5).unwrap().unwrap();
    assert!(!blamed.is_boundary && blamed.commit == second && blamed.summary == "a second mount", "{blamed:?}");
}
