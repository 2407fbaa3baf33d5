//! `leasehold convert`: files in the other syntax.
//!
//! All files are read and converted before one is written. Of each, the new file is there and durable before the old one
//! goes: a kill between leaves both, which every command tells of ("declared twice"), and loses nothing.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::error::CliError;
use super::fmt::{Found, found, put, refuse, syntax};
use super::global::Global;
use super::output::{self, one_line};
use crate::durable;
use crate::layout::{self, Converted, Syntax};

/// Arguments of `leasehold convert`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A file in HCL becomes YAML, and one in YAML HCL: the same declarations, with their comments, in canonical form. Without --write the
text is printed. With it, each file is replaced by one beside it of the other name; what a directory holds in another
syntax than --to is converted.

Exit codes: 0 done, or nothing to do, 1 an error, and nothing was written.")]
pub(crate) struct Args {
    /// Files, or directories with the files of estates
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Which syntax files get; those that have it are left alone [default: the one that a file is not in]
    #[arg(long, value_name = "hcl|yaml", value_parser = syntax)]
    to: Option<Syntax>,
    /// Replace the files
    #[arg(long)]
    write: bool,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_form()?;
    global.no_field()?;
    if args.to.is_none() && args.paths.iter().any(|path| path.is_dir()) {
        return Err(CliError::new(1, "a directory is converted to one syntax, and none is said")
            .hint("add --to hcl or --to yaml"));
    }
    let mut files = found(&args.paths)?;
    files.retain(|file| args.to.is_none() || Syntax::of(&file.name) != args.to);
    if !args.write && files.len() > 1 {
        let what = format!("{} files would be printed as one", files.len());
        return Err(CliError::new(1, what).hint("name one file, or add --write to replace them all"));
    }
    let mut all = Vec::new();
    let mut wrong = Vec::new();
    for file in &files {
        match layout::converted(&file.name, &file.text) {
            Ok(converted) => all.push((file, converted)),
            Err(problems) => wrong.push((file, problems)),
        }
    }
    refuse(&wrong)?;
    for (file, converted) in &all {
        for note in &converted.notes {
            output::say(&format!("note: {}: {note}", one_line(&file.name)));
        }
    }
    if !args.write {
        return all.iter().try_for_each(|(_, converted)| output::exact(&converted.text)).map(|()| 0);
    }
    let named: Vec<_> = all.iter().map(|(file, converted)| (*file, converted, other_name(file))).collect();
    let mut given = HashSet::new();
    if let Some((_, _, taken)) = named.iter().find(|(.., path)| path.symlink_metadata().is_ok() || !given.insert(path))
    {
        let what = format!("nothing was written: there is a {} already", one_line(&taken.display().to_string()));
        return Err(CliError::new(1, what).hint("move it away, or convert without --write"));
    }
    if let Some(file) = files.iter().find(|file| is_link(&file.name)) {
        let what = format!("nothing was written: {} is a link", one_line(&file.name));
        return Err(CliError::new(1, what).hint("name what it leads to"));
    }
    for (file, converted, path) in &named {
        replace(file, converted, path)?;
        let shown = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        output::line(&format!("{} is {} now", one_line(&file.name), one_line(&shown)))?;
    }
    Ok(0)
}

/// The file of the same name in the other syntax.
fn other_name(file: &Found) -> PathBuf {
    let from = Syntax::of(&file.name).unwrap_or(Syntax::Hcl);
    file.path.with_extension(from.other().ending())
}

fn is_link(name: &str) -> bool {
    Path::new(name).is_symlink()
}

fn replace(file: &Found, converted: &Converted, path: &Path) -> Result<(), CliError> {
    let failed = |what: &str, error: std::io::Error| {
        CliError::new(1, format!("{} {what}: {error}", one_line(&file.name)))
            .hint("the files named above are converted")
    };
    put(file, path, &converted.text).map_err(|error| failed("can't be written in the other syntax", error))?;
    std::fs::remove_file(&file.path).map_err(|error| failed("is converted, and can't be removed", error))?;
    durable::sync_parent(&file.path).map_err(|error| failed("is converted, and can't be removed for good", error))
}
