//! The command line: arguments in, one library call, rendering out. One file per command; no logic here.

pub(crate) mod context;
mod convert;
pub(crate) mod embedded;
pub(crate) mod error;
mod failure;
pub(crate) mod global;
pub(crate) mod output;
pub(crate) mod table;

mod access;
mod adopt;
mod agent;
mod answer;
mod app;
mod apply;
mod argv;
mod audit;
mod audit_files;
mod auth;
mod baseline;
mod browse;
mod callback;
mod completions;
mod creds;
mod data;
mod delete;
mod drift;
mod exec;
mod explain;
mod fmt;
mod forget;
mod format;
mod forms;
mod graph;
mod history;
mod import;
mod init;
mod kv;
mod lease;
mod ledger;
mod list;
mod lock;
mod login;
mod man;
mod mounts;
mod operator;
mod patch;
mod path_help;
mod plan;
mod policy;
mod print;
mod prompt;
mod read;
mod render;
mod request;
mod review;
mod sandbox;
mod saved;
mod schema;
mod secrets;
mod selection;
mod server;
mod sketch;
mod status;
mod test;
mod token;
mod token_file;
mod trail;
mod ui;
mod unlock;
mod unwrap;
mod validate;
mod watch;
mod wrap;
mod write;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use self::error::CliError;
use self::global::Global;

/// Declarative, reviewed and accounted-for AWS credentials
#[derive(Debug, Parser)]
#[command(name = "leasehold", version, about)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the files of a new estate
    Init(init::Args),
    /// Check the estate's files and report every problem at once
    Validate(validate::Args),
    /// Say what may be written in an estate
    Explain(explain::Args),
    /// Print the JSON Schema of estates in YAML
    Schema(schema::Args),
    /// Lay the files out in their canonical form
    Fmt(fmt::Args),
    /// Write files in the other syntax
    Convert(convert::Args),
    /// Print the objects that the files stand for
    Render(render::Args),
    /// Show what apply would change
    Plan(plan::Args),
    /// Show what was changed behind our back, what is not yet applied, and what is not ours
    Drift(drift::Args),
    /// Show who gains and loses which access by a change, and on what terms
    Review(review::Args),
    /// Make the engine hold what the files say
    Apply(apply::Args),
    /// Look again and again whether the engine is as a branch says, and tell or apply
    Watch(Box<watch::Args>),
    /// Prove what the estate's tests say of its apps
    Test(test::Args),
    /// Say who can do a thing, or what an app can do and for how long
    Access(access::Args),
    /// Draw who may get what
    Graph(graph::Args),
    /// Log in as an app and print a fresh AWS credential
    Creds(Box<creds::Args>),
    /// Hold credentials for the apps of a host, and hand them out
    Agent(Box<agent::Args>),
    /// Run a command that has a credential of an app while it runs
    Exec(Box<exec::Args>),
    /// Write files for what an engine has and nobody declares
    Import(import::Args),
    /// Show what of an engine is this estate's own
    Ledger(ledger::Args),
    /// Show who applied what, and when
    History(history::Args),
    /// Take objects over that are declared and there, and that no estate has
    Adopt(adopt::Args),
    /// Give objects up, and leave them as they are
    Forget(forget::Args),
    /// Show who holds the estate's lock, and take it away
    Unlock(unlock::Args),
    /// Print the credentials that were issued
    Trail(trail::Args),
    /// Serve the Vault API from the embedded engine
    Server(Box<server::Args>),
    /// Open the engine's page in a browser
    Ui(ui::Args),
    /// Serve a simulated AWS account on loopback
    Sandbox(sandbox::Args),
    /// Show whether the engine is sealed
    Status(status::Args),
    /// Log in and keep the token
    Login(login::Args),
    /// Read a path
    Read(read::Args),
    /// Write to a path
    Write(write::Args),
    /// Fetch an answer that lies wrapped
    Unwrap(unwrap::Args),
    /// List the keys under a path
    List(list::Args),
    /// Delete a path
    Delete(delete::Args),
    /// Change what is at a path
    Patch(patch::Args),
    /// Say what a path is, and what it takes
    PathHelp(path_help::Args),
    /// Read, write and restore secrets of a key-value engine
    Kv(kv::Args),
    /// Look up, renew or revoke leases
    Lease(lease::Args),
    /// List, enable, disable or tune secrets engines
    Secrets(secrets::Args),
    /// List, enable or disable auth methods
    Auth(auth::Args),
    /// List, read, write or delete ACL policies
    Policy(policy::Args),
    /// Create, look up, renew or revoke tokens
    Token(token::Args),
    /// Print the token that commands show
    Print(print::Args),
    /// List, enable or disable audit devices
    Audit(audit::Args),
    /// Begin a server's store, open it and close it, and change its keys
    Operator(operator::Args),
    /// Print which version this is
    Version,
    /// Print what a shell completes commands and flags by
    Completions(completions::Args),
    /// Print or write the manual's pages
    Man(man::Args),
}

impl Command {
    /// Whether it is one request to an engine, as a person makes it.
    fn is_by_hand(&self) -> bool {
        matches!(
            self,
            Self::Read(_)
                | Self::Write(_)
                | Self::Patch(_)
                | Self::Unwrap(_)
                | Self::List(_)
                | Self::Delete(_)
                | Self::PathHelp(_)
                | Self::Kv(_)
                | Self::Lease(_)
                | Self::Secrets(_)
                | Self::Auth(_)
                | Self::Policy(_)
                | Self::Token(_)
                | Self::Audit(_)
                | Self::Operator(_)
        )
    }
}

/// The commands as help shows them, without one for help itself below each.
fn described() -> clap::Command {
    fn without_help(command: &mut clap::Command) {
        *command = std::mem::take(command).disable_help_subcommand(true);
        command.get_subcommands_mut().for_each(without_help);
    }
    let mut command = Cli::command();
    without_help(&mut command);
    command.build();
    forms::describe(&mut command);
    command
}

/// Runs the program on `argv` and answers its exit code.
///
/// Not generic, so that the whole program is compiled once, here, and not again with the binary.
pub fn run(argv: Vec<OsString>) -> ExitCode {
    let mut command = Cli::command();
    let argv = argv::expand(&mut command, argv);
    forms::describe(&mut command);
    let cli = match command.try_get_matches_from(argv).and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            if !error.use_stderr() {
                // A reader of the help that went away is no error.
                let _ = error.print();
                return ExitCode::from(0);
            }
            output::usage(&error);
            return ExitCode::from(1);
        }
    };
    output::set_colour(cli.global.no_color());
    if let Err(error) = cli.global.choose_catalogue() {
        output::failure(&error);
        return ExitCode::from(error.exit_code);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::failure(&CliError::new(1, format!("the runtime could not start: {error}")));
            return ExitCode::from(1);
        }
    };
    match runtime.block_on(dispatch(cli)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            output::failure(&error);
            ExitCode::from(error.exit_code)
        }
    }
}

async fn dispatch(Cli { global, command }: Cli) -> Result<u8, CliError> {
    if !command.is_by_hand() && global.sketch()?.is_some() {
        return Err(CliError::new(1, "this command is no single request that could be printed")
            .hint("--output-curl-string and --output-policy are for commands by hand, such as read and write"));
    }
    match command {
        Command::Init(args) => init::run(args, &global).await,
        Command::Validate(args) => validate::run(args, &global).await,
        Command::Explain(args) => explain::run(args, &global).await,
        Command::Fmt(args) => fmt::run(args, &global).await,
        Command::Convert(args) => convert::run(args, &global).await,
        Command::Render(args) => render::run(args, &global).await,
        Command::Schema(args) => schema::run(args, &global).await,
        Command::Plan(args) => Box::pin(plan::run(args, &global)).await,
        Command::Drift(args) => drift::run(args, &global).await,
        Command::Review(args) => review::run(args, &global).await,
        Command::Apply(args) => apply::run(args, &global).await,
        Command::Watch(args) => watch::run(*args, &global).await,
        Command::Test(args) => test::run(args, &global).await,
        Command::Access(args) => access::run(args, &global).await,
        Command::Graph(args) => graph::run(args, &global).await,
        Command::Creds(args) => creds::run(*args, &global).await,
        Command::Agent(args) => agent::run(*args, &global).await,
        Command::Exec(args) => exec::run(*args, &global).await,
        Command::Import(args) => import::run(args, &global).await,
        Command::Ledger(args) => ledger::run(args, &global).await,
        Command::History(args) => history::run(args, &global).await,
        Command::Forget(args) => forget::run(args, &global).await,
        Command::Unlock(args) => unlock::run(args, &global).await,
        Command::Adopt(args) => adopt::run(args, &global).await,
        Command::Trail(args) => trail::run(args, &global).await,
        Command::Server(args) => server::run(*args, &global).await,
        Command::Ui(args) => ui::run(args, &global).await,
        Command::Sandbox(args) => sandbox::run(args, &global).await,
        Command::Status(args) => status::run(args, &global).await,
        Command::Login(args) => login::run(args, &global).await,
        Command::Read(args) => read::run(args, &global).await,
        Command::Write(args) => write::run(args, &global).await,
        Command::Unwrap(args) => unwrap::run(args, &global).await,
        Command::List(args) => list::run(args, &global).await,
        Command::Delete(args) => delete::run(args, &global).await,
        Command::Patch(args) => patch::run(args, &global).await,
        Command::PathHelp(args) => path_help::run(args, &global).await,
        Command::Kv(args) => kv::run(args, &global).await,
        Command::Lease(args) => lease::run(args, &global).await,
        Command::Secrets(args) => secrets::run(args, &global).await,
        Command::Auth(args) => auth::run(args, &global).await,
        Command::Audit(args) => audit::run(args, &global).await,
        Command::Operator(args) => operator::run(args, &global).await,
        Command::Version => {
            global.no_form()?;
            output::line(concat!("Leasehold v", env!("CARGO_PKG_VERSION"))).map(|()| 0)
        }
        Command::Completions(args) => completions::run(args, described(), &global).await,
        Command::Man(args) => man::run(args, described(), &global).await,
        Command::Policy(args) => policy::run(args, &global).await,
        Command::Token(args) => token::run(args, &global).await,
        Command::Print(args) => print::run(args, &global).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_flags_of_all_commands_fit_together() {
        super::Cli::command().debug_assert();
    }

    /// Clap gives a subcommand no global flag whose id one of its own arguments has.
    #[test]
    fn every_command_takes_every_global_flag() {
        fn look(command: &clap::Command, global: &[String], path: &str, missing: &mut Vec<String>) {
            for long in global {
                if !command.get_arguments().any(|arg| arg.get_long() == Some(long)) {
                    missing.push(format!("{path} --{long}"));
                }
            }
            for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
                look(below, global, &format!("{path} {}", below.get_name()), missing);
            }
        }
        let mut command = super::Cli::command();
        command.build();
        let global = command.get_arguments().filter(|arg| arg.is_global_set());
        let global: Vec<String> = global.filter_map(|arg| arg.get_long().map(str::to_owned)).collect();
        let mut missing = Vec::new();
        look(&command, &global, "leasehold", &mut missing);
        assert!(global.len() > 10 && missing.is_empty(), "{missing:?}");
    }

    /// The paths of the commands that have none below them, each with the arguments without which it is refused.
    fn leaves(command: &clap::Command, path: &[String], found: &mut Vec<(Vec<String>, Vec<String>)>) {
        let below: Vec<&clap::Command> = command.get_subcommands().filter(|below| below.get_name() != "help").collect();
        if below.is_empty() {
            let required = command.get_positionals().filter(|arg| arg.is_required_set());
            found.push((path.to_vec(), required.map(|_| "1".to_owned()).collect()));
        }
        for command in below {
            leaves(command, &[path, &[command.get_name().to_owned()]].concat(), found);
        }
    }

    /// In Vault's spelling, with one dash, and with the flags before the command and after it.
    #[test]
    fn every_global_flag_means_the_same_before_and_after_every_command() {
        let mut command = super::Cli::command();
        command.build();
        let mut flags: Vec<(String, Vec<String>)> = Vec::new();
        for arg in command.get_arguments().filter(|arg| arg.is_global_set()) {
            let Some(long) = arg.get_long().filter(|long| !["help", "version"].contains(long)) else { continue };
            let choices = arg.get_possible_values();
            let value = choices.first().map_or("1", |value| value.get_name()).to_owned();
            let takes = arg.get_action().takes_values();
            flags.push((
                arg.get_id().to_string(),
                [format!("-{long}")].into_iter().chain(takes.then_some(value)).collect(),
            ));
        }
        let mut found = Vec::new();
        leaves(&command, &[], &mut found);
        assert!(flags.len() > 10 && found.len() > 40, "{} flags, {} commands", flags.len(), found.len());
        let (mut wrong, mut asked) = (Vec::new(), 0);
        for (path, required) in &found {
            // What is refused without any flag, for what it needs besides, tells nothing of flags.
            let plain = std::iter::once("leasehold").chain(path.iter().chain(required).map(String::as_str));
            if command.clone().try_get_matches_from(plain).is_err() {
                continue;
            }
            asked += 1;
            let written: Vec<String> = flags.iter().flat_map(|(_, words)| words.clone()).collect();
            let (before, after) = (written.clone(), written);
            for words in [[&*before, path, required].concat(), [&**path, &after, required].concat()] {
                let argv = std::iter::once("leasehold".to_owned()).chain(words).map(std::ffi::OsString::from);
                let argv = super::argv::expand(&mut command.clone(), argv);
                let matches =
                    command.clone().ignore_errors(true).try_get_matches_from(argv).expect("errors are ignored");
                let mut at = &matches;
                for word in path {
                    at = at.subcommand_matches(word).unwrap_or_else(|| panic!("{path:?} is taken for another command"));
                }
                let is_set = |id: &&String| at.value_source(id) == Some(clap::parser::ValueSource::CommandLine);
                wrong.extend(
                    flags.iter().map(|(id, _)| id).filter(|id| !is_set(id)).map(|id| format!("{path:?}: {id}")),
                );
            }
        }
        assert_eq!(wrong, Vec::<String>::new());
        assert!(asked + 10 > found.len(), "{asked} of {}", found.len());
    }
}
