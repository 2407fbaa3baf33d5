//! `leasehold operator init`.

use serde_json::{Value, json};

use crate::api::{Answer, Client};
use crate::cli::context::{Context, with_client};
use crate::cli::error::CliError;
use crate::cli::format::Format;
use crate::cli::global::Global;
use crate::cli::request::body;
use crate::cli::{answer, output};

/// Arguments of `leasehold operator init`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code of --status: 0 there is a store, 2 there is none, 1 when the server can't be asked")]
pub(super) struct Args {
    /// Into how many shares the key is split
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 5)]
    key_shares: u32,
    /// How many shares make the key
    #[arg(short = 't', long, value_name = "COUNT", default_value_t = 3)]
    key_threshold: u32,
    /// Say only whether there is a store
    #[arg(long)]
    status: bool,
}

/// Runs the command and answers the exit code.
pub(super) async fn run(args: &Args, global: &Global) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    with_client(global, async |context, client| match args.status {
        true => status(context, &client, format).await,
        false => {
            let asked = body(json!({ "secret_shares": args.key_shares, "secret_threshold": args.key_threshold }));
            // It needs no token, and a stale one would be of the store that was there before.
            let begun = client.without_token().write("sys/init", &asked).await;
            print(&begun.map_err(|error| context.failed("Error initializing", &error))?, args, global, format)
        }
    })
    .await
}

async fn status(context: &Context, client: &Client, format: Format) -> Result<u8, CliError> {
    // Here 2 means that there is none, so not to know must be something else.
    let failed = |error| context.failed_as(1, "Error checking initialization status", &error);
    let found = client.read("sys/init").await.map_err(failed)?.map(|found| found.body);
    let initialized = found.as_ref().and_then(|body| body.get("initialized")).and_then(Value::as_bool);
    let initialized = initialized.ok_or_else(|| CliError::plain(1, "No value found at sys/init"))?;
    match (format, initialized) {
        (Format::Table, true) => output::line("Vault is initialized")?,
        (Format::Table, false) => output::line("Vault is not initialized")?,
        _ => answer::structured(&json!({ "Initialized": initialized }), format)?,
    }
    Ok(if initialized { 0 } else { 2 })
}

fn print(begun: &Answer, args: &Args, global: &Global, format: Format) -> Result<u8, CliError> {
    let keys = |name: &str| begun.body.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let root_token = begun.body.get("root_token").and_then(Value::as_str).unwrap_or_default();
    let (hex, base64) = (keys("keys"), keys("keys_base64"));
    let all = json!({
        "unseal_keys_b64": base64,
        "unseal_keys_hex": hex,
        "unseal_shares": args.key_shares,
        "unseal_threshold": args.key_threshold,
        "recovery_keys_b64": [],
        "recovery_keys_hex": [],
        "recovery_keys_shares": 0,
        "recovery_keys_threshold": 0,
        "root_token": root_token,
    });
    if let Some(name) = &global.field {
        return answer::print_field(all.get(name).cloned(), name, format);
    }
    if format != Format::Table {
        return answer::structured(&all, format).map(|()| 0);
    }
    let mut text = String::new();
    for (at, key) in base64.iter().enumerate() {
        text += &format!("Unseal Key {}: {}\n", at + 1, key.as_str().unwrap_or_default());
    }
    let (shares, threshold) = (args.key_shares, args.key_threshold);
    text += &format!(
        "\nInitial Root Token: {root_token}\n\n\
         The key is in {shares} shares, of which {threshold} make it. Nothing else has them: give each to another person, and\n\
         bring {threshold} of them with `leasehold operator unseal` now and after every start. With fewer, what is in the\n\
         store is lost.\n"
    );
    output::data(&output::printable(&text)).map(|()| 0)
}
