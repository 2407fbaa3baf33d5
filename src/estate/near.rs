//! Whether a directory looks like an estate, and in which estate one stands: what a command without an address goes by.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::ignore;
use super::walk::{FILE_BYTES_MAX, is_declaration};

/// How much is looked at.
const ENTRIES_MAX: usize = 1_000;

/// How many directories upwards are looked at.
const UPWARDS_MAX: usize = 64;

/// The root of the estate that one stands in at `dir`, as a path from there: where `.leaseholdignore` marks it; else `dir`
/// itself, where it [looks like one](is_near); else the nearest directory above with an `environment` declaration in a file
/// of its own. A repository's root is the last that is looked at.
///
/// Above `dir` only counts what nobody else has put there: in a directory that all may write to, somebody else's files
/// would say where a token goes.
pub fn root(dir: &Path) -> Option<PathBuf> {
    let above: Vec<PathBuf> = upwards(dir);
    let is_marked = |at: &&PathBuf| is_ours(at) && is_ours(&at.join(ignore::NAME));
    if dir.join(ignore::NAME).is_file() {
        return Some(dir.to_owned());
    }
    if let Some(marked) = above.iter().find(is_marked) {
        return Some(marked.clone());
    }
    if is_near(dir) {
        return Some(dir.to_owned());
    }
    let mut left = ENTRIES_MAX;
    let mut declares =
        |at: &&PathBuf| is_ours(at) && declaration(at, &mut left, None).is_some_and(|file| is_ours(&file));
    above.iter().find(|at| declares(at)).cloned()
}

/// The directories above, the nearest first.
fn upwards(dir: &Path) -> Vec<PathBuf> {
    let depth = dir.canonicalize().map_or(0, |whole| whole.components().count().saturating_sub(1));
    let mut found = Vec::new();
    let mut at = dir.to_owned();
    while found.len() < depth.min(UPWARDS_MAX) && !at.join(".git").exists() {
        // From `.` it is `..`, as one would write it.
        at = if at == Path::new(".") { PathBuf::from("..") } else { at.join("..") };
        found.push(at.clone());
    }
    found
}

/// Whether a file or a directory is of whoever runs this, or of the system.
fn is_ours(path: &Path) -> bool {
    let user = rustix::process::geteuid().as_raw();
    std::fs::metadata(path).is_ok_and(|found| user == 0 || found.uid() == user || found.uid() == 0)
}

/// Whether a directory holds an estate: an `environment` declaration in a file of it, or one folder down. A look that costs
/// little, since it is done for each command without an address; what is odd about the files shows when they are read in
/// earnest.
pub fn is_near(dir: &Path) -> bool {
    let mut left = ENTRIES_MAX;
    let mut folders = Vec::new();
    declaration(dir, &mut left, Some(&mut folders)).is_some()
        || folders.iter().any(|folder| declaration(folder, &mut left, None).is_some())
}

/// A file of a directory that declares an environment.
fn declaration(dir: &Path, left: &mut usize, mut folders: Option<&mut Vec<PathBuf>>) -> Option<PathBuf> {
    for entry in std::fs::read_dir(dir).ok()?.flatten() {
        *left = left.checked_sub(1)?;
        let Ok(kind) = entry.file_type() else { continue };
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        match &mut folders {
            Some(folders) if kind.is_dir() && !hidden => folders.push(entry.path()),
            _ if kind.is_file() && !hidden && names_environment(&entry.path()) => return Some(entry.path()),
            _ => {}
        }
    }
    None
}

fn names_environment(path: &Path) -> bool {
    let fits = || std::fs::metadata(path).is_ok_and(|metadata| metadata.len() <= FILE_BYTES_MAX);
    let begins = |text: String| {
        text.lines().any(|line| {
            line.strip_prefix("environment").is_some_and(|rest| rest.trim_start().starts_with(['"', ':', '{']))
        })
    };
    is_declaration(path) && fits() && std::fs::read_to_string(path).is_ok_and(begins)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{is_near, root};

    fn write(dir: &Path, file: &str, text: &str) {
        let path = dir.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }

    #[test]
    fn an_estate_is_found_upwards() {
        const DECLARED: &str = "environment \"local\" {}\n";
        for (files, at, expected) in [
            (&[("e/estate.hcl", DECLARED)][..], "e", Some("e")),
            (&[("e/estate.hcl", DECLARED)], "e/apps/web", Some("e")),
            // The nearest of two, and none that is only beside.
            (&[("estate.hcl", DECLARED), ("e/estate.hcl", DECLARED)], "e/apps", Some("e")),
            (&[("e/estate.hcl", DECLARED)], "other", None),
            (&[("e/env/prod.hcl", DECLARED)], "e/apps", None),
            // A mark says so of a directory whose environments are in a folder.
            (&[("e/env/prod.hcl", DECLARED), ("e/.leaseholdignore", "")], "e/apps", Some("e")),
            (&[("e/env/prod.hcl", DECLARED), ("e/.leaseholdignore", "")], "e/env", Some("e")),
            (&[("e/env/prod.hcl", DECLARED)], "e/env", Some("e/env")),
            // Not out of a repository.
            (&[("estate.hcl", DECLARED), ("e/.git/HEAD", "")], "e/apps", None),
            (&[("e/estate.hcl", DECLARED), ("e/.git/HEAD", "")], "e/apps", Some("e")),
        ] {
            let dir = tempfile::tempdir().unwrap();
            // What lies above the test's directory is not the test's.
            write(dir.path(), ".git/HEAD", "");
            files.iter().for_each(|(file, text)| write(dir.path(), file, text));
            std::fs::create_dir_all(dir.path().join(at)).unwrap();
            let found = root(&dir.path().join(at)).map(|found| found.canonicalize().unwrap());
            let expected: Option<PathBuf> = expected.map(|at| dir.path().join(at).canonicalize().unwrap());
            assert_eq!(found, expected, "{files:?} at {at}");
        }
    }

    #[test]
    fn an_estate_is_known_by_its_environment() {
        for (file, text, is) in [
            ("estate.hcl", "# x\nenvironment \"local\" {}\n", true),
            ("env/prod.yaml", "environment:\n  prod: {}\n", true),
            ("main.tf", "environment \"x\" {}", false),
            ("deep/er/x.hcl", "environment \"x\" {}", false),
            (".hidden/x.hcl", "environment \"x\" {}", false),
            ("values.yaml", "environments: [a]\n", false),
            ("values.yaml", "  environment: prod\n", false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            assert_eq!(is_near(dir.path()), is, "{file}: {text}");
        }
    }
}
