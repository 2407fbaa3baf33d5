//! With a browser, at the issuer: the engine says where, and this machine is where the browser comes back to.
//!
//! Source: Vault API, "JWT/OIDC auth method: OIDC login (Vault CLI)": `role`, `port`, `listenaddress`, `callbackhost`,
//! `callbackmethod`, `callbackport` and `skip_browser`.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use super::{ByHand, Method, Said, refused_by_hand};
use crate::api::{Answer, Client};
use crate::cli::browse;
use crate::cli::callback::{Callback, PATH};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::request::body;
use crate::secret::Secret;
use crate::text::percent::decode_form;
use crate::units::duration;

/// With a browser. An app has none.
pub(super) const METHOD: Method = Method {
    name: "oidc",
    secret: None,
    takes: &[
        ("role", "The role [default: the method's own]"),
        ("port", "Where the browser comes back to [default: 8250]"),
        ("listenaddress", "On which address that is [default: localhost]"),
        ("callbackhost", "What the provider is told of it [default: listenaddress]"),
        ("callbackmethod", "http, or https [default: http]"),
        ("callbackport", "Another port that the provider is told [default: port]"),
        ("skip_browser", "true: the address is printed alone"),
        ("timeout", "How long it waits [default: 10m]"),
    ],
    of_app: None,
    by_hand: ByHand::Asks(ask),
};

/// Where browsers come back to when nobody says otherwise.
const HOST: &str = "localhost";
const PORT: u16 = 8250;

/// How long a person may take: engines keep what was begun for ten minutes.
const TIME: &str = "10m";

const KEYS: [&str; 8] =
    ["role", "port", "listenaddress", "callbackhost", "callbackmethod", "callbackport", "skip_browser", "timeout"];

/// What somebody says of a login.
struct Wanted {
    mount: String,
    role: Option<String>,
    host: String,
    port: u16,
    callback_host: String,
    callback_method: String,
    callback_port: Option<u16>,
    skips_browser: bool,
    time: Duration,
}

impl Wanted {
    fn of(mut said: Said) -> Result<Self, CliError> {
        let number = |key: &str, text: Option<String>| {
            let wrong = |text: &str| CliError::new(1, format!("{key}={text} is no port")).hint("one of 0 to 65535");
            text.map(|text| text.parse::<u16>().map_err(|_| wrong(&text))).transpose()
        };
        if let Some(key) = said.values.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let what = format!("{key:?} says nothing of a login with a browser");
            return Err(CliError::new(1, what).hint(format!("one of: {}", KEYS.join(", "))));
        }
        if let Some((key, _)) = said.values.iter().find(|(_, value)| !value.is_string()) {
            return Err(CliError::new(1, format!("{key} was given twice")));
        }
        let host = said.take("listenaddress").unwrap_or_else(|| HOST.to_owned());
        let skips_browser = match said.take("skip_browser").as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(CliError::new(1, "skip_browser is true or false")),
        };
        let time = said.take("timeout").unwrap_or_else(|| TIME.to_owned());
        let seconds = duration::parse(&time).ok().and_then(|seconds| u64::try_from(seconds).ok());
        let seconds = seconds.filter(|seconds| *seconds > 0);
        let time = Duration::from_secs(
            seconds.ok_or_else(|| CliError::new(1, format!("timeout={time} is no time to wait: 10m is one")))?,
        );
        Ok(Self {
            role: said.take("role"),
            port: number("port", said.take("port"))?.unwrap_or(PORT),
            callback_host: said.take("callbackhost").unwrap_or_else(|| host.clone()),
            callback_method: said.take("callbackmethod").unwrap_or_else(|| "http".to_owned()),
            callback_port: number("callbackport", said.take("callbackport"))?,
            host,
            skips_browser,
            time,
            mount: said.mount,
        })
    }

    fn role_shown(&self) -> String {
        self.role.as_ref().map_or_else(|| "the method's default role".to_owned(), |role| format!("the role {role}"))
    }
}

fn ask(client: &Client, said: Said) -> BoxFuture<'_, Result<(String, Answer), CliError>> {
    async move { log_in(client, &Wanted::of(said)?).await }.boxed()
}

async fn log_in(client: &Client, wanted: &Wanted) -> Result<(String, Answer), CliError> {
    let Wanted { host, port, mount, .. } = wanted;
    let listening = |error: std::io::Error| {
        CliError::new(1, format!("nothing can listen at {host}:{port}, where a browser would come back to: {error}"))
            .hint("port=PORT takes another, port=0 any that is free; engines allow any port of localhost")
    };
    let callback = Callback::listen(host, *port).await.map_err(listening)?;
    let port = wanted.callback_port.map_or_else(|| callback.port().map_err(listening), Ok)?;
    let redirect = format!("{}://{}:{port}{PATH}", wanted.callback_method, bracketed(&wanted.callback_host));
    let nonce = nonce()?;
    let url = begun(client, wanted, &redirect, &nonce).await?;
    let state = Secret::new(parameter(&url, "state").unwrap_or_default());
    if state.is_empty() {
        return Err(CliError::new(2, format!("auth/{mount}/oidc/auth_url answered with an address without `state`")));
    }
    // Before anybody is told to wait: whoever stops it then gets its words, too.
    let listened = signal(SignalKind::interrupt());
    let mut stopped = listened.map_err(|error| CliError::new(1, format!("Ctrl-C can't be listened for: {error}")))?;
    show(&url, wanted.skips_browser);
    let ended = callback.wait(state, async |back| ended(client, mount, &nonce, &back).await);
    let nobody = || {
        let what = format!("no browser came back to {redirect} in {}", duration::shown(wanted.time.as_secs() as i64));
        CliError::new(1, what)
            .hint("timeout=DURATION waits longer; the engine keeps a login that was begun for ten minutes")
    };
    let answer = tokio::select! {
        ended = tokio::time::timeout(wanted.time, ended) => match ended {
            Ok(Some(ended)) => ended?,
            Ok(None) | Err(_) => return Err(nobody()),
        },
        _ = stopped.recv() => return Err(CliError::new(1, "interrupted: nobody logged in")),
    };
    Ok((callback_path(mount), answer))
}

/// Where the engine takes what a browser brings back.
fn callback_path(mount: &str) -> String {
    format!("auth/{mount}/oidc/callback")
}

/// What the engine says of what a browser brings back.
async fn ended(
    client: &Client,
    mount: &str,
    nonce: &Secret,
    back: &BTreeMap<String, String>,
) -> Result<Answer, CliError> {
    let path = callback_path(mount);
    let sent = ["state", "code", "error", "error_description"];
    let mut query: Vec<(String, String)> =
        sent.iter().filter_map(|name| Some(((*name).to_owned(), back.get(*name)?.clone()))).collect();
    query.push(("client_nonce".to_owned(), nonce.expose().to_owned()));
    let answer = client.read_with(&path, &query).await.map_err(|error| {
        let failure = refused_by_hand(METHOD.name, mount, &error);
        match back.get("error") {
            Some(said) => failure.hint(format!("the issuer said {}", output::one_line(said))),
            None => failure,
        }
    })?;
    answer.ok_or_else(|| CliError::plain(2, format!("Error authenticating: the engine does not know the path {path}")))
}

/// Where the person logs in.
async fn begun(client: &Client, wanted: &Wanted, redirect: &str, nonce: &Secret) -> Result<String, CliError> {
    let mut sent = json!({ "redirect_uri": redirect, "client_nonce": nonce.expose() });
    if let Some(role) = &wanted.role {
        sent["role"] = role.as_str().into();
    }
    let path = format!("auth/{}/oidc/auth_url", wanted.mount);
    let answer = client.write(&path, &body(sent)).await;
    let answer = answer.map_err(|error| refused_by_hand(METHOD.name, &wanted.mount, &error))?;
    let url = answer.data.as_ref().and_then(|data| data.get("auth_url")).and_then(Value::as_str).unwrap_or_default();
    if url.is_empty() {
        let what = format!(
            "Error authenticating: {} at auth/{} sends nobody with the redirect_uri {redirect} to its issuer",
            wanted.role_shown(),
            wanted.mount
        );
        return Err(CliError::plain(2, what)
            .hint("the role has to be there, to be for browsers (role_type oidc), and to have it among its allowed_redirect_uris")
            .hint("servers tell nobody which it is: the cause is in the server's log and, where the engine is leasehold's, in its trail as login-refused"));
    }
    match url.starts_with("https://") || url.starts_with("http://") {
        true => Ok(url.to_owned()),
        false => Err(CliError::new(2, format!("{path} answered with an address that is not https:// or http://"))),
    }
}

/// Shows where to log in, and opens it, unless somebody does that.
fn show(url: &str, skips_browser: bool) {
    // What stands in it (state, nonce, challenge) opens nothing without what this process keeps for itself.
    let opened = !skips_browser && browse::open(url);
    let doing = match (skips_browser, opened) {
        (true, _) => "Log in with a browser at:",
        (false, true) => "A browser is opened to log in at:",
        (false, false) => "No browser could be opened. Log in with one at:",
    };
    // In one line of its own, however long: somebody copies it.
    output::say(&format!("{doing}\n\n    {}\n\nWaiting for it to come back ...", output::one_line(url)));
}

/// A parameter of an address.
fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let mut parts = query.split('&').filter_map(|part| part.split_once('='));
    parts.find(|(key, _)| *key == name).and_then(|(_, value)| decode_form(value).ok())
}

/// A host as it stands in an address.
fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

/// What only this process can show in the end.
fn nonce() -> Result<Secret, CliError> {
    let mut bytes = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| CliError::new(1, "the system gave no random bytes"))?;
    Ok(Secret::new(hex::encode(bytes)))
}
