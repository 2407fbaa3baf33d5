//! By AppRole: with the app's own ids, or with ones that the operator makes for this once.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use serde_json::{Map, Value, json};

use super::hand::{AtHand, Here, says};
use super::{ByHand, Method, OfApp, Own, Request, Said, given};
use crate::api::{Answer, Client};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::global::{SECRET_ID, exactly};
use crate::cli::request::body;
use crate::estate::Login;
use crate::secret::Secret;

/// The variable of the first half.
const ROLE_ID: &str = "LEASEHOLD_ROLE_ID";

/// By ids.
pub(super) const METHOD: Method = Method {
    name: "approle",
    secret: Some(("secret_id", "A secret id")),
    takes: &[("role_id", "The id of the role; required"), ("secret_id", "A secret id, where the role asks for one")],
    of_app: Some(OfApp { request, at_hand }),
    by_hand: ByHand::Sends(by_hand),
};

fn by_hand(mut said: Said) -> BoxFuture<'static, Result<Request, CliError>> {
    let (role_id, secret_id) = (said.take("role_id"), said.take("secret_id"));
    let sent = match (role_id, secret_id) {
        (Some(role_id), Some(secret_id)) => Ok(json!({ "role_id": role_id, "secret_id": secret_id })),
        // A role may ask for none.
        (Some(role_id), None) => Ok(json!({ "role_id": role_id })),
        (None, _) => {
            let hint = "leasehold login -method=approle role_id=ID secret_id=@FILE";
            Err(CliError::new(1, "a role_id is needed").hint(hint))
        }
    };
    ready(sent.map(|sent| said.request("", sent))).boxed()
}

/// Both ids are the app's. A login may ask for the first alone, and whoever runs the command may be one who can make both.
fn at_hand(login: &Login, own: &Own, here: Here<'_>) -> AtHand {
    let secret_id = says(own, SECRET_ID.variable) || says(own, SECRET_ID.file_variable);
    match (says(own, ROLE_ID), secret_id) {
        (true, true) => AtHand::Yes,
        (true, false) => AtHand::Perhaps,
        (false, false) if here.context.has_operator(here.environment) => AtHand::Perhaps,
        (false, true) => AtHand::No(format!("{ROLE_ID} beside the secret id that is there")),
        (false, false) => AtHand::No(format!(
            "{ROLE_ID} and {}, or an operator's token to make an id of {} for one use",
            SECRET_ID.file_variable, login.role_name
        )),
    }
}

/// What is sent.
///
/// # Errors
/// When the ids are not good, or the operator may not make them.
fn request<'a>(
    client: &'a Client,
    login: &'a Login,
    own: &'a Own,
    context: &'a Context,
) -> BoxFuture<'a, Result<Request, CliError>> {
    async move {
        let (role_id, secret_id) = match own_ids(own)? {
            Some(ids) => ids,
            None => made_ids(client, login, context).await?,
        };
        let mut request = body(json!({ "role_id": role_id }));
        if let Some(secret_id) = &secret_id {
            request.insert("secret_id".to_owned(), Value::String(secret_id.expose().to_owned()));
        }
        Ok(Request { path: format!("auth/{}/login", login.mount), body: request })
    }
    .boxed()
}

/// The ids that the app itself was given.
fn own_ids(own: &Own) -> Result<Option<(String, Option<Secret>)>, CliError> {
    let secret_id = given(own, &SECRET_ID)?;
    let secret_id = secret_id.map(|secret_id| Secret::new(secret_id.expose().trim()));
    match (own.get(ROLE_ID).cloned().or_else(|| exactly(ROLE_ID)), secret_id) {
        (Some(role_id), secret_id) => Ok(Some((role_id.trim().to_owned(), secret_id))),
        (None, None) => Ok(None),
        (None, Some(_)) if own.contains_key(SECRET_ID.file_variable) => {
            Err(CliError::new(1, "there is a secret_id_file, but neither a role_id nor LEASEHOLD_ROLE_ID"))
        }
        (None, Some(_)) => Err(CliError::new(1, "there is a secret id in the environment, but no LEASEHOLD_ROLE_ID")),
    }
}

/// Ids made with the operator's token; the secret id is good for one login.
async fn made_ids(client: &Client, login: &Login, context: &Context) -> Result<(String, Option<Secret>), CliError> {
    if !client.has_token() {
        return Err(CliError::new(1, "there are no ids to log in by")
            .hint("set LEASEHOLD_ROLE_ID and LEASEHOLD_SECRET_ID_FILE"));
    }
    let role = format!("auth/{}/role/{}", login.mount, login.role_name);
    let failed = |path: &str, error: &crate::api::Error| {
        context
            .failed(format!("Error reading {path}"), error)
            .hint("or set LEASEHOLD_ROLE_ID and LEASEHOLD_SECRET_ID_FILE to log in with the app's own ids")
    };
    let absent = || {
        CliError::plain(2, format!("No value found at {role}"))
            .hint("`leasehold apply` brings the engine in line with the files")
    };
    let settings = client.read(&role).await.map_err(|error| failed(&role, &error))?.ok_or_else(absent)?;
    let path = format!("{role}/role-id");
    let role_id = client.read(&path).await.map_err(|error| failed(&path, &error))?.ok_or_else(absent)?;
    let role_id = text(&role_id, "role_id").ok_or_else(absent)?;
    let binds = settings.data.as_ref().and_then(|data| data.get("bind_secret_id")).and_then(Value::as_bool);
    if binds == Some(false) {
        return Ok((role_id, None));
    }
    let path = format!("{role}/secret-id");
    let mut request = Map::new();
    request.insert("num_uses".to_owned(), json!(1));
    request.insert("metadata".to_owned(), json!(json!({"made_by": "leasehold creds"}).to_string()));
    let made = client.write(&path, &request).await.map_err(|error| failed(&path, &error))?;
    let secret_id = text(&made, "secret_id").ok_or_else(absent)?;
    Ok((role_id, Some(Secret::new(secret_id))))
}

fn text(answer: &Answer, key: &str) -> Option<String> {
    answer.data.as_ref()?.get(key)?.as_str().map(str::to_owned)
}
