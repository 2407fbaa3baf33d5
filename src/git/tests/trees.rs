//! The same trees on disk and in a commit: one set of rules, so one estate and the same problems.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use git2::Repository;
use proptest::prelude::*;

use super::{load, record, sources};
use crate::estate::{self, Sources};

/// What stands at a path.
#[derive(Clone, Debug)]
enum Entry {
    File(&'static [u8]),
    Link(&'static [u8]),
}

use Entry::{File, Link};

/// A path as a repository may have it: names that are no UTF-8 among them.
fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// Makes a tree. What can't be there beside what is there already is left out.
fn make(root: &Path, entries: &[(Vec<u8>, Entry)]) {
    for (name, entry) in entries {
        let at = root.join(path(name));
        if fs::create_dir_all(at.parent().expect("a parent")).is_err() || fs::symlink_metadata(&at).is_ok() {
            continue;
        }
        match entry {
            File(text) => fs::write(&at, text).expect("written"),
            Link(target) => symlink(path(target), &at).expect("linked"),
        }
    }
}

/// All that a walk tells: the files with their texts, what is wrong, and what is left out. None where there is no
/// estate.
fn told(sources: Option<&Sources>, names: &[Vec<u8>]) -> Option<String> {
    let sources = sources?;
    let files: Vec<_> = names
        .iter()
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .filter_map(|name| Some((sources.file(&name)?.text.clone(), name)))
        .collect();
    let problems = load(sources).err().unwrap_or_default();
    Some(format!("{} {files:?} {} {problems:#?}", sources.file_count(), sources.ignored_count()))
}

/// What disk and commit tell of a tree with the estate at `inside`.
fn both(inside: &str, entries: &[(Vec<u8>, Entry)]) -> [Option<String>; 2] {
    let dir = tempfile::tempdir().expect("a directory");
    let repository = Repository::init(dir.path()).expect("made");
    make(dir.path(), entries);
    record(&repository);
    let root = dir.path().join(inside);
    let prefix = if inside.is_empty() { Vec::new() } else { format!("{inside}/").into_bytes() };
    let names: Vec<Vec<u8>> =
        entries.iter().filter_map(|(name, _)| Some(name.strip_prefix(prefix.as_slice())?.to_vec())).collect();
    let on_disk = estate::read_directory(&root).ok();
    let in_commit = sources(&root, "HEAD").ok().map(|tree| tree.sources);
    [told(on_disk.as_ref(), &names), told(in_commit.as_ref(), &names)]
}

const ENVIRONMENT: &[u8] = b"environment \"local\" {\n  engine = \"embedded\"\n}\n";

/// What a tree is, its entries, how many files of it are declarations, and what is told.
type Case = (&'static str, &'static [(&'static [u8], Entry)], usize, &'static str);

#[test]
fn a_tree_is_the_same_estate_on_disk_and_in_a_commit() {
    let cases: &[Case] = &[
        ("a file and a link to it", &[(b"b.hcl", Link(b"base.hcl"))], 2, "declared"),
        ("a link over two links", &[(b"x.hcl", Link(b"y")), (b"y", Link(b"./z.hcl")), (b"z.hcl", File(b""))], 3, "[]"),
        ("a link to itself", &[(b"x.hcl", Link(b"x.hcl"))], 1, "leads out of the estate, or nowhere"),
        ("a link behind a file", &[(b"x.hcl", Link(b"base.hcl/y.hcl"))], 1, "leads out of the estate, or nowhere"),
        ("a link with a slash at its end", &[(b"x.hcl", Link(b"base.hcl/"))], 1, "leads out of the estate, or nowhere"),
        (
            "a link out",
            &[(b"x.hcl", Link(b"../other.hcl")), (b"../other.hcl", File(b""))],
            1,
            "leads out of the estate",
        ),
        ("a link out, of no declaration", &[(b"x", Link(b"../other.hcl")), (b"../other.hcl", File(b""))], 1, "[]"),
        ("a link to a directory out", &[(b"x", Link(b"../other")), (b"../other/a.hcl", File(b""))], 1, "leads out of"),
        ("a link out and in again", &[(b"x.hcl", Link(b"../estate/base.hcl"))], 2, "declared"),
        ("a link to nothing, of no declaration", &[(b"x", Link(b"nowhere"))], 1, "[]"),
        ("a link to a directory", &[(b"x", Link(b"d")), (b"d/a.hcl", File(b""))], 2, "links to directories"),
        ("a link to the estate itself", &[(b"d/x", Link(b".."))], 1, "links to directories"),
        ("a link into what is hidden", &[(b"x.hcl", Link(b".d/a.hcl")), (b".d/a.hcl", File(b"# a"))], 2, "# a"),
        ("a hidden link out", &[(b".x.hcl", Link(b"/etc/passwd"))], 1, "[]"),
        ("hidden files and folders", &[(b".a.hcl", File(b"x")), (b".d/a.hcl", File(b"x"))], 1, "[]"),
        ("an estate in an estate", &[(b"inner/base.hcl", File(ENVIRONMENT))], 2, "declared"),
        (
            "an ignore file in an estate in an estate",
            &[(b"inner/.leaseholdignore", File(b"a.hcl")), (b"inner/a.hcl", File(b""))],
            2,
            "[]",
        ),
        (
            "what is left out",
            &[
                (b".leaseholdignore", File(b"# no\ncharts/\n*.tf.hcl\n/x.yaml\n")),
                (b"charts/a.yaml", File(b"x")),
                (b"d/charts/a.yaml", File(b"x")),
                (b"a.tf.hcl", File(b"x")),
                (b"x.yaml", Link(b"nowhere")),
                (b"d/x.yaml", File(b"")),
            ],
            2,
            " 4 []",
        ),
        ("an ignore file with what is not known", &[(b".leaseholdignore", File(b"!a.hcl"))], 1, "can't take back"),
        (
            "an ignore file that is a link",
            &[(b".leaseholdignore", Link(b"i")), (b"i", File(b"*.yaml")), (b"a.yaml", File(b"x"))],
            1,
            " 1 []",
        ),
        (
            "an ignore file that leads out",
            &[(b".leaseholdignore", Link(b"../i")), (b"../i", File(b"*"))],
            1,
            "through a symbolic link",
        ),
        ("an ignore file that leads nowhere", &[(b".leaseholdignore", Link(b"i"))], 1, "there is no such file"),
        ("an ignore file that is a directory", &[(b".leaseholdignore/a.hcl", File(b""))], 1, "not a regular file"),
        ("an ignore file that is no text", &[(b".leaseholdignore", File(b"\xff"))], 1, "not UTF-8"),
        ("a name that is no UTF-8", &[(b"\xff.hcl", File(b""))], 1, "the name of this file"),
        (
            "two such names that look alike",
            &[(b"\xff.hcl", File(b"")), (b"\xfe.hcl", File(b""))],
            1,
            "the name of this",
        ),
        ("a directory of such a name", &[(b"\xff/a.hcl", File(b""))], 1, "or of a directory above it"),
        (
            "such names of what is no declaration",
            &[(b"\xff/a", File(b"")), (b"\xff", File(b"")), (b"\xfe", Link(b"x"))],
            1,
            "[]",
        ),
        ("a link whose target is no UTF-8", &[(b"x.hcl", Link(b"\xff")), (b"\xff", File(b"# x"))], 2, "# x"),
        (
            "odd names",
            &[(b"a\n.hcl", File(b"")), (b"a\\b.hcl", File(b"")), (b"-r.hcl", File(b"")), (b" .yaml", File(b""))],
            5,
            "[]",
        ),
        ("names in another case", &[(b"A.HCL", File(b"x")), (b"b.Yaml", File(b"x"))], 1, "[]"),
        ("a directory that is named like a file", &[(b"d.hcl/a.yaml", File(b"a: 1"))], 2, "a: 1"),
        ("texts that are none", &[(b"a.hcl", File(b"a\0")), (b"b.yaml", File(b"\xff\xfea\0"))], 1, "NUL byte"),
    ];
    for (what, entries, files, expected) in cases {
        let in_estate = |name: &[u8]| match name.strip_prefix(b"../") {
            Some(name) => name.to_vec(),
            None => [b"estate/", name].concat(),
        };
        let mut all = vec![(b"estate/base.hcl".to_vec(), File(ENVIRONMENT))];
        all.extend(entries.iter().map(|(name, entry)| (in_estate(name), entry.clone())));
        let [on_disk, in_commit] = both("estate", &all);
        assert_eq!(on_disk, in_commit, "{what}");
        let told = on_disk.unwrap_or_else(|| panic!("{what}: an estate"));
        assert!(told.starts_with(&format!("{files} ")) && told.contains(expected), "{what}: {told}");
    }
}

/// Where a commit can't know what a checkout has, which of both is told of what.
#[test]
fn what_only_a_checkout_knows_is_told_by_it_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let repository = Repository::init(dir.path()).expect("made");
    let root = dir.path().canonicalize().expect("a path");
    make(&root, &[(b"estate/base.hcl".to_vec(), File(ENVIRONMENT))]);
    // Where an absolute path leads depends on where the checkout is.
    symlink(root.join("estate/base.hcl"), root.join("estate/absolute.hcl")).expect("linked");
    // What lies outside of the repository may be a directory.
    symlink("../..", root.join("estate/above")).expect("linked");
    record(&repository);
    let problems = |sources: &Sources| format!("{:?}", load(sources).err().unwrap_or_default());
    let on_disk = estate::read_directory(&root.join("estate")).expect("read");
    let in_commit = sources(&root.join("estate"), "HEAD").expect("read").sources;
    assert_eq!((on_disk.file_count(), in_commit.file_count()), (2, 1));
    assert!(problems(&on_disk).contains("this link leads out of the estate\""), "{}", problems(&on_disk));
    assert!(problems(&in_commit).contains("leads out of the estate, or nowhere"), "{}", problems(&in_commit));
    assert!(!problems(&in_commit).contains("above"), "{}", problems(&in_commit));
}

fn name() -> impl Strategy<Value = &'static [u8]> {
    prop::sample::select(vec![
        &b"a"[..],
        b"b",
        b"a.hcl",
        b"b.yaml",
        b".c",
        b".d.hcl",
        b"e.txt",
        b"\xff",
        b"\xfe.hcl",
        b".leaseholdignore",
        b"estate",
    ])
}

fn any_path() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(name(), 1..4).prop_map(|names| names.join(&b'/'))
}

fn entry() -> impl Strategy<Value = Entry> {
    let texts = vec![&b""[..], ENVIRONMENT, b"a.hcl", b"a/\nb*\n", b"/a\n**/b.yaml", b"x\0", b"\xff"];
    let targets = vec![
        &b"a"[..],
        b"b",
        b"a.hcl",
        b"../a",
        b"../a.hcl",
        b"a/b",
        b"a/../b.yaml",
        b"..",
        b"../..",
        b"../estate/a",
        b".c",
        b"./a.hcl/",
        b"\xff",
        b"../../a/b.yaml",
        b"",
    ];
    let targets: Vec<&[u8]> = targets.into_iter().filter(|target| !target.is_empty()).collect();
    prop_oneof![
        3 => prop::sample::select(texts).prop_map(File),
        2 => prop::sample::select(targets).prop_map(Link),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// The estate is two directories down, and links go up two at most in a path: none leaves the repository, where a
    /// commit can't know what there is.
    #[test]
    fn any_tree_is_the_same_estate_on_disk_and_in_a_commit(
        entries in prop::collection::vec((any_path(), entry()), 1..16),
        inside in prop::sample::select(vec!["a", "estate", "a/b"]),
    ) {
        let below = |(name, entry): (Vec<u8>, Entry)| ([b"r/s/t/", name.as_slice()].concat(), entry);
        let entries: Vec<_> = entries.into_iter().map(below).collect();
        let [on_disk, in_commit] = both(&format!("r/s/t/{inside}"), &entries);
        prop_assert_eq!(on_disk, in_commit);
    }
}
