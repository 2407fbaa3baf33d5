//! `leasehold token`.
//!
//! Vault's users give a token as an argument, where every process on the machine can read it. That works
//! here too, but `-` reads it from stdin, and without one the command is about its own token.

use serde_json::{Map, Value, json};

use super::answer::succeed;
use super::context::{Context, with_client};
use super::data::Sources as _;
use super::error::CliError;
use super::format::Format;
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
    Lookup {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        wrap: WrapArgs,
    },
    /// Say what a token may do at a path
    Capabilities {
        /// The token, or - for stdin [default: one's own]; then the path
        #[arg(value_name = "TOKEN] [PATH", num_args = 1..=2, required = true)]
        of: Vec<String>,
        /// The first argument is an accessor, not a token
        #[arg(long)]
        accessor: bool,
    },
    /// Ask for more time
    Renew {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        wrap: WrapArgs,
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
    /// On the terms of a token role
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// The token itself, where it is not to be a random one; every process on this machine can read it here
    #[arg(long, value_name = "TOKEN")]
    id: Option<String>,
    /// Whether it can be renewed
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    renewable: Option<bool>,
    /// The name as which a token role lets it act
    #[arg(long, value_name = "NAME")]
    entity_alias: Option<String>,
    #[command(flatten)]
    wrap: WrapArgs,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    with_client(global, async |context, client| match args.action {
        Subcommand::Create(create) => {
            let client = create.wrap.client(&client);
            let path = match &create.role {
                Some(role) => format!("auth/token/create/{}", crate::cli::request::path(role)),
                None => "auth/token/create".to_owned(),
            };
            let made = client.write(&path, &creating(&create)?).await;
            answer::print(&made.map_err(|error| context.failed("Error creating token", &error))?, global)
        }
        Subcommand::Lookup { which, wrap } => {
            let asked = ask(&wrap.client(&client), &which, "lookup", Map::new()).await?;
            answer::print(&asked.map_err(|error| context.failed("Error looking up token", &error))?, global)
        }
        Subcommand::Capabilities { of, accessor } => capabilities(context, &client, &of, accessor, format).await,
        Subcommand::Renew { which, wrap, increment } => {
            let mut request = Map::new();
            if let Some(increment) = increment {
                request.insert("increment".to_owned(), json!(increment));
            }
            let asked = ask(&wrap.client(&client), &which, "renew", request).await?;
            answer::print(&asked.map_err(|error| context.failed("Error renewing token", &error))?, global)
        }
        Subcommand::Revoke { which, own, mode } => {
            revoke(context, &client, &which, own, mode.as_deref()).await?;
            succeed("Success! Revoked token (if it existed)", format)
        }
    })
    .await
}

/// What a token may do at a path, as the engine says it.
async fn capabilities(
    context: &Context,
    client: &Client,
    of: &[String],
    accessor: bool,
    format: Format,
) -> Result<u8, CliError> {
    let (whose, path) = match of {
        [path] if accessor => {
            return Err(CliError::new(1, format!("--accessor needs an accessor before the path {path}")));
        }
        [path] => (None, path),
        [whose, path, ..] => (Some(whose), path),
        [] => return Err(CliError::new(1, "no path was named")),
    };
    let path = crate::cli::request::path(path);
    let mut request = body(json!({ "path": path }));
    let at = match whose {
        None => "sys/capabilities-self",
        Some(accessor_of) if accessor => {
            request.insert("accessor".to_owned(), json!(accessor_of));
            "sys/capabilities-accessor"
        }
        Some(text) => {
            let token = if text == "-" { data::Real::default().stdin()?.trim().to_owned() } else { text.clone() };
            request.insert("token".to_owned(), json!(token));
            "sys/capabilities"
        }
    };
    let told = client.write(at, &request).await;
    let told = told.map_err(|error| context.failed("Error listing capabilities", &error))?;
    let named = told.data.as_ref().and_then(|data| data.get("capabilities").or_else(|| data.get(path)));
    let mut names: Vec<String> = named
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    names.sort_unstable();
    match format {
        Format::Table => output::line(&output::printable(&names.join(", "))).map(|()| 0),
        _ => answer::structured(&json!(names), format).map(|()| 0),
    }
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
    set("id", create.id.as_ref().map(|id| json!(id)));
    set("renewable", create.renewable.map(Value::Bool));
    set("entity_alias", create.entity_alias.as_ref().map(|name| json!(name)));
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
