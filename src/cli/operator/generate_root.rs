//! `leasehold operator generate-root`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Map, Value, json};

use super::progress::{Rows, tell};
use super::unseal::share;
use crate::api::{Answer, Client};
use crate::cli::context::{Context, with_client};
use crate::cli::error::CliError;
use crate::cli::format::Format;
use crate::cli::global::Global;
use crate::cli::request::body;
use crate::cli::{answer, output, table};
use crate::engine::kernel::random;
use crate::secret::Secret;

const ATTEMPT: &str = "sys/generate-root/attempt";

/// Arguments of `leasehold operator generate-root`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A share of the unseal key, or of the recovery key, or - for stdin; asked for when left out
    key: Option<String>,
    /// Begin: the one-time password that is printed, or given with --otp, hides the token from all others
    #[arg(long, conflicts_with_all = ["key", "cancel", "status", "decode", "generate_otp"])]
    init: bool,
    /// The one-time password: of an attempt that begins, or that a token was hidden by
    #[arg(long)]
    otp: Option<String>,
    /// Print a one-time password that fits
    #[arg(long, conflicts_with_all = ["key", "cancel", "status", "decode", "otp"])]
    generate_otp: bool,
    /// Print the token that was hidden by --otp
    #[arg(long, value_name = "ENCODED", requires = "otp", conflicts_with_all = ["key", "cancel", "status"])]
    decode: Option<String>,
    /// Give the attempt up; takes a token with sudo
    #[arg(long, conflicts_with_all = ["key", "status"])]
    cancel: bool,
    /// Say only how far it is
    #[arg(long, conflicts_with = "key")]
    status: bool,
    /// Of the attempt that the share is for, as --init printed it; else whichever is on its way
    #[arg(long)]
    nonce: Option<String>,
}

/// Runs the command and answers the exit code.
pub(super) async fn run(args: &Args, global: &Global) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    if let (Some(encoded), Some(otp)) = (&args.decode, &args.otp) {
        let token = decode(encoded, otp)?;
        return match format {
            Format::Table => output::line(token.expose()).map(|()| 0),
            _ => answer::structured(&json!({ "token": token.expose() }), format).map(|()| 0),
        };
    }
    let is_about = args.init || args.cancel || args.status || args.generate_otp;
    with_client(global, async |context, client| match () {
        () if !is_about => bring(args, context, &client, global).await,
        () if args.init => {
            let asked = body(json!({ "otp": args.otp.as_deref().unwrap_or_default() }));
            let begun = client.without_token().write(ATTEMPT, &asked).await;
            let begun = begun.map_err(|error| context.failed("Error initializing root generation", &error))?;
            tell(&begun, global, rows)
        }
        () if args.cancel => {
            let ended = client.delete(ATTEMPT).await;
            ended.map_err(|error| context.failed("Error canceling root token generation", &error))?;
            answer::succeed("Success! Root token generation canceled (if it was started)", format)
        }
        () if args.generate_otp => {
            let found = found(context, &client).await?;
            let length = found.body.get("otp_length").and_then(Value::as_u64).unwrap_or_default();
            let length = usize::try_from(length).ok().filter(|length| (1..1024).contains(length));
            let length = length.ok_or_else(|| CliError::new(1, "the server does not say how long it has to be"))?;
            let otp = random::base62(length).map_err(|error| CliError::new(1, error.to_string()))?;
            output::line(&otp).map(|()| 0)
        }
        () => tell(&found(context, &client).await?, global, rows),
    })
    .await
}

async fn found(context: &Context, client: &Client) -> Result<Answer, CliError> {
    let found = client.without_token().read(ATTEMPT).await;
    let found = found.map_err(|error| context.failed("Error getting root generation status", &error))?;
    found.ok_or_else(|| CliError::plain(2, format!("No value found at {ATTEMPT}")))
}

async fn bring(args: &Args, context: &Context, client: &Client, global: &Global) -> Result<u8, CliError> {
    let nonce = match &args.nonce {
        Some(nonce) => nonce.clone(),
        None => {
            let found = found(context, client).await?;
            let nonce = found.body.get("nonce").and_then(Value::as_str).unwrap_or_default().to_owned();
            if nonce.is_empty() {
                return Err(CliError::plain(1, "No root generation is in progress")
                    .hint("`leasehold operator generate-root --init` begins one"));
            }
            nonce
        }
    };
    if args.key.is_none() {
        // Whoever is asked can compare it with what began the attempt.
        output::say(&format!("Operation nonce: {}", output::one_line(&nonce)));
    }
    let brought = share(args.key.as_deref(), "Share (will be hidden): ")?;
    let asked = body(json!({ "key": brought.expose(), "nonce": nonce }));
    let taken = client.without_token().write("sys/generate-root/update", &asked).await;
    tell(&taken.map_err(|error| context.failed("Error posting unseal key", &error))?, global, rows)
}

fn rows(found: &Map<String, Value>) -> Rows {
    let text = |name: &str| found.get(name).map(table::plain).filter(|text| !text.is_empty());
    let mut rows = Vec::new();
    let mut row = |name: &str, value: Option<String>| rows.extend(value.map(|value| (name.to_owned(), value)));
    row("Nonce", text("nonce"));
    row("Started", text("started"));
    let required = text("required").unwrap_or_default();
    row("Progress", text("progress").map(|progress| format!("{progress}/{required}")));
    row("Complete", text("complete"));
    row("Encoded Token", text("encoded_token"));
    row("OTP", text("otp"));
    row("OTP Length", text("otp_length"));
    rows
}

/// The token that a one-time password hides.
fn decode(encoded: &str, otp: &str) -> Result<Secret, CliError> {
    let bad = |what: &str| CliError::new(1, what.to_owned());
    let hidden = STANDARD_NO_PAD.decode(encoded.trim()).or_else(|_| STANDARD.decode(encoded.trim()));
    let hidden = hidden.map_err(|_| bad("the encoded token is no base64"))?;
    if hidden.len() != otp.len() {
        return Err(bad("the OTP is of another length than the encoded token: it belongs to another attempt"));
    }
    let token = hidden.iter().zip(otp.bytes()).map(|(hidden, otp)| hidden ^ otp).collect();
    String::from_utf8(token)
        .map(Secret::new)
        .map_err(|_| bad("the OTP belongs to another attempt: no token comes of it"))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn a_token_comes_back_by_its_own_password_alone() {
        // "abc" XOR "XYZ".
        assert_eq!(decode("OTs5", "XYZ").unwrap().expose(), "abc");
        assert!(decode("OTs5", "XY").unwrap_err().message.contains("another length"));
        assert!(decode("!", "X").unwrap_err().message.contains("no base64"));
    }
}
