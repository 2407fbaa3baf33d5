//! Reading what Terraform has: a directory of its files, or a plan or a state in one.
//!
//! Nothing outside a directory that is named is read, wherever a link or an expression leads, and nothing is kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cli::error::CliError;
use crate::cli::output::printable;
use crate::import::terraform::{self, Carried, Files};

/// How large a plan or a state may be.
const STATE_BYTES_MAX: u64 = 256 << 20;

/// How large a file of a configuration may be, and one that it reads.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// How many files a configuration may have.
const FILES_MAX: usize = 10_000;

/// Reads what Terraform has at a path.
pub(super) fn read(from: &Path) -> Result<Carried, CliError> {
    let metadata = std::fs::metadata(from).map_err(|error| unread(from, &error))?;
    let carried = if metadata.is_dir() {
        let root = from.canonicalize().map_err(|error| unread(from, &error))?;
        let texts = sources(&root, from)?;
        let read = |path: &str| within(&root, path);
        terraform::of_files(&Files { texts, read: &read })
    } else {
        let text = text(from, STATE_BYTES_MAX).map_err(|why| unread(from, &why))?;
        terraform::of_json(&text)
    };
    carried.map_err(|error| unread(from, &error))
}

fn unread(from: &Path, why: &dyn std::fmt::Display) -> CliError {
    let shown = from.display().to_string();
    CliError::new(1, format!("{} can't be read: {}", printable(&shown), printable(&why.to_string())))
        .hint("name a directory of Terraform's files, or a file with what `terraform show -json` prints, or a state")
}

/// The files of a directory that Terraform reads of itself; those below it are of modules.
fn sources(root: &Path, from: &Path) -> Result<BTreeMap<String, String>, CliError> {
    let mut texts = BTreeMap::new();
    for entry in std::fs::read_dir(root).map_err(|error| unread(from, &error))? {
        let entry = entry.map_err(|error| unread(from, &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !is_terraforms(&name) {
            continue;
        }
        if texts.len() == FILES_MAX {
            return Err(unread(from, &format!("it has more than {FILES_MAX} files")));
        }
        let text = within(root, &name).map_err(|why| unread(&from.join(&name), &why))?;
        texts.insert(name, text);
    }
    if texts.is_empty() {
        return Err(unread(from, &"it has no *.tf and no *.tf.json"));
    }
    Ok(texts)
}

/// Whether Terraform reads a file of this name. Source: Terraform documentation, "Files and directories", and "Input
/// variables".
fn is_terraforms(name: &str) -> bool {
    let is_source = name.ends_with(".tf") || name.ends_with(".tf.json");
    let is_values = name == "terraform.tfvars" || name == "terraform.tfvars.json";
    let is_auto = name.ends_with(".auto.tfvars") || name.ends_with(".auto.tfvars.json");
    // Those of editors, which Terraform passes over too.
    let is_passed_over = name.starts_with('.') || name.ends_with('~') || (name.starts_with('#') && name.ends_with('#'));
    (is_source || is_values || is_auto) && !is_passed_over
}

/// The text of a file in a directory.
fn within(root: &Path, path: &str) -> Result<String, String> {
    let shown = printable(path).into_owned();
    let found: PathBuf = root.join(path).canonicalize().map_err(|error| format!("{shown} can't be read: {error}"))?;
    if !found.starts_with(root) {
        return Err(format!("{shown} is outside of the directory, and nothing there is read"));
    }
    text(&found, FILE_BYTES_MAX).map_err(|why| format!("{shown} can't be read: {why}"))
}

/// The text of a file that is no larger than this.
fn text(path: &Path, bytes_max: u64) -> Result<String, String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is no file".to_owned());
    }
    if metadata.len() > bytes_max {
        return Err(format!("it is larger than {} MiB", bytes_max >> 20));
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}
