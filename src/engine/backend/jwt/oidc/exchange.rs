//! What is asked of the issuer about a person: a code becomes tokens, and a token what is told of whoever it is.
//!
//! Sources: RFC 6749, 4.1.3 and 5; RFC 7636; OpenID Connect Core 1.0, 3.1.3 and 5.3.

use serde_json::{Map, Value};

use super::pending::Begun;
use crate::engine::backend::jwt::config::Config;
use crate::engine::backend::jwt::issuer::About;
use crate::engine::backend::outgoing::{Answer, Failure, Peer, Sent};
use crate::secret::Secret;

/// Characters of an issuer's error code that are told.
const CODE_MAX: usize = 64;

/// What a code becomes.
pub(super) struct Tokens {
    /// Who it is, signed.
    pub(super) id: Secret,
    /// What opens the issuer's own addresses; empty for none.
    pub(super) access: Secret,
}

/// Why the issuer gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// No answer.
    #[error(transparent)]
    Unanswered(#[from] Failure),
    /// It said no.
    #[error("{url} answered with status {status}{}", said(.code))]
    Status { url: String, status: u16, code: String },
    /// It said something else.
    #[error("{url}: {what}")]
    Odd { url: String, what: String },
    /// It can't be asked.
    #[error("the issuer {issuer}: {what}")]
    Unable { issuer: String, what: &'static str },
}

fn said(code: &str) -> String {
    if code.is_empty() { String::new() } else { format!(": {code}") }
}

impl Refusal {
    /// What whoever logs in is told. Addresses, and what went wrong on the way, are the operator's.
    pub(super) fn told(&self) -> &str {
        match self {
            Self::Unanswered(_) => "the issuer did not answer",
            Self::Status { code, .. } if !code.is_empty() => code,
            Self::Status { .. } => "the issuer refused it",
            Self::Odd { .. } | Self::Unable { .. } => "the issuer's answer is of no use",
        }
    }
}

/// Changes a code for tokens.
///
/// # Errors
/// Why there are none.
pub(super) async fn exchange(config: &Config, about: &About, begun: &Begun, code: &Secret) -> Result<Tokens, Refusal> {
    let unable = |what| Refusal::Unable { issuer: begun.client.0.clone(), what };
    if about.token.is_empty() {
        return Err(unable("it has no `token_endpoint`"));
    }
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("code", code.expose()),
        ("redirect_uri", &begun.redirect_uri),
        ("code_verifier", begun.verifier.expose()),
    ];
    let (id, secret) = (&config.oidc_client_id, &config.oidc_client_secret);
    // OpenID Connect Discovery 1.0, section 3: one that names no way takes this one.
    let takes = |way: &str| about.client_methods.iter().any(|one| one == way);
    let sent = if about.client_methods.is_empty() || takes("client_secret_basic") {
        Sent::form(&fields).by(id, secret)
    } else if takes("client_secret_post") {
        fields.extend([("client_id", id.as_str()), ("client_secret", secret.expose())]);
        Sent::form(&fields)
    } else {
        return Err(unable("it takes no client secret (client_secret_basic, client_secret_post)"));
    };
    let url = &about.token;
    let answer = Peer { url, ca_pem: config.issuer_ca_pem() }.send(&sent).await?;
    let told = object(url, &answer)?;
    let text = |name: &str| Secret::new(told.get(name).and_then(Value::as_str).unwrap_or_default());
    let tokens = Tokens { id: text("id_token"), access: text("access_token") };
    match tokens.id.is_empty() {
        true => Err(Refusal::Odd { url: url.clone(), what: "there is no id_token in its answer".to_owned() }),
        false => Ok(tokens),
    }
}

/// What the issuer tells besides of whose token this is; nothing where it tells nobody.
///
/// # Errors
/// It can't be had, or is of somebody else.
pub(super) async fn user_info(
    config: &Config,
    about: &About,
    access: &Secret,
    subject: Option<&Value>,
) -> Result<Map<String, Value>, Refusal> {
    let url = &about.user_info;
    if url.is_empty() || access.is_empty() {
        return Ok(Map::new());
    }
    let answer = Peer { url, ca_pem: config.issuer_ca_pem() }.send(&Sent::with_token(access)).await?;
    let told = object(url, &answer)?;
    // OpenID Connect Core 1.0, 5.3.2: else it may be about somebody else.
    match told.get("sub").is_some() && told.get("sub") == subject {
        true => Ok(told),
        false => Err(Refusal::Odd { url: url.clone(), what: "it is not about whose token it is (sub)".to_owned() }),
    }
}

/// A JSON object with which somebody answered.
fn object(url: &str, answer: &Answer) -> Result<Map<String, Value>, Refusal> {
    let told: Option<Map<String, Value>> = serde_json::from_slice(&answer.body).ok();
    if answer.status != 200 {
        let code = told.as_ref().and_then(|told| told.get("error")).and_then(Value::as_str).unwrap_or_default();
        return Err(Refusal::Status { url: url.to_owned(), status: answer.status, code: plain(code) });
    }
    told.ok_or_else(|| Refusal::Odd { url: url.to_owned(), what: "its answer is no JSON object".to_owned() })
}

/// An error code, if it is one that can be shown. What else an issuer writes there may be anything.
fn plain(code: &str) -> String {
    let is_plain = code.len() <= CODE_MAX && code.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    if is_plain { code.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn only_codes_are_told() {
        let long = "x".repeat(65);
        for (code, expected) in [("invalid_grant", "invalid_grant"), ("<b>", ""), ("the code x", ""), (&*long, "")] {
            assert_eq!(plain(code), expected, "{code}");
        }
    }
}
