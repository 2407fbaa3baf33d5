//! The keys of issuers: fetched, kept, and fetched again when a token names one that is not among them.
//!
//! One fetch at a time for each mount, and not more often than every [`PAUSE`], so that tokens with made-up key names
//! make no traffic. Logins whose key is known wait for nobody. While an issuer can't be reached, the keys that were
//! found stay.
//!
//! What an issuer says of itself comes with its keys, and is kept with them.
//!
//! Source: RFC 7517.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::issuer::{About, Unknown, answered, described};
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

/// What is known of an issuer.
#[derive(Clone)]
pub(super) struct Known {
    /// Its keys.
    pub(super) keys: Arc<[Key]>,
    /// What it says of itself; nothing where only its keys are known.
    pub(super) about: Arc<About>,
}

impl Known {
    fn of(keys: impl Into<Arc<[Key]>>) -> Self {
        Self { keys: keys.into(), about: Arc::default() }
    }
}

/// What is known of one mount's issuer.
#[derive(Default)]
struct Kept {
    /// Of which source.
    source: String,
    known: Option<Known>,
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
    Take(Known),
    /// They are taken as they are if somebody is asking already.
    AskOrTake(Known),
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
        match &kept.known {
            Some(known) if !may_ask => Next::Take(known.clone()),
            Some(known) if is_enough(&known.keys) && is_old => Next::AskOrTake(known.clone()),
            Some(known) if is_enough(&known.keys) => Next::Take(known.clone()),
            None if !may_ask => Next::Wait,
            _ => Next::Ask,
        }
    }

    fn keep(&self, source: &str, now: i64, known: Option<Known>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.source == source {
            kept.asked = Some(now);
            if known.is_some() {
                (kept.known, kept.found) = (known, now);
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
    ) -> Result<Known, Unknown> {
        if let Source::Given(texts) = source {
            // They were checked when they were written.
            return Ok(Known::of(texts.iter().filter_map(|text| Key::of_pem(text).ok()).collect::<Vec<_>>()));
        }
        let (issuer, name) = (self.issuer(mount), source.name());
        let now = core.clock.now().unix_timestamp();
        let waiting = || Unknown::Pausing { url: source.url().to_owned() };
        let turn = match issuer.next(&name, now, &is_enough) {
            Next::Take(known) => return Ok(known),
            Next::Wait => return Err(waiting()),
            Next::AskOrTake(known) => match issuer.turn.try_lock() {
                Ok(turn) => turn,
                Err(_) => return Ok(known),
            },
            Next::Ask => issuer.turn.lock().await,
        };
        // Whoever had the turn before may have brought what is wanted.
        let known = match issuer.next(&name, now, &is_enough) {
            Next::Take(known) => return Ok(known),
            Next::Wait => return Err(waiting()),
            Next::AskOrTake(known) => Some(known),
            Next::Ask => issuer.kept.lock().unwrap_or_else(PoisonError::into_inner).known.clone(),
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
    pub(super) async fn renewed(&self, core: &Core, mount: &Mount, source: Source<'_>) -> Result<(), Unknown> {
        if matches!(source, Source::Given(_)) {
            return Ok(());
        }
        let known = source.fetch().await?;
        let found = core.clock.now().unix_timestamp();
        let kept = Kept { source: source.name(), known: Some(known), found, asked: None };
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

    async fn fetch(&self) -> Result<Known, Unknown> {
        let (about, ca_pem) = match self {
            Self::Given(_) => return Ok(Known::of([])),
            Self::Set { url, ca_pem } => (About { keys: (*url).to_owned(), ..About::default() }, *ca_pem),
            Self::Discovered { issuer, ca_pem } => (described(issuer, ca_pem).await?, *ca_pem),
        };
        let url = about.keys.clone();
        let body = answered(&url, ca_pem).await?;
        let keys = Key::of_set(&body).map_err(|what| Unknown::Odd { url: url.clone(), what })?;
        if keys.is_empty() {
            return Err(Unknown::Odd { url, what: "there is no key in it that can verify signatures".to_owned() });
        }
        Ok(Known { keys: keys.into(), about: Arc::new(about) })
    }
}
