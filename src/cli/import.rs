//! `leasehold import`: what an engine has, as files.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::context::{Context, Warnings, Workplace};
use super::error::CliError;
use super::format::Format;
use super::forms;
use super::global::Global;
use super::output::{self, printable};
use crate::api::Client;
use crate::durable;
use crate::estate::{self, Sources};
use crate::import::{self, File, Syntax};
use crate::proposal::{self, Base, Basis, Imported, Purpose};

/// The environment of a new estate, where nobody names one.
const ENVIRONMENT: &str = "main";

/// Arguments of `leasehold import`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Into a directory without an estate it writes a new one, for the engine that --address names. In an estate's directory it \
adds what the environment's engine has and neither these files nor another estate's ledger. Files that are there are never \
touched, and nothing is written to the engine: what policies/acl/plan.hcl grants is enough, and what the token may not \
list is told.

Each import is proved before anything is written: the files are planned against the engine, and what that plan would \
change is left out.

Exit codes: 0 all of it was imported, 2 something could not be said and is left out, 1 an error, and nothing was written.")]
pub(crate) struct Args {
    /// The directory of the files [default: the current one]
    dir: Option<PathBuf>,
    /// How they are written
    #[arg(long, value_enum, default_value = "hcl", value_name = "hcl|yaml", hide_possible_values = true)]
    syntax: Written,
}

/// How files are written.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Written {
    /// HCL.
    Hcl,
    /// YAML.
    Yaml,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let format = global.format(forms::TEXT)?;
    let syntax = match args.syntax {
        Written::Hcl => Syntax::Hcl,
        Written::Yaml => Syntax::Yaml,
    };
    let context = Context::open(global)?.at(args.dir).telling(Warnings::Untold);
    let outcome = import(&context, global, syntax).await;
    context.close().await;
    let Imported { report, .. } = outcome?;
    match format {
        Format::Json => output::data(&format!("{:#}\n", report.json()))?,
        _ => output::data(&report.text())?,
    }
    Ok(report.exit_code())
}

async fn import(context: &Context, global: &Global, syntax: Syntax) -> Result<Imported, CliError> {
    let dir = context.estate_dir();
    let Ground { sources, estate, client, environment } = base(context, global, syntax, &dir).await?;
    let taken = |name: &str| std::fs::symlink_metadata(dir.join(name)).is_ok();
    let today = context.today();
    let near = dir.ancestors().find(|near| near.is_dir()).unwrap_or(Path::new("."));
    let near = if near.as_os_str().is_empty() { Path::new(".") } else { near };
    let shared = context.is_remote(&estate.environment);
    let basis = Basis { dir: near, shared, today: &today, purpose: Purpose::Show };
    let into = Base { sources: &sources, declared: &estate, taken: &taken, syntax };
    let imported = proposal::import(into, &client, basis).await.map_err(|error| context.unproposed(error))?;
    if imported.report.imported() > 0 {
        write(&dir, &imported.files, environment.as_ref())?;
    }
    Ok(imported)
}

/// What files are added to.
struct Ground {
    sources: Sources,
    estate: estate::Estate,
    client: Client,
    /// The declaration of the environment, where that is new.
    environment: Option<File>,
}

async fn base(context: &Context, global: &Global, syntax: Syntax, dir: &Path) -> Result<Ground, CliError> {
    let none = || Sources::default();
    let holds_files = match std::fs::symlink_metadata(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        _ => estate::read_any(dir).map_err(|problems| rendered(&problems, &none()))?.is_some(),
    };
    if holds_files {
        let Workplace { estate, sources, client } = context.workplace().await?;
        return Ok(Ground { sources, estate, client, environment: None });
    }
    let Some(address) = global.address() else {
        let what =
            format!("{} holds no estate, and no engine is named to import from", printable(&dir.display().to_string()));
        return Err(
            CliError::new(1, what).hint("name it with --address or LEASEHOLD_ADDR; or name an estate's directory")
        );
    };
    let name = global.environment().unwrap_or_else(|| ENVIRONMENT.to_owned());
    let namespace = global.namespace().map(|name| name.trim_matches('/').to_owned());
    let namespace = namespace.filter(|name| !matches!(name.as_str(), "" | "root"));
    let file = import::environment(&name, &address, namespace.as_deref(), syntax);
    let sources = none().with(vec![(file.name.clone(), file.text.clone())], BTreeMap::new());
    let estate = estate::load(&sources, Some(&name)).map_err(|problems| rendered(&problems, &sources))?;
    let client = context.operator_at(address)?;
    Ok(Ground { sources, estate, client, environment: Some(file) })
}

fn rendered(problems: &[estate::Problem], sources: &Sources) -> CliError {
    CliError::plain(1, estate::render(problems, sources, false).trim_end().to_owned())
}

/// Writes new files, all of them or none; whatever is there stays. That of the environment comes last: without it, what a
/// killed import left behind is no estate.
fn write(dir: &Path, files: &[File], environment: Option<&File>) -> Result<(), CliError> {
    let mut made: Vec<PathBuf> = Vec::new();
    let mut all = || -> Result<(), (PathBuf, std::io::Error)> {
        for files in [files, environment.map_or(&[], std::slice::from_ref)] {
            for file in files {
                let path = dir.join(&file.name);
                create(&path, &file.text).map_err(|error| (path.clone(), error))?;
                made.push(path);
            }
            durable::flush(dir).map_err(|error| (dir.to_owned(), error))?;
        }
        Ok(())
    };
    all().map_err(|(path, error)| {
        // What is left behind is named by nothing, and the error says where.
        made.iter().for_each(|made| drop(std::fs::remove_file(made)));
        let shown = path.display().to_string();
        CliError::new(1, format!("{} could not be written, and nothing was: {error}", printable(&shown)))
    })
}

/// Writes a file that is not there yet.
fn create(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes()).inspect_err(|_| drop(std::fs::remove_file(path)))
}
