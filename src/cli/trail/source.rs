//! Which trail is read: a file, or what an engine tells of its own.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::api::{self, Client};
use crate::cli::app::RunArgs;
use crate::cli::audit_files;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::output;
use crate::text::count;
use crate::trail::chain::Head;

/// What the embedded engine calls its trail, in its data directory.
const FILE_NAME: &str = "trail.log";

/// Where an engine tells its trail.
const PATH: &str = "sys/leasehold/trail";

/// How long an engine is to wait for a line: less than a client waits for an answer.
const WAIT: &str = "25s";

/// Which trail. Without a choice, that of the estate's engine.
#[derive(Debug, clap::Args)]
pub(super) struct Source {
    /// Read this file: a trail, or an audit file of OpenBao or Vault; - is the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "data_dir")]
    file: Option<PathBuf>,
    /// Read the trail of the engine that keeps its data in this directory
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    login: RunArgs,
}

/// A trail.
pub(super) enum Trail {
    /// In a file.
    File(PathBuf),
    /// Of an engine, which is asked for it.
    Engine(Box<Told>),
}

impl Source {
    /// The trail that is meant. Whoever reads it closes the context, if there is one.
    ///
    /// # Errors
    /// What is wrong with the estate, if that leaves open which trail is meant.
    pub(super) async fn find(self, global: &Global) -> Result<Trail, CliError> {
        let way = self.login.way()?;
        match (self.file, self.data_dir) {
            (Some(file), _) => return Ok(Trail::File(file)),
            (None, Some(directory)) => return Ok(Trail::File(directory.join(FILE_NAME))),
            (None, None) => {}
        }
        let context = Context::open(global)?.logging_in(way);
        match place(&context).await {
            Ok(Place::Engine(client)) => {
                Ok(Trail::Engine(Box::new(Told { client: client.patient(), context, after: 0, at: 0 })))
            }
            Ok(Place::File(file)) => {
                context.close().await;
                Ok(Trail::File(file))
            }
            Err(error) => {
                context.close().await;
                Err(error)
            }
        }
    }
}

/// Where the trail of an engine is.
enum Place {
    File(PathBuf),
    Engine(Client),
}

async fn place(context: &Context) -> Result<Place, CliError> {
    if context.is_about_an_engine() {
        return Ok(Place::Engine(context.engine().await?));
    }
    let environment = context.chosen().map_err(|error| {
        error.hint(
            "--data-dir DIR reads the trail of the engine that keeps its data there, --file FILE any other, --address URL \
             that of a server",
        )
    })?;
    match context.data_dir(&environment) {
        // Of a server on this data directory it is the same file.
        Some(directory) if !context.is_remote(&environment) => Ok(Place::File(directory.join(FILE_NAME))),
        _ => Ok(Place::Engine(context.operator(&environment).await?)),
    }
}

/// The trail of an engine, as far as it was told.
pub(in crate::cli) struct Told {
    client: Client,
    context: Context,
    after: u64,
    at: u64,
}

/// A part of it.
pub(in crate::cli) struct Part {
    /// Lines, without their ends.
    pub(in crate::cli) lines: Vec<String>,
    /// Whether there is more already.
    pub(in crate::cli) more: bool,
    /// The last line that there is.
    pub(in crate::cli) head: Head,
}

impl Told {
    /// The trail of an environment's engine, from its beginning.
    ///
    /// # Errors
    /// What is wrong with the estate, and an engine whose trail is a file here.
    pub(in crate::cli) async fn of_environment(context: Context) -> Result<Self, CliError> {
        let reached = async {
            let environment = context.chosen()?;
            if context.data_dir(&environment).is_some() && !context.is_remote(&environment) {
                return Err(CliError::new(1, "the embedded engine's own trail is such a log already")
                    .hint(format!("it is {FILE_NAME} in its data directory")));
            }
            Ok(context.operator(&environment).await?.patient())
        };
        match reached.await {
            Ok(client) => Ok(Self { client, context, after: 0, at: 0 }),
            Err(error) => {
                context.close().await;
                Err(error)
            }
        }
    }

    /// Of which engine it is.
    pub(super) fn name(&self) -> String {
        self.client.address().to_owned()
    }

    /// The next part. Of a follower it waits for one, but not for ever. What lies in a file that was rotated away meanwhile is
    /// told.
    ///
    /// # Errors
    /// What the engine refuses, and that it has no such path.
    pub(in crate::cli) async fn next(&mut self, credentials: bool, is_awaited: bool) -> Result<Part, CliError> {
        let mut asked = vec![("after", self.after.to_string()), ("at", self.at.to_string())];
        asked.push(("credentials", credentials.to_string()));
        if is_awaited {
            asked.push(("wait", WAIT.to_owned()));
        }
        let asked: Vec<_> = asked.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let answer = self.client.read_with(PATH, &asked).await.map_err(|error| self.refused(&error))?;
        let data = answer.and_then(|answer| answer.data).ok_or_else(|| self.absent())?;
        let number = |name: &str| data.get(name).and_then(Value::as_u64);
        if let Some(begins) = number("begins") {
            let lost = count(usize::try_from(begins - self.after - 1).unwrap_or(usize::MAX), "line");
            output::say(&format!(
                "warning: {lost} before line {begins} are in no file of the engine's any more: it was rotated, and \
                 --file FILE reads what was moved away"
            ));
        }
        self.after = number("after").unwrap_or(self.after);
        self.at = number("at").unwrap_or_default();
        let lines = data.get("lines").and_then(Value::as_array).into_iter().flatten();
        let head: Option<Head> = data.get("head").and_then(|head| serde_json::from_value(head.clone()).ok());
        Ok(Part {
            lines: lines.filter_map(Value::as_str).map(str::to_owned).collect(),
            more: data.get("more").and_then(Value::as_bool).unwrap_or(false),
            head: head.unwrap_or_else(Head::genesis),
        })
    }

    fn refused(&self, error: &api::Error) -> CliError {
        match error.code() {
            // OpenBao and Vault: such a path is none of theirs.
            Some(404 | 405) => self.absent(),
            Some(403) => self
                .context
                .failed_as(1, "Error reading the trail", error)
                .hint(format!("it takes `read` and `sudo` on {PATH}, as policies/acl/trail.hcl grants")),
            _ => self.context.failed_as(1, "Error reading the trail", error),
        }
    }

    fn absent(&self) -> CliError {
        CliError::new(
            1,
            format!("{} does not tell its trail: it is no engine of leasehold's, or an older one", self.name()),
        )
        .hint(
            "an audit file of OpenBao or Vault is read where it lies: --file FILE (- is what is piped in), and --audit-file FILE of \
             `leasehold watch`",
        )
    }

    /// Ends the run.
    pub(in crate::cli) async fn close(self) {
        self.context.close().await;
    }
}

/// Opens a file with a trail, and those that an engine has rotated away before it: answers how many these are.
///
/// # Errors
/// It can't be opened.
pub(super) fn open(path: &Path) -> Result<(Box<dyn BufRead>, usize), CliError> {
    audit_files::open(path).map_err(|error| error.hint("an engine writes it from its first request on"))
}
