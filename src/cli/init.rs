//! `leasehold init`: the files of a new estate, which is valid before a byte of it is written.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use super::error::CliError;
use super::global::{Global, addresses};
use super::output;
use crate::estate::{self, Sources};
use crate::import::{File, Fresh, Syntax};
use crate::keeper::quoted;
use crate::units::address::Addresses;

/// Arguments of `leasehold init`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Asks on a terminal where nothing is said, and takes what is in brackets else. `--address` names a server of OpenBao, Vault or
`leasehold server`; without it the estate has an engine of its own in its directory. `--env` is what the environment is called.

Exit codes: 0 written, 1 an error, and nothing was written.")]
pub(crate) struct Args {
    /// Where to write it [default: the current directory]
    dir: Option<PathBuf>,
    /// The first app's name [default: webapp]
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// Which AWS an engine of its own talks to [default: sandbox, a simulated account]
    #[arg(long, value_name = "sandbox|aws")]
    aws: Option<String>,
    /// Write YAML, and not HCL
    #[arg(long)]
    yaml: bool,
}

/// What is written.
struct Wanted {
    environment: String,
    addresses: Option<Addresses>,
    aws: String,
    app: String,
    yaml: bool,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_form()?;
    let dir = args.dir.clone().or_else(|| global.dir.clone()).unwrap_or_else(|| PathBuf::from("."));
    if estate::is_near(&dir) {
        let what = format!("nothing was written: there is an estate in {} already", dir.display());
        return Err(CliError::new(1, what).hint("name another directory: leasehold init DIR"));
    }
    let wanted = Wanted::of(args, global)?;
    let files = wanted.files();
    check(&files)?;
    write(&dir, &files)?;
    output::say(&format!("{} files are written into {}.", files.len(), dir.display()));
    let name = dir.display().to_string();
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_'));
    let at = match (name.as_str(), is_plain) {
        (".", _) => String::new(),
        (_, true) => format!(" -C {name}"),
        (_, false) => format!(" -C {}", quoted(&name)),
    };
    output::say(&format!("Next:\n  leasehold{at} plan\n  leasehold{at} apply\n  leasehold{at} creds {}", wanted.app));
    Ok(0)
}

impl Wanted {
    fn of(args: Args, global: &Global) -> Result<Self, CliError> {
        let is_asked = std::io::stdin().is_terminal()
            && std::io::stderr().is_terminal()
            && args.app.is_none()
            && args.aws.is_none()
            && global.address.is_none();
        let ask =
            |question: &str, default: &str| if is_asked { asked(question, default) } else { Ok(default.to_owned()) };
        let address = match global.address.clone() {
            None => Some(ask("The engine's address, or embedded", "embedded")?).filter(|said| said != "embedded"),
            said => said,
        };
        let addresses = address.map(|said| addresses(&said, "--address")).transpose()?;
        let aws = match (args.aws, &addresses) {
            (Some(_), Some(_)) => {
                return Err(CliError::new(
                    1,
                    "--aws is for an engine of the estate's own, and --address names a server",
                )
                .hint("leave one of them out"));
            }
            (Some(said), None) => said,
            (None, Some(_)) => "aws".to_owned(),
            (None, None) => ask("Its AWS: sandbox or aws", "sandbox")?,
        };
        let app = match args.app {
            Some(app) => app,
            None => ask("The first app", "webapp")?,
        };
        let default = if addresses.is_some() { "prod" } else { "local" };
        let environment = global.environment.clone().unwrap_or_else(|| default.to_owned());
        let wanted = Self { environment, addresses, aws, app, yaml: args.yaml };
        wanted.check()?;
        Ok(wanted)
    }

    /// What would be another text in a file than it is.
    fn check(&self) -> Result<(), CliError> {
        let is_name = |text: &str| {
            let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !text.is_empty() && text.chars().all(is_good)
        };
        for (what, name) in [("an app", &self.app), ("an environment", &self.environment)] {
            if !is_name(name) {
                return Err(CliError::new(1, format!("nothing was written: {name:?} can't be the name of {what}"))
                    .hint("letters, digits, `-`, `_` and `.`"));
            }
        }
        let is_plain =
            |text: &str| text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '$' | '%' | '{'));
        let addresses = self.addresses.iter().flat_map(Addresses::each);
        let mut texts = addresses.chain([self.aws.as_str()]);
        match texts.find(|text| !is_plain(text)) {
            Some(odd) => Err(CliError::new(1, format!("nothing was written: {odd:?} can't stand in a file"))
                .hint("an address is written http://127.0.0.1:8200")),
            None => Ok(()),
        }
    }

    fn files(&self) -> Vec<File> {
        let Self { environment, addresses, aws, app, yaml } = self;
        let fresh = Fresh { environment, addresses: addresses.as_ref(), aws, app };
        let mut files = fresh.files(if *yaml { Syntax::Yaml } else { Syntax::Hcl });
        if addresses.is_none() {
            let text = "# The data of the engine, with its keys.\n.leasehold/\n".to_owned();
            files.push(File { name: ".gitignore".to_owned(), text });
        }
        files
    }
}

/// Asks on the terminal; what is typed, or the default where that is nothing.
fn asked(question: &str, default: &str) -> Result<String, CliError> {
    output::ask(&format!("{question} [{default}]: "));
    let mut text = String::new();
    let read = std::io::stdin().lock().read_line(&mut text);
    read.map_err(|error| CliError::new(1, format!("the terminal could not be read: {error}")))?;
    let text = text.trim();
    Ok(if text.is_empty() { default.to_owned() } else { text.to_owned() })
}

/// Refuses what would not be valid once it is written.
fn check(files: &[File]) -> Result<(), CliError> {
    let declarations = files.iter().filter(|file| !file.name.starts_with('.'));
    let declarations = declarations.map(|file| (file.name.clone(), file.text.clone()));
    let sources = Sources::from_texts(declarations, []);
    match estate::load(&sources, None) {
        Ok(_) => Ok(()),
        Err(problems) => {
            let shown = estate::render(&problems, &sources, std::io::stderr().is_terminal());
            Err(CliError::plain(1, format!("{}\n\nnothing was written", shown.trim_end())))
        }
    }
}

/// Writes the files, or none of them where one is there.
fn write(dir: &Path, files: &[File]) -> Result<(), CliError> {
    if let Some(File { name, .. }) = files.iter().find(|file| std::fs::symlink_metadata(dir.join(&file.name)).is_ok()) {
        let what = format!("nothing was written: {} is there", dir.join(name).display());
        return Err(CliError::new(1, what).hint("name another directory: leasehold init DIR"));
    }
    for File { name, text } in files {
        let path = dir.join(name);
        let written = path.parent().map_or(Ok(()), |folder| DirBuilder::new().recursive(true).create(folder));
        let written = written.and_then(|()| OpenOptions::new().create_new(true).write(true).open(&path));
        let written = written.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| CliError::new(1, format!("{} could not be written: {error}", path.display())))?;
    }
    Ok(())
}
