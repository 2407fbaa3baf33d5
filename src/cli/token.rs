//! `leasehold token`.
//!
//! Vault's users give a token as an argument, where every process on the machine can read it. That works
//! here too, but `-` reads it from stdin, and without one the command is about its own token.

use serde_json::{Map, Value, json};

use super::answer::succeed;
use super::context::{Context, with_client};
use super::data::Sources as _;
use super::error::CliError;
use super::global::Global;
use super::request::body;
use super::wrap::WrapArgs;
use super::{answer, data, output};
use crate::api::Client;

/// Arguments of `leasehold token`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Subcommand,
}

#[derive(Debug, clap::Subcommand)]
enum Subcommand {
    /// Make a token that is a child of one's own
    Create(Create),
    /// Show a token
    Lookup(Which),
    /// Ask for more time
    Renew {
        #[command(flatten)]
        which: Which,
        /// How much from now on: seconds, or a duration such as 30m; the engine may give less
        #[arg(short, long, value_name = "DURATION")]
        increment: Option<String>,
    },
    /// End a token with its children and their leases
    Revoke {
        #[command(flatten)]
        which: Which,
        /// End one's own token
        #[arg(long = "self")]
        own: bool,
        /// How far it goes: `orphan` leaves the children alone, `path` ends all tokens of a login path
        #[arg(long, value_parser = ["orphan", "path"])]
        mode: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
struct Which {
    /// The token, or - for stdin [default: one's own]
    token: Option<String>,
    /// The argument is an accessor, not a token
    #[arg(long)]
    accessor: bool,
}

#[derive(Debug, clap::Args)]
struct Create {
    /// A policy of the token; may be repeated [default: those of one's own]
    #[arg(long, value_name = "NAME")]
    policy: Vec<String>,
    /// How long it lasts
    #[arg(long, value_name = "DURATION")]
    ttl: Option<String>,
    /// How long it may last with all renewals
    #[arg(long, value_name = "DURATION")]
    explicit_max_ttl: Option<String>,
    /// Let each renewal add this much, without end
    #[arg(long, value_name = "DURATION")]
    period: Option<String>,
    /// How often it may be used
    #[arg(long, value_name = "NUMBER")]
    use_limit: Option<u32>,
    /// A name for people, seen in the trail
    #[arg(long)]
    display_name: Option<String>,
    /// Metadata as KEY=VALUE, seen in the trail; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    metadata: Vec<String>,
    /// Without a parent, so that it outlives one's own
    #[arg(long)]
    orphan: bool,
    /// Without the policy `default`
    #[arg(long)]
    no_default_policy: bool,
    /// The type: service or batch
    #[arg(long = "type")]
    kind: Option<String>,
    #[command(flatten)]
    wrap: WrapArgs,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    with_client(global, async |context, client| match args.action {
        Subcommand::Create(create) => {
            let client = create.wrap.client(&client);
            let made = client.write("auth/token/create", &creating(&create)?).await;
            answer::print(&made.map_err(|error| context.failed("Error creating token", &error))?, global)
        }
        Subcommand::Lookup(which) => {
            let asked = ask(&client, &which, "lookup", Map::new()).await?;
            answer::print(&asked.map_err(|error| context.failed("Error looking up token", &error))?, global)
        }
        Subcommand::Renew { which, increment } => {
            let mut request = Map::new();
            if let Some(increment) = increment {
                request.insert("increment".to_owned(), json!(increment));
            }
            let asked = ask(&client, &which, "renew", request).await?;
            answer::print(&asked.map_err(|error| context.failed("Error renewing token", &error))?, global)
        }
        Subcommand::Revoke { which, own, mode } => {
            revoke(context, &client, &which, own, mode.as_deref()).await?;
            succeed("Success! Revoked token (if it existed)", format)
        }
    })
    .await
}

/// Looks up or renews: oneself, a token, or an accessor.
async fn ask(
    client: &Client,
    which: &Which,
    action: &str,
    mut request: Map<String, Value>,
) -> Result<Result<crate::api::Answer, crate::api::Error>, CliError> {
    let path = match token(which)? {
        None => format!("auth/token/{action}-self"),
        Some(text) if which.accessor => {
            request.insert("accessor".to_owned(), json!(text));
            format!("auth/token/{action}-accessor")
        }
        Some(text) => {
            request.insert("token".to_owned(), json!(text));
            format!("auth/token/{action}")
        }
    };
    if path.ends_with("lookup-self") {
        // A GET: the built-in policy `default` grants it with `read` alone.
        let none = || crate::api::Error::Status {
            method: "GET",
            url: format!("{}/v1/{path}", client.address()),
            code: 404,
            errors: Vec::new(),
            warnings: Vec::new(),
        };
        return Ok(client.read(&path).await.and_then(|found| found.ok_or_else(none)));
    }
    Ok(client.write(&path, &request).await)
}

async fn revoke(
    context: &Context,
    client: &Client,
    which: &Which,
    own: bool,
    mode: Option<&str>,
) -> Result<(), CliError> {
    let text = token(which)?;
    let (path, request) = match (text, own, mode) {
        (Some(_), true, _) => return Err(CliError::new(1, "--self takes no token")),
        (None, true, None) => ("auth/token/revoke-self".to_owned(), Map::new()),
        (None, true, Some(_)) => return Err(CliError::new(1, "--self and --mode exclude each other")),
        (None, false, _) => {
            return Err(
                CliError::new(1, "no token was named").hint("a token, - for stdin, --accessor ACCESSOR, or --self")
            );
        }
        (Some(_), false, Some(_)) if which.accessor => {
            return Err(CliError::new(1, "--accessor and --mode exclude each other"));
        }
        (Some(text), false, Some("path")) => {
            (format!("sys/leases/revoke-prefix/{}", crate::cli::request::path(&text)), Map::new())
        }
        (Some(text), false, Some(_)) => ("auth/token/revoke-orphan".to_owned(), body(json!({ "token": text }))),
        (Some(text), false, None) if which.accessor => {
            ("auth/token/revoke-accessor".to_owned(), body(json!({ "accessor": text })))
        }
        (Some(text), false, None) => ("auth/token/revoke".to_owned(), body(json!({ "token": text }))),
    };
    let done = client.write(&path, &request).await.map_err(|error| context.failed("Error revoking token", &error))?;
    output::warnings(&done.warnings);
    Ok(())
}

fn token(which: &Which) -> Result<Option<String>, CliError> {
    match which.token.as_deref() {
        Some("-") => Ok(Some(data::Real::default().stdin()?.trim().to_owned())),
        Some(text) => Ok(Some(text.to_owned())),
        None if which.accessor => Err(CliError::new(1, "--accessor needs an accessor")),
        None => Ok(None),
    }
}

fn creating(create: &Create) -> Result<Map<String, Value>, CliError> {
    let mut request = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            request.insert(name.to_owned(), value);
        }
    };
    set("policies", (!create.policy.is_empty()).then(|| json!(create.policy)));
    set("ttl", create.ttl.as_ref().map(|ttl| json!(ttl)));
    set("explicit_max_ttl", create.explicit_max_ttl.as_ref().map(|ttl| json!(ttl)));
    set("period", create.period.as_ref().map(|period| json!(period)));
    set("num_uses", create.use_limit.map(|uses| json!(uses)));
    set("display_name", create.display_name.as_ref().map(|name| json!(name)));
    set("no_parent", create.orphan.then_some(Value::Bool(true)));
    set("no_default_policy", create.no_default_policy.then_some(Value::Bool(true)));
    set("type", create.kind.as_ref().map(|kind| json!(kind)));
    let mut metadata = Map::new();
    for entry in &create.metadata {
        let Some((key, value)) = entry.split_once('=') else {
            return Err(CliError::new(1, format!("the metadata {entry:?} has no '='")).hint("--metadata KEY=VALUE"));
        };
        metadata.insert(key.to_owned(), json!(value));
    }
    set("meta", (!metadata.is_empty()).then_some(Value::Object(metadata)));
    Ok(request)
}
