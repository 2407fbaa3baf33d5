//! `leasehold import`: what an engine has, or Terraform declares, as files.

mod terraform;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::app::RunArgs;
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
use crate::units::address::Addresses;

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

With --from-terraform the files are for what Terraform's provider for Vault declares: a directory of its files, or what \
`terraform show -json` prints of a plan or a state, or a state file. No engine is needed for it. Where one is named, or an \
estate's directory has one, what it has otherwise is told. What can't be carried over is listed by file and line.

Exit codes: 0 all of it was imported, 2 something could not be said and is left out, 1 an error, and nothing was written.")]
pub(crate) struct Args {
    /// The directory of the files [default: the current one]
    dir: Option<PathBuf>,
    /// How they are written
    #[arg(long, value_enum, default_value = "hcl", value_name = "hcl|yaml", hide_possible_values = true)]
    syntax: Written,
    /// Take what Terraform declares, in place of what an engine has
    #[arg(long, value_name = "DIR|FILE")]
    from_terraform: Option<PathBuf>,
    #[command(flatten)]
    login: RunArgs,
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
    let context = Context::open(global)?.at(args.dir).telling(Warnings::Untold).logging_in(args.login.way()?);
    let outcome = match &args.from_terraform {
        Some(from) => carry(&context, global, syntax, from).await,
        None => import(&context, global, syntax).await,
    };
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
    let ground = base(context, global, syntax, &dir).await?;
    let Some(client) = &ground.client else {
        let shown = dir.display().to_string();
        let what = format!("{} holds no estate, and no engine is named to import from", printable(&shown));
        return Err(
            CliError::new(1, what).hint("name it with --address or LEASEHOLD_ADDR; or name an estate's directory")
        );
    };
    let today = context.today();
    let taken = |name: &str| std::fs::symlink_metadata(dir.join(name)).is_ok();
    let basis = ground.basis(context, near(&dir), &today);
    let imported = proposal::import(ground.as_base(&taken, syntax), client, basis).await;
    let imported = imported.map_err(|error| context.unproposed(error))?;
    keep(&dir, &ground, imported)
}

/// Files for what Terraform declares.
async fn carry(context: &Context, global: &Global, syntax: Syntax, from: &Path) -> Result<Imported, CliError> {
    let dir = context.estate_dir();
    let carried = terraform::read(from)?;
    let ground = base(context, global, syntax, &dir).await?;
    let today = context.today();
    let taken = |name: &str| std::fs::symlink_metadata(dir.join(name)).is_ok();
    let engine = ground.client.as_ref().map(|client| (client, ground.basis(context, near(&dir), &today)));
    let from = from.display().to_string();
    let imported = proposal::carried(ground.as_base(&taken, syntax), &from, carried, engine).await;
    let imported = imported.map_err(|error| context.unproposed(error))?;
    keep(&dir, &ground, imported)
}

/// Writes what was imported, if it is anything.
fn keep(dir: &Path, ground: &Ground, imported: Imported) -> Result<Imported, CliError> {
    if imported.report.imported() > 0 {
        let environment = ground.environment.as_ref().map(|new| new.file(&imported.report.secrets));
        write(dir, &imported.files, environment.as_ref())?;
    }
    Ok(imported)
}

/// The directory, or the nearest above it that there is.
fn near(dir: &Path) -> &Path {
    let near = dir.ancestors().find(|near| near.is_dir()).unwrap_or(Path::new("."));
    if near.as_os_str().is_empty() { Path::new(".") } else { near }
}

/// What files are added to.
struct Ground {
    sources: Sources,
    estate: estate::Estate,
    /// None where the estate is new and no engine is named.
    client: Option<Client>,
    /// The environment, where that is new.
    environment: Option<New>,
}

/// An environment that no file declares yet.
struct New {
    name: String,
    addresses: Option<Addresses>,
    namespace: Option<String>,
    syntax: Syntax,
}

impl New {
    /// Its declaration, in which these secrets are allowed.
    fn file(&self, secrets: &[import::Secret]) -> File {
        let Self { name, addresses, namespace, syntax } = self;
        import::environment(name, addresses.as_ref(), namespace.as_deref(), secrets, *syntax)
    }
}

impl Ground {
    fn basis<'a>(&self, context: &Context, dir: &'a Path, today: &'a str) -> Basis<'a> {
        Basis { dir, shared: context.is_remote(&self.estate.environment), today, purpose: Purpose::Show }
    }

    fn as_base<'a>(&'a self, taken: &'a dyn Fn(&str) -> bool, syntax: Syntax) -> Base<'a> {
        Base { sources: &self.sources, declared: &self.estate, taken, syntax }
    }
}

async fn base(context: &Context, global: &Global, syntax: Syntax, dir: &Path) -> Result<Ground, CliError> {
    let none = || Sources::default();
    let holds_files = match std::fs::symlink_metadata(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        _ => estate::read_any(dir).map_err(|problems| rendered(&problems, &none()))?.is_some(),
    };
    if holds_files {
        let Workplace { estate, sources, client } = context.workplace().await?;
        return Ok(Ground { sources, estate, client: Some(client), environment: None });
    }
    let addresses = global.addresses()?;
    let name = global.environment().unwrap_or_else(|| ENVIRONMENT.to_owned());
    let namespace = global.namespace().map(|name| name.trim_matches('/').to_owned());
    // An embedded engine has none.
    let namespace = namespace.filter(|name| addresses.is_some() && !matches!(name.as_str(), "" | "root"));
    let new = New { name, addresses, namespace, syntax };
    let file = new.file(&[]);
    let sources = none().with(vec![(file.name, file.text)], BTreeMap::new());
    let estate = estate::load(&sources, Some(&new.name)).map_err(|problems| rendered(&problems, &sources))?;
    let client = match &new.addresses {
        Some(addresses) => Some(context.operator_at(addresses.clone()).await?),
        None => None,
    };
    Ok(Ground { sources, estate, client, environment: Some(new) })
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
