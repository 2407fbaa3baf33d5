//! Repositories made on the spot, and what is read from them.

mod trees;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use git2::{Repository, Signature, Time};

use super::{Blamer, Error, Head, Range, blame, commit, range, sources};
use crate::estate::{self, Estate, Problem, Sources};

/// Commits everything in the checkout.
fn record(repository: &Repository) -> String {
    record_as(repository, "m", 1_700_000_000)
}

fn record_as(repository: &Repository, message: &str, seconds: i64) -> String {
    let mut index = repository.index().expect("index");
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).expect("added");
    index.update_all(["*"], None).expect("updated");
    let tree = repository.find_tree(index.write_tree().expect("written")).expect("tree");
    index.write().expect("written");
    let who = Signature::new("Ada", "ada@example.com", &Time::new(seconds, 0)).expect("signature");
    let parent = repository.head().ok().map(|head| head.peel_to_commit().expect("a commit"));
    let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
    repository.commit(Some("HEAD"), &who, &who, message, &tree, &parents).expect("committed").to_string()
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(path, text).expect("written");
}

#[test]
fn outside_git_and_before_the_first_commit_there_is_none() {
    let dir = tempfile::tempdir().expect("a directory");
    // A repository above the temporary directory would be found; make sure that there is none.
    if Repository::discover(dir.path()).is_err() {
        assert_eq!(commit(dir.path()).expect("read"), None);
    }
    Repository::init(dir.path()).expect("made");
    assert_eq!(commit(dir.path()).expect("read"), None);
}

#[test]
fn only_the_estates_own_files_make_it_dirty() {
    let dir = tempfile::tempdir().expect("a directory");
    let repository = Repository::init(dir.path()).expect("made");
    write(dir.path(), "estate/a.hcl", "app \"a\" {}");
    write(dir.path(), "other/b.hcl", "");
    let hash = record(&repository);
    let estate = dir.path().join("estate");
    let (clean, dirty) = (Some(hash.clone()), Some(format!("{hash}-dirty")));
    assert_eq!(commit(&estate).expect("read"), clean);
    write(dir.path(), "other/b.hcl", "changed");
    write(dir.path(), "estate/README.md", "new");
    write(dir.path(), "estate/.leasehold/local/state.json", "{}");
    assert_eq!(commit(&estate).expect("read"), clean);
    write(dir.path(), "estate/iam/new.json", "{}");
    assert_eq!(commit(&estate).expect("read"), dirty);
    fs::remove_file(estate.join("iam/new.json")).expect("removed");
    fs::remove_file(estate.join("a.hcl")).expect("removed");
    assert_eq!(commit(&estate).expect("read"), dirty);
}

const BASE: &str = "environment \"local\" {\n  engine = \"embedded\"\n}\naws \"aws\" {}\n";

const DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;

fn role(name: &str, file: &str) -> String {
    format!(
        "role \"{name}\" {{\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n  policy_document = \"file:{file}\"\n}}\n"
    )
}

/// A sound estate below `root`.
fn write_estate(root: &Path) {
    write(root, "base.hcl", BASE);
    write(root, "roles/a.hcl", &role("a", "iam/a.json"));
    write(
        root,
        "roles/deep/b.yaml",
        "role:\n  b: {mount: aws, credential_type: iam_user, policy_document: 'file:iam/link.json'}\n",
    );
    write(root, "iam/a.json", DOCUMENT);
    write(root, ".hidden/c.hcl", "not HCL");
    write(root, "README.md", "x");
    symlink("a.json", root.join("iam/link.json")).expect("linked");
    symlink("../.hidden", root.join("roles/.d")).expect("linked");
}

fn load(sources: &Sources) -> Result<Estate, Vec<Problem>> {
    estate::load(sources, Some("local"))
}

/// Everything of an estate that does not depend on the order of a hash map.
fn shown(sources: &Sources) -> String {
    match load(sources) {
        Ok(estate) => {
            // The places of the statements are in the objects.
            format!("{:?} {:?} {:?}", estate.objects, estate.environments, estate.warnings)
        }
        Err(problems) => format!("{problems:#?}"),
    }
}

fn new_repository(dir: &Path) -> Repository {
    Repository::init(dir).expect("made")
}

/// What the checkout is: its files with their contents, and the index.
fn checkout(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("reads").map(|entry| entry.expect("reads").path()) {
            if entry.is_symlink() {
                found.push((
                    entry.display().to_string(),
                    fs::read_link(&entry).expect("reads").into_os_string().into_encoded_bytes(),
                ));
            } else if entry.is_dir() {
                directories.push(entry);
            } else {
                found.push((entry.display().to_string(), fs::read(&entry).expect("reads")));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_commits_estate_is_what_its_checkout_would_be() {
    for inside in ["", "teams/payments/estate"] {
        let dir = tempfile::tempdir().expect("a directory");
        let repository = new_repository(dir.path());
        write(dir.path(), "outside/x.hcl", "role \"x\" {}");
        let root = dir.path().join(inside);
        if inside.is_empty() {
            fs::remove_dir_all(dir.path().join("outside")).expect("removed");
        }
        write_estate(&root);
        let hash = record(&repository);
        let tree = sources(&root, "HEAD").expect("read");
        assert_eq!(tree.commit, hash);
        let on_disk = estate::read_directory(&root).expect("read");
        assert_eq!(tree.sources.file_count(), 3);
        assert_eq!(on_disk.file_count(), 3);
        assert!(load(&tree.sources).is_ok(), "{}", shown(&tree.sources));
        assert_eq!(shown(&tree.sources), shown(&on_disk));
        assert!(tree.sources.is_same(&on_disk, "roles/a.hcl") && tree.sources.is_same(&on_disk, "iam/a.json"));
    }
}

#[test]
fn what_is_wrong_in_a_commit_is_what_would_be_wrong_on_disk() {
    let dir = tempfile::tempdir().expect("a directory");
    let repository = new_repository(dir.path());
    let root = dir.path().join("estate");
    write_estate(&root);
    write(dir.path(), "secret.hcl", "aws \"b\" {}");
    write(dir.path(), "shared/d.hcl", "aws \"d\" {}");
    for (target, link) in [
        ("../secret.hcl", "out.hcl"),
        ("../../secret.hcl", "far.hcl"),
        ("nowhere.hcl", "dangling.hcl"),
        ("loop.hcl", "loop.hcl"),
        ("roles", "roles-again"),
        ("../shared", "shared"),
        ("../secret.hcl", "out.json"),
        ("../estate/base.hcl", "roles/there-and-back.txt"),
        ("roles/../iam/a.json", "iam-a.json"),
        ("/etc/passwd", "absolute.yaml"),
    ] {
        symlink(target, root.join(link)).expect("linked");
    }
    fs::write(root.join("latin.yaml"), b"a: \xff\n").expect("written");
    fs::write(root.join("nul.hcl"), b"a\0").expect("written");
    fs::write(root.join("mark.hcl"), "\u{feff}aws \"marked\" {}\n").expect("written");
    fs::File::create(root.join("big.hcl")).expect("made").set_len((4 << 20) + 1).expect("sized");
    for (index, name) in
        ["out.json", "iam-a.json", "none.json", "iam", "../secret.hcl", "iam/a.json/x", "roles-again/../iam/a.json"]
            .iter()
            .enumerate()
    {
        write(&root, &format!("r{index}.hcl"), &role(&format!("r{index}"), name));
    }
    record(&repository);
    let tree = sources(&root, "HEAD").expect("read");
    let on_disk = estate::read_directory(&root).expect("read");
    let (Err(from_tree), Err(from_disk)) = (load(&tree.sources), load(&on_disk)) else { panic!("problems") };
    let lines = |problems: &[Problem]| problems.iter().map(|problem| format!("{problem:?}")).collect::<Vec<_>>();
    // A component behind a file is told in the system's words on disk.
    let same = |line: &String| !line.contains("iam/a.json/x");
    let (from_tree, from_disk) = (lines(&from_tree), lines(&from_disk));
    assert_eq!(
        from_tree.iter().filter(|line| same(line)).collect::<Vec<_>>(),
        from_disk.iter().filter(|line| same(line)).collect::<Vec<_>>()
    );
    assert_eq!(from_tree.len(), from_disk.len());
    assert!(from_tree.len() >= 13, "{from_tree:#?}");
    for expected in
        ["leads out of the estate, or nowhere", "links to directories", "NUL byte", "not UTF-8", "more than 4 MiB"]
    {
        assert!(from_tree.iter().any(|line| line.contains(expected)), "{expected}");
    }
}

#[test]
fn another_repositorys_files_are_left_out() {
    let dir = tempfile::tempdir().expect("a directory");
    let repository = new_repository(dir.path());
    write_estate(dir.path());
    let hash = record(&repository);
    let mut index = repository.index().expect("index");
    let zero = git2::IndexTime::new(0, 0);
    let (id, path) = (hash.parse().expect("a hash"), b"vendored".to_vec());
    let entry = git2::IndexEntry {
        ctime: zero,
        mtime: zero,
        dev: 0,
        ino: 0,
        mode: 0o160_000,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path,
    };
    index.add(&entry).expect("added");
    let tree = repository.find_tree(index.write_tree().expect("written")).expect("tree");
    let who = Signature::new("Ada", "ada@example.com", &Time::new(0, 0)).expect("signature");
    let parent = repository.find_commit(id).expect("a commit");
    repository.commit(Some("HEAD"), &who, &who, "m", &tree, &[&parent]).expect("committed");
    let (base, head) = range(dir.path(), "HEAD~1..HEAD").expect("read");
    let (base_estate, head_estate) = (estate::load(&base.sources, None), estate::load(&head.sources, None));
    assert!(base_estate.is_ok() && head_estate.is_ok());
    assert_eq!(shown(&base.sources), shown(&head.sources));
    assert!(sources(&dir.path().join("vendored"), "HEAD").is_err());
}

#[test]
fn limits_on_whole_trees_hold_in_git_as_well() {
    let dir = tempfile::tempdir().expect("a directory");
    let repository = new_repository(dir.path());
    // One file many times: small in the object database, large as an estate.
    let text = "#".repeat((4 << 20) - 1);
    for number in 0..20 {
        write(dir.path(), &format!("{number}.hcl"), &text);
    }
    record(&repository);
    let error = sources(dir.path(), "HEAD").expect_err("too large");
    assert_eq!(error.to_string(), "the estate can't be read: the files of the estate have more than 64 MiB");
    let deep = format!("{}x.hcl", "d/".repeat(40));
    write(dir.path(), &deep, "#");
    for number in 0..20 {
        fs::remove_file(dir.path().join(format!("{number}.hcl"))).expect("removed");
    }
    record(&repository);
    let tree = sources(dir.path(), "HEAD").expect("read");
    assert!(shown(&tree.sources).contains("directories nest deeper than 32"));
}

#[test]
fn a_dirty_checkout_is_neither_read_nor_changed() {
    let dir = tempfile::tempdir().expect("a directory");
    let repository = new_repository(dir.path());
    write_estate(dir.path());
    record(&repository);
    let clean = shown(&sources(dir.path(), "HEAD").expect("read").sources);
    write(dir.path(), "base.hcl", "not HCL at all");
    write(dir.path(), "new.hcl", "aws \"new\" {}");
    fs::remove_file(dir.path().join("iam/a.json")).expect("removed");
    write(dir.path(), "staged.hcl", "aws \"staged\" {}");
    let mut index = repository.index().expect("index");
    index.add_path(Path::new("staged.hcl")).expect("staged");
    index.write().expect("written");
    let before = checkout(dir.path());
    assert_eq!(shown(&sources(dir.path(), "HEAD").expect("read").sources), clean);
    let (base, head) = range(dir.path(), "HEAD..HEAD").expect("read");
    assert_eq!(shown(&base.sources), shown(&head.sources));
    assert!(blame(dir.path(), "new.hcl", 1).expect("read").is_none());
    assert_eq!(checkout(dir.path()), before);
}

#[test]
fn ranges_read_as_git_reads_them() {
    let head = |text: &str| Head::Revision(text.to_owned());
    for (text, base, head, merge_base) in [
        ("main..topic", "main", head("topic"), false),
        ("main...topic", "main", head("topic"), true),
        ("main..", "main", head("HEAD"), false),
        ("main...", "main", head("HEAD"), true),
        ("..topic", "HEAD", head("topic"), false),
        ("v1.2", "v1.2", Head::Files, false),
        (" origin/main..HEAD~1 ", "origin/main", head("HEAD~1"), false),
    ] {
        let expected = Range { base: base.to_owned(), head, merge_base };
        assert_eq!(Range::parse(text).expect(text), expected, "{text}");
    }
    for text in ["", "..", "...", "-x", "--upload-pack=x..HEAD", "main..-x", "a..b..c", "a\u{1b}b"] {
        assert!(Range::parse(text).is_err(), "{text}");
    }
}

/// A repository with the commits `one` (tag), `two` on `main`, and `side` from `one`.
fn branches(dir: &Path) -> Repository {
    let repository = new_repository(dir);
    write_estate(dir);
    let one = record(&repository);
    let one = repository.find_commit(one.parse().expect("a hash")).expect("a commit");
    repository.reference("refs/tags/one", one.id(), true, "t").expect("tagged");
    write(dir, "two.hcl", "aws \"two\" {}\n");
    record(&repository);
    repository
        .reference("refs/heads/main", repository.head().expect("HEAD").target().expect("an id"), true, "m")
        .expect("set");
    repository.branch("side", &one, true).expect("made");
    repository.set_head("refs/heads/side").expect("set");
    repository.checkout_head(Some(git2::build::CheckoutBuilder::new().force().remove_untracked(true))).expect("out");
    write(dir, "side.hcl", "aws \"side\" {}\n");
    record(&repository);
    drop(one);
    repository
}

#[test]
fn both_sides_of_a_change_are_read_and_share_what_is_equal() {
    let dir = tempfile::tempdir().expect("a directory");
    let _repository = branches(dir.path());
    for (text, counts) in
        [("main..side", (4, 4)), ("main...side", (3, 4)), ("one..", (3, 4)), ("one", (3, 5)), ("..main", (4, 4))]
    {
        write(dir.path(), "unsaved.hcl", "aws \"unsaved\" {}\n");
        let (base, head) = range(dir.path(), text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((base.sources.file_count(), head.sources.file_count()), counts, "{text}");
        let share = |name: &str| {
            std::sync::Arc::ptr_eq(&base.sources.file(name).expect("read"), &head.sources.file(name).expect("read"))
        };
        assert_eq!(share("base.hcl"), text != "one", "{text}");
        assert!(base.sources.is_same(&head.sources, "base.hcl") && !base.sources.is_same(&head.sources, "side.hcl"));
        if text != "one" {
            load(&base.sources).expect("sound");
            load(&head.sources).expect("sound");
            assert!(share("iam/a.json"), "{text}");
        } else {
            assert!(head.commit.is_some_and(|commit| commit.ends_with("-dirty")));
            assert_eq!(head.name, "the files");
        }
    }
}

#[test]
fn unknown_revisions_say_what_to_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let repository = branches(dir.path());
    repository.reference("refs/tags/blob", repository.blob(b"x").expect("made"), true, "t").expect("tagged");
    for (text, what, hint) in [
        ("nosuch..HEAD", "the repository has no revision `nosuch`", "`git fetch`"),
        ("HEAD~9..HEAD", "the repository has no revision `HEAD~9`", "`git fetch`"),
        ("blob..HEAD", "`blob` names a blob, and not a commit", "name a branch"),
        ("-x..HEAD", "`-x` is not a revision", "a branch, a tag"),
        ("..", "`..` is not a range of commits", "BASE..HEAD"),
    ] {
        let error = range(dir.path(), text).expect_err(text);
        assert_eq!(error.to_string(), what);
        assert!(error.hint().contains(hint), "{text}: {}", error.hint());
    }
    fs::write(
        repository.path().join("shallow"),
        format!("{}\n", repository.head().expect("HEAD").target().expect("an id")),
    )
    .expect("written");
    let error = range(dir.path(), "nosuch..HEAD").expect_err("unknown");
    assert!(error.hint().contains("git fetch --unshallow"), "{}", error.hint());
    let empty = tempfile::tempdir().expect("a directory");
    new_repository(empty.path());
    assert_eq!(range(empty.path(), "HEAD..HEAD").expect_err("empty").to_string(), "the repository has no commit yet");
}

#[test]
fn an_estate_that_is_new_at_its_path_has_an_empty_base() {
    let dir = tempfile::tempdir().expect("a directory");
    let repository = new_repository(dir.path());
    write_estate(&dir.path().join("old"));
    record(&repository);
    fs::rename(dir.path().join("old"), dir.path().join("new")).expect("renamed");
    record(&repository);
    let (base, head) = range(&dir.path().join("new"), "HEAD~1..HEAD").expect("read");
    assert!(base.missing && base.commit.is_some() && base.sources.file_count() == 0);
    assert!(!head.missing && load(&head.sources).is_ok());
    // The old path is gone from the checkout, and still in the older commit.
    let old = dir.path().join("old");
    assert_eq!(sources(&old, "HEAD~1").expect("read").sources.file_count(), 3);
    let error = range(&old, "HEAD~1..HEAD").expect_err("gone");
    assert!(matches!(error, Error::NoEstate { .. }), "{error}");
    assert_eq!(error.to_string(), "there is no estate at old in HEAD");
    assert!(range(&dir.path().join("never"), "HEAD~1..HEAD").is_err());
}

#[test]
fn bare_repositories_and_linked_worktrees_are_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let origin = dir.path().join("origin");
    let repository = new_repository(&origin);
    write_estate(&origin.join("estate"));
    let hash = record(&repository);
    let expected = shown(&sources(&origin.join("estate"), "HEAD").expect("read").sources);
    let bare = dir.path().join("bare.git");
    git2::build::RepoBuilder::new().bare(true).clone(origin.to_str().expect("text"), &bare).expect("cloned");
    assert_eq!(shown(&sources(&bare.join("estate"), "HEAD").expect("read").sources), expected);
    let error = range(&bare.join("estate"), "HEAD").expect_err("no files");
    assert_eq!(error.to_string(), "a bare repository has no files");
    assert_eq!(
        blame(&bare.join("estate"), "base.hcl", 1).expect("read").map(|blamed| blamed.commit),
        Some(hash.clone())
    );
    let linked = dir.path().join("linked");
    repository.worktree("linked", &linked, None).expect("made");
    write(&linked, "estate/base.hcl", "changed");
    assert_eq!(shown(&sources(&linked.join("estate"), "HEAD").expect("read").sources), expected);
    assert_eq!(commit(&linked.join("estate")).expect("read"), Some(format!("{hash}-dirty")));
}

#[test]
fn outside_git_there_are_no_commits_to_read() {
    let dir = tempfile::tempdir().expect("a directory");
    if Repository::discover(dir.path()).is_err() {
        assert!(matches!(sources(dir.path(), "HEAD"), Err(Error::NoRepository { .. })));
        assert!(blame(dir.path(), "a.hcl", 1).expect("read").is_none());
    }
}

#[test]
fn a_line_leads_to_the_commit_that_brought_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let repository = new_repository(dir.path());
    let root = dir.path().join("estate");
    write(&root, "a.hcl", "one\ntwo\nthree\n");
    let first = record_as(&repository, "first\n\nbody", 1_600_000_000);
    write(&root, "a.hcl", "one\nTWO\nthree\nfour\n");
    let second = record_as(&repository, "second", 1_700_000_000);
    fs::create_dir(root.join("moved")).expect("made");
    fs::rename(root.join("a.hcl"), root.join("moved/a.hcl")).expect("moved");
    record_as(&repository, "third", 1_710_000_000);
    write(&root, "moved/a.hcl", "zero\none\nTWO\nthree\nfour\n");
    symlink("moved/a.hcl", root.join("link.hcl")).expect("linked");
    let mut blamer = Blamer::new(&root).expect("opened");
    let mut line = |file: &str, line: u32| blamer.line(file, line).expect("read");
    for file in ["moved/a.hcl", "./moved/a.hcl", "link.hcl"] {
        assert_eq!(line(file, 1), None, "not committed");
        let commits: Vec<Option<String>> =
            (2..=6).map(|number| line(file, number).map(|blamed| blamed.commit)).collect();
        let (first, second) = (Some(first.clone()), Some(second.clone()));
        assert_eq!(commits, [first.clone(), second.clone(), first, second, None], "{file}");
    }
    let blamed = line("moved/a.hcl", 2).expect("committed");
    assert_eq!((blamed.time, blamed.author.as_str(), blamed.summary.as_str()), (1_600_000_000, "Ada", "first"));
    assert!(!blamed.is_boundary);
    for file in ["none.hcl", "../estate/moved/a.hcl", "/etc/passwd", "moved", ""] {
        assert_eq!(line(file, 1), None, "{file}");
    }
    fs::write(repository.path().join("shallow"), format!("{first}\n")).expect("written");
    assert!(blame(&root, "moved/a.hcl", 2).expect("read").is_some_and(|blamed| blamed.is_boundary));
}
