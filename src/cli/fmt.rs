//! `leasehold fmt`: files in their canonical form.
//!
//! All files are read and laid out before one is written, and each is replaced whole: a kill leaves some as they were, and
//! none half.

use std::fs::{Metadata, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use similar::TextDiff;

use super::context::{Context, rendered};
use super::error::CliError;
use super::global::Global;
use super::output::{self, one_line, printable};
use crate::durable;
use crate::estate::{self, Problem, Sources};
use crate::layout::{self, Syntax};
use crate::text::count;

/// Arguments of `leasehold fmt`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
HCL becomes what `terraform fmt` makes of it, with one empty line at most between two others; any file of HCL can be named, such
as a policy's rules. Nothing else changes: neither what a file says, nor its comments. Prints the names of the files that
it changed.

Exit codes: 0 done, or nothing to do, 1 an error, and nothing was written, 2 (with --check) a file is not in this form.")]
pub(crate) struct Args {
    /// Files, or directories with the files of estates, or - for stdin [default: the estate's directory]
    paths: Vec<PathBuf>,
    /// Write nothing, and say which files are not in this form
    #[arg(long)]
    check: bool,
    /// Print what changes
    #[arg(long)]
    diff: bool,
    /// What stdin is in
    #[arg(long, value_name = "hcl|yaml", default_value = "hcl", value_parser = syntax)]
    syntax: Syntax,
}

/// A syntax by its name.
pub(super) fn syntax(name: &str) -> Result<Syntax, String> {
    match name {
        "hcl" => Ok(Syntax::Hcl),
        "yaml" => Ok(Syntax::Yaml),
        _ => Err("files are in hcl or yaml".to_owned()),
    }
}

/// A file that was read.
pub(super) struct Found {
    /// As it is named to the user.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_form()?;
    global.no_field()?;
    if let [path] = args.paths.as_slice()
        && path.as_os_str() == "-"
    {
        return stdin(&args);
    }
    let dir = Context::open(global)?.estate_dir();
    let paths = if args.paths.is_empty() { vec![dir] } else { args.paths };
    let files = found(&paths)?;
    let mut changed = Vec::new();
    let mut wrong = Vec::new();
    for file in &files {
        match layout::formatted(&file.name, &file.text) {
            Ok(text) if text == file.text => {}
            Ok(text) => changed.push((file, text)),
            Err(problems) => wrong.push((file, problems)),
        }
    }
    refuse(&wrong)?;
    for (file, text) in &changed {
        if !args.check {
            replace(file, text)?;
        }
        output::line(&one_line(&file.name))?;
        if args.diff {
            output::data(&difference(&file.name, &file.text, text))?;
        }
    }
    Ok(if args.check && !changed.is_empty() { 2 } else { 0 })
}

fn stdin(args: &Args) -> Result<u8, CliError> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|error| CliError::new(1, format!("stdin can't be read: {error}")))?;
    let name = format!("stdin.{}", args.syntax.ending());
    let text = estate::check_text(bytes).map_err(|why| CliError::new(1, format!("stdin: {}", why.what)))?;
    let file = Found { name, path: PathBuf::new(), text };
    let text = match layout::formatted(&file.name, &file.text) {
        Ok(text) => text,
        Err(problems) => {
            refuse(&[(&file, problems)])?;
            String::new()
        }
    };
    match (args.check, args.diff) {
        (_, true) => output::data(&difference(&file.name, &file.text, &text))?,
        (true, false) => {}
        (false, false) => output::exact(&text)?,
    }
    Ok(if args.check && text != file.text { 2 } else { 0 })
}

/// The files that paths name: themselves, and in directories those of an estate.
///
/// # Errors
/// One is not there, can't be read, or is of neither syntax.
pub(super) fn found(paths: &[PathBuf]) -> Result<Vec<Found>, CliError> {
    let mut files: Vec<Found> = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(in_directory(path)?);
            continue;
        }
        let name = path.display().to_string();
        let failed = |what: &str| CliError::new(1, format!("{}: {what}", one_line(&name)));
        if Syntax::of(&name).is_none() {
            return Err(failed("this is no file in HCL or YAML")
                .hint("files end in .hcl, .yaml or .yml; a policy in JSON is for `leasehold policy fmt`"));
        }
        let text = estate::read_text(path).map_err(|why| failed(&why.what))?;
        // Through a link its target is written.
        let path = std::fs::canonicalize(path).map_err(|error| failed(&error.to_string()))?;
        files.push(Found { name, path, text });
    }
    let mut seen = std::collections::HashSet::new();
    files.retain(|file| seen.insert(file.path.clone()));
    Ok(files)
}

fn in_directory(dir: &Path) -> Result<Vec<Found>, CliError> {
    let none = Sources::default();
    let sources = estate::read_directory(dir).map_err(|problems| rendered(&problems, &none))?;
    if !sources.unread().is_empty() {
        return Err(rendered(sources.unread(), &sources));
    }
    let shown = |name: &str| if dir == Path::new(".") { name.to_owned() } else { dir.join(name).display().to_string() };
    let root = std::fs::canonicalize(dir).map_err(|error| CliError::new(1, format!("{}: {error}", dir.display())))?;
    // Rules of policies are texts that an engine keeps: another layout would be another text.
    let declaring = estate::declaring(&sources);
    let files = sources.files().iter().filter(|file| declaring.contains(&*file.name));
    files
        .map(|file| {
            let name = shown(&file.name);
            let path = std::fs::canonicalize(root.join(&*file.name));
            let path = path.map_err(|error| CliError::new(1, format!("{}: {error}", one_line(&name))))?;
            Ok(Found { name, path, text: file.text.clone() })
        })
        .collect()
}

/// What is wrong with a file.
pub(super) type Wrong<'a> = (&'a Found, Vec<Problem>);

/// Ends the command with what is wrong with files, if anything is.
///
/// # Errors
/// All of it, each where it stands.
pub(super) fn refuse(wrong: &[Wrong<'_>]) -> Result<(), CliError> {
    if wrong.is_empty() {
        return Ok(());
    }
    let shown = wrong.iter().map(|(file, problems)| {
        let sources = Sources::from_texts([(file.name.clone(), file.text.clone())], []);
        estate::render(problems, &sources, false).trim_end().to_owned()
    });
    let shown: Vec<String> = shown.collect();
    let problems = count(wrong.iter().map(|(_, problems)| problems.len()).sum(), "problem");
    Err(CliError::plain(1, format!("{}\n\n{problems}, and nothing was written", shown.join("\n\n"))))
}

/// Lays out one file of HCL or JSON, whatever it is called, and answers its name.
///
/// # Errors
/// It can't be read, is neither, or can't be written.
pub(super) fn one(path: &Path) -> Result<String, CliError> {
    let name = path.display().to_string();
    let failed = |what: &str| CliError::new(1, format!("{}: {what}", one_line(&name)));
    let text = estate::read_text(path).map_err(|why| failed(&why.what))?;
    let path = std::fs::canonicalize(path).map_err(|error| failed(&error.to_string()))?;
    let file = Found { name, path, text };
    let shown = match layout::is_json(&file.text) {
        true => layout::json_formatted(&file.name, &file.text),
        false => layout::formatted(&file.name, &file.text),
    };
    match shown {
        Ok(text) if text != file.text => replace(&file, &text)?,
        Ok(_) => {}
        Err(problems) => refuse(&[(&file, problems)])?,
    }
    Ok(one_line(&file.name).into_owned())
}

/// Replaces the text of a file.
fn replace(file: &Found, text: &str) -> Result<(), CliError> {
    put(file, &file.path, text).map_err(|error| {
        CliError::new(1, format!("{} can't be written: {error}", one_line(&file.name)))
            .hint("the file is as it was; those named above are written")
    })
}

/// Gives a path a text, whole and durable, with the mode and the owner of a file. What stands beside it is somebody's, and is
/// left alone.
///
/// # Errors
/// As the file system has them; that the file is not to be written.
pub(super) fn put(from: &Found, path: &Path, text: &str) -> std::io::Result<()> {
    let before = std::fs::metadata(&from.path)?;
    if before.permissions().readonly() {
        return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let owner = |metadata: &Metadata| (metadata.uid(), metadata.gid());
    let written = new.metadata().and_then(|made| {
        if owner(&made) != owner(&before) {
            fchown(&new, Some(before.uid()), Some(before.gid()))?;
        }
        new.set_permissions(before.permissions())?;
        new.write_all(text.as_bytes())?;
        new.sync_all()?;
        std::fs::rename(&beside, path)
    });
    if written.is_err() {
        // What went wrong is told; this leftover is of no use to anybody.
        let _ = std::fs::remove_file(&beside);
    }
    written.and_then(|()| durable::sync_parent(path))
}

/// What changes in a file, as `diff -u` shows it.
fn difference(name: &str, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let name = one_line(name);
    let diff = TextDiff::from_lines(before, after);
    printable(&diff.unified_diff().header(&format!("old/{name}"), &format!("new/{name}")).to_string()).into_owned()
}
