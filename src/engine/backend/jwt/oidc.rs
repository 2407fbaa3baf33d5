//! Logins with a browser: `oidc/auth_url` says where somebody logs in, `oidc/callback` takes what the browser came back
//! with and answers with a token.
//!
//! Whoever begins one has shown nothing yet: a role that is not there, one that shows signed tokens, and an address that
//! it does not allow all answer with an empty address. Why it is empty, and why the issuer gave nothing, is the
//! operator's: it goes to the log and into the trail.
//!
//! Sources: Vault API, "JWT/OIDC auth method"; OpenID Connect Core 1.0, section 3.1; RFC 7636 (PKCE); OpenBao,
//! `builtin/credential/jwt/path_oidc.go`, for the texts.

mod exchange;
mod pending;
mod redirect;

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use self::exchange::{exchange, user_info};
use self::pending::Begun;
pub(super) use self::pending::Pending;
use super::config::Config;
use super::issuer::About;
use super::judgement::{believed, check_times, refused, welcome};
use super::key_set::KeySets;
use super::role::{Role, RoleType};
use crate::engine::backend::Call;
use crate::engine::backend::login::{address, note_refusal, role as stored};
use crate::engine::kernel::random;
use crate::engine::lease::core::Core;
use crate::engine::wire::cidr;
use crate::engine::wire::error::Error;
use crate::engine::wire::response::Response;
use crate::secret::Secret;
use crate::text::percent::encode;

/// Bytes of what a client wants to hear again. Vault's own sends some 30.
const CLIENT_NONCE_BYTES_MAX: usize = 512;

/// Characters of what an issuer says in words that are noted.
const WORDS_MAX: usize = 300;

/// Seconds that clocks may differ where somebody's login at the issuer is judged by its age.
const CLOCK_LEEWAY: i64 = 60;

/// What an issuer may say instead of a code (RFC 6749, 4.1.2.1).
const SAID: [&str; 7] = [
    "invalid_request",
    "unauthorized_client",
    "access_denied",
    "unsupported_response_type",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
];

/// Claims that only a signature can make: who signed for whom, and when. The rest an issuer may also tell at its own
/// address (OpenID Connect Core 1.0, section 2).
const SIGNED_ONLY: [&str; 13] =
    ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "nonce", "auth_time", "acr", "amr", "azp", "at_hash"];

fn failed(why: impl std::fmt::Display) -> Error {
    Error::Invalid(format!("Vault login failed. {why}"))
}

/// What was wrong with whoever logs in, as a failed login; what else went wrong stays as it is.
fn told_as_failed(error: Error) -> Error {
    match error {
        Error::Invalid(why) => failed(why),
        other => other,
    }
}

/// `oidc/auth_url`.
pub(super) async fn auth_url(
    core: &Arc<Core>,
    call: Call<'_>,
    keys: &KeySets,
    pending: &Pending,
) -> Result<Response, Error> {
    call.refuse_unknown("the begin of a login")?;
    let fields = call.fields();
    let invalid = |text: &str| Error::Invalid(text.to_owned());
    let config = Config::load(core, call.mount)?.ok_or_else(|| invalid("could not load configuration"))?;
    let issuer = config.issuer().ok_or_else(|| invalid("OIDC login is not configured for this mount"))?;
    let given = |name: &str| Ok::<_, Error>(fields.string(name)?.filter(|text| !text.is_empty()));
    let name = given("role")?.unwrap_or_else(|| config.default_role.clone()).to_lowercase();
    if name.is_empty() {
        return Err(invalid("missing role"));
    }
    let redirect_uri = given("redirect_uri")?.ok_or_else(|| invalid("missing redirect_uri"))?;
    let client_nonce = Secret::new(given("client_nonce")?.unwrap_or_default());
    if client_nonce.expose().len() > CLIENT_NONCE_BYTES_MAX {
        return Err(Error::Invalid(format!("client_nonce is longer than {CLIENT_NONCE_BYTES_MAX} bytes")));
    }
    let empty = |why: &dyn std::fmt::Display| {
        note_refusal(core, call.mount, "not-begun", why);
        Ok(Response::data(json!({ "auth_url": "" })))
    };
    let role = stored::load::<Role>(core, call.mount, &name)?.filter(|role| role.role_type == RoleType::Oidc);
    let Some(role) = role else { return empty(&"there is no such role that logs in with a browser") };
    if !redirect::is_allowed(&redirect_uri, &role.allowed_redirect_uris) {
        return empty(&format!("the redirect_uri is not among the allowed_redirect_uris of the role {:?}", role.name));
    }
    let known = match keys.of(core, call.mount, config.source(), |_| true).await {
        Ok(known) if known.about.authorization.is_empty() => {
            return empty(&format!("the issuer {issuer} has no `authorization_endpoint`"));
        }
        Ok(known) => known,
        Err(failure) => return empty(&format!("nothing is known of the issuer: {failure}")),
    };
    let state = random::base62(32)?;
    let begun = Begun {
        role: role.name.clone(),
        redirect_uri,
        client: (issuer.to_owned(), config.oidc_client_id.clone()),
        nonce: Secret::new(random::base62(32)?),
        verifier: Secret::new(random::base62(64)?),
        client_nonce,
    };
    let url = address_of(&known.about, &role, &begun, &state);
    let now = core.clock.now().unix_timestamp();
    pending.keep(&call.mount.uuid, state, begun, now, address(call));
    Ok(Response::data(json!({ "auth_url": url })))
}

/// Where somebody logs in (OpenID Connect Core 1.0, 3.1.2.1).
fn address_of(about: &About, role: &Role, begun: &Begun, state: &str) -> String {
    let mut scopes = vec!["openid"];
    scopes.extend(role.oidc_scopes.iter().map(String::as_str).filter(|scope| *scope != "openid"));
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, begun.verifier.expose().as_bytes()));
    let (scope, max_age) = (scopes.join(" "), role.max_age.to_string());
    let mut fields = vec![
        ("client_id", begun.client.1.as_str()),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("nonce", begun.nonce.expose()),
        ("redirect_uri", &begun.redirect_uri),
        ("response_type", "code"),
        ("scope", &scope),
        ("state", state),
    ];
    if role.max_age > 0 {
        fields.push(("max_age", &max_age));
    }
    let query: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let joint = if about.authorization.contains('?') { '&' } else { '?' };
    format!("{}{joint}{}", about.authorization, query.join("&"))
}

/// `oidc/callback`.
pub(super) async fn callback(
    core: &Arc<Core>,
    call: Call<'_>,
    keys: &KeySets,
    pending: &Pending,
) -> Result<Response, Error> {
    let fields = call.fields();
    let given = |name: &str| Ok::<_, Error>(Secret::new(fields.string(name)?.unwrap_or_default()));
    let config = Config::load(core, call.mount)?.ok_or_else(|| failed("Could not load configuration"))?;
    let now = core.clock.now().unix_timestamp();
    let client = config.issuer().map(|issuer| (issuer.to_owned(), config.oidc_client_id.clone()));
    let begun = pending.take(&call.mount.uuid, given("state")?.expose(), now);
    // What was begun with another issuer is not for this one to end.
    let begun = begun.filter(|begun| Some(&begun.client) == client.as_ref());
    let begun = begun.ok_or_else(|| failed("Expired or missing OAuth state."))?;
    let said = fields.string("error")?.unwrap_or_default().trim().to_lowercase();
    if !said.is_empty() {
        let words =
            ["error_description", "error_uri"].map(|name| fields.string(name).ok().flatten().unwrap_or_default());
        note_refusal(
            core,
            call.mount,
            "not-proved",
            &format!("the issuer said {}: {}", shown(&said), shown(&words.join(" "))),
        );
        let known = SAID.iter().find(|known| **known == said);
        return Err(failed(
            known.unwrap_or(&"An unknown error occurred during OIDC authentication. Check server logs for details"),
        ));
    }
    let same =
        verify_slices_are_equal(given("client_nonce")?.expose().as_bytes(), begun.client_nonce.expose().as_bytes());
    if !begun.client_nonce.is_empty() && same.is_err() {
        return Err(Error::Invalid("invalid client_nonce".to_owned()));
    }
    let role = stored::load::<Role>(core, call.mount, &begun.role)?.filter(|role| role.role_type == RoleType::Oidc);
    let role = role.ok_or_else(|| failed("Role could not be found"))?;
    if !cidr::admits(&role.token.bound_cidrs, address(call)) {
        return Err(Error::Unauthenticated);
    }
    let code = given("code")?;
    if code.is_empty() {
        return Err(failed("No code or id_token received."));
    }
    let claims = told(core, call, keys, &config, &role, &begun, &code).await?;
    welcome(core, call, role, &claims).await.map_err(told_as_failed)
}

/// What somebody else says, as a log can have it: quoted, and no longer than a few lines.
fn shown(words: &str) -> String {
    format!("{:?}", words.trim().chars().take(WORDS_MAX).collect::<String>())
}

/// What the issuer says of the person whose code it is.
async fn told(
    core: &Arc<Core>,
    call: Call<'_>,
    keys: &KeySets,
    config: &Config,
    role: &Role,
    begun: &Begun,
    code: &Secret,
) -> Result<Map<String, Value>, Error> {
    let no_code = |why: &dyn std::fmt::Display, told: &str| {
        note_refusal(core, call.mount, "not-proved", why);
        failed(format!("Error exchanging oidc code: {told:?}."))
    };
    let known = keys.of(core, call.mount, config.source(), |_| true).await;
    let about = known.map_err(|failure| no_code(&failure, "the issuer did not answer"))?.about;
    let tokens = exchange(config, &about, begun, code).await.map_err(|refusal| no_code(&refusal, refusal.told()))?;
    let judged = async {
        let mut claims = believed(keys, core, call.mount, config, &tokens.id).await?;
        let now = core.clock.now().unix_timestamp();
        check_times(core, Some(role), &claims)?;
        check_own(&claims, begun).map_err(refused)?;
        check_age(&claims, role.max_age, now).map_err(refused)?;
        match user_info(config, &about, &tokens.access, claims.get("sub")).await {
            Ok(more) => {
                for (name, value) in more {
                    if !SIGNED_ONLY.contains(&name.as_str()) {
                        claims.entry(name).or_insert(value);
                    }
                }
            }
            // As with Vault, a login goes on without.
            Err(refusal) => tracing::warn!("no more is told of a login at {}: {refusal}", call.mount.path),
        }
        Ok(claims)
    };
    judged.await.map_err(told_as_failed)
}

/// Checks that a token is the answer to what was asked: of the issuer, for the client, with the nonce (OpenID Connect
/// Core 1.0, 3.1.3.7).
fn check_own(claims: &Map<String, Value>, begun: &Begun) -> Result<(), &'static str> {
    let (issuer, client) = (begun.client.0.as_str(), begun.client.1.as_str());
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(issuer) {
        return Err("invalid issuer (iss) claim");
    }
    let (is_for_client, has_others) = match claims.get("aud") {
        Some(Value::String(one)) => (one == client, false),
        Some(Value::Array(all)) => (all.iter().any(|one| one == client), all.len() > 1),
        _ => (false, false),
    };
    if !is_for_client {
        return Err("invalid audience (aud) claim: the token is not for the method's client");
    }
    if (has_others || claims.contains_key("azp")) && text("azp") != Some(client) {
        return Err("invalid authorized party (azp) claim");
    }
    let nonce = text("nonce").unwrap_or_default();
    match verify_slices_are_equal(nonce.as_bytes(), begun.nonce.expose().as_bytes()) {
        Ok(()) => Ok(()),
        Err(_) => Err("invalid ID token nonce"),
    }
}

/// Checks how long ago somebody showed the issuer who they are; 0 is any time.
fn check_age(claims: &Map<String, Value>, max_age: i64, now: i64) -> Result<(), &'static str> {
    if max_age == 0 {
        return Ok(());
    }
    let at =
        claims.get("auth_time").and_then(Value::as_i64).ok_or("missing auth_time claim, which max_age asks for")?;
    match now.saturating_sub(at) > max_age.saturating_add(CLOCK_LEEWAY) {
        true => Err("invalid auth_time claim: it is longer ago than max_age that the issuer saw who it is"),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Begun, check_age, check_own};
    use crate::secret::Secret;

    #[test]
    fn a_token_has_to_answer_what_was_asked() {
        let begun = Begun {
            role: "people".to_owned(),
            redirect_uri: String::new(),
            client: ("https://issuer.example.com".to_owned(), "engine".to_owned()),
            nonce: Secret::new("n"),
            verifier: Secret::default(),
            client_nonce: Secret::default(),
        };
        let audience = "invalid audience (aud) claim: the token is not for the method's client";
        let party = "invalid authorized party (azp) claim";
        for (more, expected) in [
            (json!({}), Ok(())),
            (json!({"iss": "https://other.example.com"}), Err("invalid issuer (iss) claim")),
            (json!({"aud": ["engine"]}), Ok(())),
            (json!({"aud": "other"}), Err(audience)),
            (json!({"aud": []}), Err(audience)),
            (json!({"aud": null}), Err(audience)),
            (json!({"aud": ["engine", "other"]}), Err(party)),
            (json!({"aud": ["engine", "other"], "azp": "engine"}), Ok(())),
            (json!({"azp": "other"}), Err(party)),
            (json!({"nonce": "m"}), Err("invalid ID token nonce")),
            (json!({"nonce": null}), Err("invalid ID token nonce")),
        ] {
            let mut claims = json!({"iss": "https://issuer.example.com", "aud": "engine", "nonce": "n"});
            for (name, value) in more.as_object().unwrap() {
                claims[name] = value.clone();
            }
            assert_eq!(check_own(claims.as_object().unwrap(), &begun), expected, "{more}");
        }
    }

    #[test]
    fn a_login_at_the_issuer_ages() {
        let age = |claims: Value, max_age| check_age(claims.as_object().unwrap(), max_age, 10_000).is_ok();
        assert!(age(json!({}), 0) && !age(json!({}), 60));
        assert!(age(json!({"auth_time": 9_880}), 60) && !age(json!({"auth_time": 9_879}), 60));
    }
}
