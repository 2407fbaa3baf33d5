//! Logging in as an app: with its own ids, or with ones that the operator makes for this once.

use serde_json::{Map, Value, json};

use super::super::context::Context;
use super::super::error::CliError;
use super::super::global::exactly;
use super::super::request::body;
use super::super::token_file;
use crate::api::{Answer, Client};
use crate::estate::{App, Login};
use crate::secret::Secret;

/// The app's token.
pub(super) struct Session {
    pub(super) token: Secret,
    /// Seconds until it ends; 0 for never.
    pub(super) ttl: i64,
}

/// The login that is used.
///
/// # Errors
/// When the app has none that works from a command line.
pub(super) fn method(app: &App) -> Result<&Login, CliError> {
    if app.logins.is_empty() {
        return Err(CliError::new(1, format!("the app {} has no login", app.name))
            .hint(format!("add a `login \"approle\"` block to it at {}", app.place)));
    }
    app.logins.iter().find(|login| login.method == "approle").ok_or_else(|| {
        CliError::new(1, format!("none of the logins of {} works from a command line; approle does", app.name))
            .hint(format!("its logins are declared at {}", app.place))
    })
}

/// Logs in.
///
/// # Errors
/// When the ids are not good, or the operator may not make them.
pub(super) async fn login(client: &Client, login: &Login, context: &Context) -> Result<Session, CliError> {
    let (role_id, secret_id) = match own_ids()? {
        Some(ids) => ids,
        None => made_ids(client, login, context).await?,
    };
    let mut request = body(json!({ "role_id": role_id }));
    if let Some(secret_id) = &secret_id {
        request.insert("secret_id".to_owned(), Value::String(secret_id.expose().to_owned()));
    }
    let path = format!("auth/{}/login", login.mount);
    let answer = client.without_token().write(&path, &request).await;
    let answer = answer.map_err(|error| CliError::api(format!("Error logging in as {}", login.role_name), &error))?;
    let auth = answer.auth.unwrap_or_default();
    match auth.get("client_token").and_then(Value::as_str) {
        Some(token) => Ok(Session {
            token: Secret::new(token),
            ttl: auth.get("lease_duration").and_then(Value::as_i64).unwrap_or_default(),
        }),
        None => {
            Err(CliError::plain(2, format!("Error logging in as {}: {path} answered without a token", login.role_name)))
        }
    }
}

/// The ids that the app itself was given.
fn own_ids() -> Result<Option<(String, Option<Secret>)>, CliError> {
    let secret_id = match (exactly("LEASEHOLD_SECRET_ID"), exactly("LEASEHOLD_SECRET_ID_FILE")) {
        (Some(_), Some(_)) => {
            return Err(
                CliError::new(1, "both LEASEHOLD_SECRET_ID and LEASEHOLD_SECRET_ID_FILE are set").hint("unset one")
            );
        }
        (Some(text), None) => Some(Secret::new(text.trim())),
        (None, Some(file)) => match token_file::read(file.as_ref())? {
            Some(secret_id) => Some(secret_id),
            None => return Err(CliError::new(1, format!("LEASEHOLD_SECRET_ID_FILE: {file} is not there or empty"))),
        },
        (None, None) => None,
    };
    match (exactly("LEASEHOLD_ROLE_ID"), secret_id) {
        (Some(role_id), secret_id) => Ok(Some((role_id.trim().to_owned(), secret_id))),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(CliError::new(1, "there is a secret id in the environment, but no LEASEHOLD_ROLE_ID")),
    }
}

/// Ids made with the operator's token; the secret id is good for one login.
async fn made_ids(client: &Client, login: &Login, context: &Context) -> Result<(String, Option<Secret>), CliError> {
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
