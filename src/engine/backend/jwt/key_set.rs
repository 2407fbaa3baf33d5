//! The keys of issuers: fetched, kept, and fetched again when a token names one that is not among them.
//!
//! One fetch at a time for each mount, and not more often than every [`PAUSE`], so that tokens with made-up key names
//! make no traffic. Logins whose key is known wait for nobody. While an issuer can't be reached, the keys that were
//! found stay.
//!
//! Source: OpenID Connect Discovery 1.0, section 4; RFC 7517.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

use crate::engine::backend::outgoing::{Failure, Peer};
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::proof::Key;

/// Seconds between two fetches of the same keys.
const PAUSE: i64 = 10;

/// Seconds after which keys are fetched again though nothing asks for it: an issuer may have withdrawn one.
const AGE_MAX: i64 = 3600;

/// Where keys come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    /// From the operator, as PEM.
    Given(&'a [String]),
    /// From an address.
    Set { url: &'a str, ca_pem: &'a str },
    /// From the address that an issuer's description names.
    Discovered { issuer: &'a str, ca_pem: &'a str },
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoKeys {
    /// No answer.
    #[error(transparent)]
    Unanswered(#[from] Failure),
    /// An answer of another status.
    #[error("{url} answered with status {status}")]
    Status { url: String, status: u16 },
    /// An answer that says something else.
    #[error("{url}: {what}")]
    Odd { url: String, what: String },
    /// It was asked a moment ago, in vain.
    #[error("{url} was asked a moment ago, and is asked again in a few seconds")]
    Pausing { url: String },
}

/// What is known of one mount's issuer.
#[derive(Default)]
struct Kept {
    /// Of which source.
    source: String,
    keys: Option<Arc<[Key]>>,
    /// When the keys were found, and when they were last asked for.
    found: i64,
    asked: Option<i64>,
}

/// The keys of one mount.
#[derive(Default)]
struct Issuer {
    kept: Mutex<Kept>,
    /// Whoever asks the issuer.
    turn: tokio::sync::Mutex<()>,
}

/// What is to be done about keys.
enum Next {
    /// They are taken as they are.
    Take(Arc<[Key]>),
    /// They are taken as they are if somebody is asking already.
    AskOrTake(Arc<[Key]>),
    Ask,
    /// There are none, and it is too early to ask.
    Wait,
}

impl Issuer {
    fn next(&self, source: &str, now: i64, is_enough: &impl Fn(&[Key]) -> bool) -> Next {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.source != source {
            *kept = Kept { source: source.to_owned(), ..Kept::default() };
        }
        let may_ask = kept.asked.is_none_or(|asked| now.saturating_sub(asked) >= PAUSE || now < asked);
        let is_old = now.saturating_sub(kept.found) >= AGE_MAX;
        match &kept.keys {
            Some(keys) if !may_ask => Next::Take(keys.clone()),
            Some(keys) if is_enough(keys) && is_old => Next::AskOrTake(keys.clone()),
            Some(keys) if is_enough(keys) => Next::Take(keys.clone()),
            None if !may_ask => Next::Wait,
            _ => Next::Ask,
        }
    }

    fn keep(&self, source: &str, now: i64, keys: Option<Arc<[Key]>>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.source == source {
            kept.asked = Some(now);
            if keys.is_some() {
                (kept.keys, kept.found) = (keys, now);
            }
        }
    }
}

/// The keys of all mounts.
#[derive(Default)]
pub(super) struct KeySets(Mutex<HashMap<String, Arc<Issuer>>>);

impl KeySets {
    /// The keys of a mount. Where those that are known are not enough, the issuer is asked, if it may be by now.
    ///
    /// # Errors
    /// If none are known and the issuer gives none.
    pub(super) async fn of(
        &self,
        core: &Core,
        mount: &Mount,
        source: Source<'_>,
        is_enough: impl Fn(&[Key]) -> bool,
    ) -> Result<Arc<[Key]>, NoKeys> {
        if let Source::Given(texts) = source {
            // They were checked when they were written.
            return Ok(texts.iter().filter_map(|text| Key::of_pem(text).ok()).collect());
        }
        let (issuer, name) = (self.issuer(mount), source.name());
        let now = core.clock.now().unix_timestamp();
        let waiting = || NoKeys::Pausing { url: source.url().to_owned() };
        let turn = match issuer.next(&name, now, &is_enough) {
            Next::Take(keys) => return Ok(keys),
            Next::Wait => return Err(waiting()),
            Next::AskOrTake(keys) => match issuer.turn.try_lock() {
                Ok(turn) => turn,
                Err(_) => return Ok(keys),
            },
            Next::Ask => issuer.turn.lock().await,
        };
        // Whoever had the turn before may have brought what is wanted.
        let known = match issuer.next(&name, now, &is_enough) {
            Next::Take(keys) => return Ok(keys),
            Next::Wait => return Err(waiting()),
            Next::AskOrTake(keys) => Some(keys),
            Next::Ask => issuer.kept.lock().unwrap_or_else(PoisonError::into_inner).keys.clone(),
        };
        let found = source.fetch().await;
        issuer.keep(&name, now, found.as_ref().ok().cloned());
        drop(turn);
        match (found, known) {
            (Err(failure), Some(known)) => {
                tracing::warn!("the keys of {} stay as they were: {failure}", mount.path);
                Ok(known)
            }
            (found, _) => found,
        }
    }

    /// Fetches the keys of a new configuration, whenever they were last asked for.
    ///
    /// # Errors
    /// If there are none.
    pub(super) async fn renewed(&self, core: &Core, mount: &Mount, source: Source<'_>) -> Result<(), NoKeys> {
        if matches!(source, Source::Given(_)) {
            return Ok(());
        }
        let keys = source.fetch().await?;
        let found = core.clock.now().unix_timestamp();
        let kept = Kept { source: source.name(), keys: Some(keys), found, asked: None };
        *self.issuer(mount).kept.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        Ok(())
    }

    fn issuer(&self, mount: &Mount) -> Arc<Issuer> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(mount.uuid.clone()).or_default().clone()
    }
}

impl Source<'_> {
    /// Tells a source from another.
    fn name(&self) -> String {
        format!("{self:?}")
    }

    fn url(&self) -> &str {
        match self {
            Self::Given(_) => "",
            Self::Set { url, .. } => url,
            Self::Discovered { issuer, .. } => issuer,
        }
    }

    async fn fetch(&self) -> Result<Arc<[Key]>, NoKeys> {
        let (url, ca_pem) = match self {
            Self::Given(_) => return Ok(Arc::new([])),
            Self::Set { url, ca_pem } => ((*url).to_owned(), *ca_pem),
            Self::Discovered { issuer, ca_pem } => (discovered(issuer, ca_pem).await?, *ca_pem),
        };
        let body = answered(&url, ca_pem).await?;
        let keys = Key::of_set(&body).map_err(|what| NoKeys::Odd { url: url.clone(), what })?;
        if keys.is_empty() {
            return Err(NoKeys::Odd { url, what: "there is no key in it that can verify signatures".to_owned() });
        }
        Ok(keys.into())
    }
}

/// Where an issuer has its keys, as it describes itself.
async fn discovered(issuer: &str, ca_pem: &str) -> Result<String, NoKeys> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let body = answered(&url, ca_pem).await?;
    let odd = |what: String| NoKeys::Odd { url: url.clone(), what };
    let told: Map<String, Value> =
        serde_json::from_slice(&body).map_err(|error| odd(format!("the description is not JSON: {error}")))?;
    let text = |name: &str| told.get(name).and_then(Value::as_str);
    if text("issuer") != Some(issuer) {
        return Err(odd(format!(
            "it describes the issuer {:?}, and not {issuer:?}",
            text("issuer").unwrap_or_default()
        )));
    }
    text("jwks_uri").map(str::to_owned).ok_or_else(|| odd("it has no `jwks_uri`".to_owned()))
}

async fn answered(url: &str, ca_pem: &str) -> Result<bytes::Bytes, NoKeys> {
    let peer = Peer { url, ca_pem };
    peer.check()?;
    let answer = peer.get().await?;
    if answer.status != 200 {
        return Err(NoKeys::Status { url: url.to_owned(), status: answer.status });
    }
    Ok(answer.body)
}
