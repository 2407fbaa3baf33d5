//! Whether a directory looks like an estate: what a command without an address goes by.

use std::path::{Path, PathBuf};

use super::walk::{FILE_BYTES_MAX, is_declaration};

/// How much is looked at.
const ENTRIES_MAX: usize = 1_000;

/// Whether a directory holds an estate: an `environment` declaration in a file of it, or one folder down. A look that costs
/// little, since it is done for each command without an address; what is odd about the files shows when they are read in
/// earnest.
pub fn is_near(dir: &Path) -> bool {
    let mut left = ENTRIES_MAX;
    let mut folders = Vec::new();
    declares(dir, &mut left, Some(&mut folders)) || folders.iter().any(|folder| declares(folder, &mut left, None))
}

fn declares(dir: &Path, left: &mut usize, mut folders: Option<&mut Vec<PathBuf>>) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else { return false };
    for entry in entries.flatten() {
        if *left == 0 {
            return false;
        }
        *left -= 1;
        let Ok(kind) = entry.file_type() else { continue };
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        match &mut folders {
            Some(folders) if kind.is_dir() && !hidden => folders.push(entry.path()),
            _ if kind.is_file() && !hidden && names_environment(&entry.path()) => return true,
            _ => {}
        }
    }
    false
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
    use super::is_near;

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
