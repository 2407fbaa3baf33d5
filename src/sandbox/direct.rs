//! The account asked without a network: a call that needs no signature, whether a credential may do something, and the
//! user that an engine signs as.

use std::sync::atomic::Ordering;

use super::account::Account;
use super::action;
use super::authorize;
use super::error::Refusal;
use super::identity::{Caller, ENGINE_ACCESS_KEY, ENGINE_USER, ROOT_ACCESS_KEY, ROOT_SECRET, Which};
use super::params::Params;
use super::state::{AccessKey, User};
use super::verified::Verified;
use crate::secret::Secret;

/// A credential of the account.
#[derive(Clone, Debug)]
pub struct Key {
    /// The access key id.
    pub id: String,
    /// Its secret.
    pub secret: Secret,
    /// The token of a session.
    pub session_token: Option<Secret>,
}

/// AWS's managed policy for administrators.
const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

impl Account {
    /// Makes the IAM user that an engine signs as where it is told no key of its own: an administrator, because the
    /// account's root may not assume roles. One that is there stays as it is.
    ///
    /// # Errors
    /// What keeps the journal from being written.
    ///
    /// # Source
    /// STS API Reference, `AssumeRole`: "You cannot use AWS account root user credentials to call `AssumeRole`".
    pub fn add_engine_user(&self) -> Result<(), Refusal> {
        self.add_administrator(ENGINE_USER, ENGINE_ACCESS_KEY, ROOT_SECRET)
    }

    fn add_administrator(&self, name: &str, key: &str, secret: &str) -> Result<(), Refusal> {
        let mut inner = self.lock_of(Which::First);
        if inner.state.user(name).is_ok() {
            return Ok(());
        }
        let created = self.now_millis();
        let user = User {
            name: name.to_owned(),
            path: "/".to_owned(),
            id: action::unique_id("AIDA", 17)?,
            created,
            attached: [ADMINISTRATOR.to_owned()].into(),
            ..User::default()
        };
        // Whatever keys were visible late for: this one was always there.
        let (id, secret) = (key.to_owned(), secret.to_owned());
        let key = AccessKey { id, secret, active: true, created: 0, last_used: None };
        inner.state.add_user(user)?;
        inner.state.attached(ADMINISTRATOR);
        inner.state.add_key(name, key)?;
        inner.record().map_err(|error| Refusal::service_failure(format!("the sandbox's journal: {error}")))
    }

    /// Lets an engine in this process sign with keys that nobody made: each becomes that of an administrator of its own, whatever
    /// its secret. For an account that is gone with the process, where tutorials write `config/root` with keys from their pages.
    pub fn adopt_keys(&self) {
        self.adopts.store(true, Ordering::Release);
    }

    /// Makes the user of a key that nobody made, where that is allowed; a session's key is none, and neither is one that can't
    /// be AWS's.
    pub(super) fn adopt(&self, id: &str) -> Result<(), Refusal> {
        let could_be = (16..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !self.adopts.load(Ordering::Acquire) || !could_be || id.starts_with("ASIA") || self.secret_of(id).is_ok() {
            return Ok(());
        }
        self.add_administrator(&format!("of-{id}"), id, "")
    }

    /// Answers a call of IAM or STS with the XML of its result, as it does one that `key` signed; none is the root's.
    /// Parameters are those of the Query protocol (`Tags.member.1.Key`).
    ///
    /// # Errors
    /// What AWS would refuse.
    pub fn call(&self, key: Option<&Key>, name: &str, parameters: Vec<(String, String)>) -> Result<String, Refusal> {
        let (which, caller) = self.opens(key)?;
        let found = ["iam", "sts"].into_iter().find_map(|service| Some((service, action::find(service, name)?)));
        let (service, action) = found.ok_or_else(|| Refusal::unknown_action(name))?;
        self.happen_late();
        self.perform(&Verified {
            which,
            caller,
            key_id: key.map_or_else(|| ROOT_ACCESS_KEY.to_owned(), |key| key.id.clone()),
            region: "us-east-1".to_owned(),
            service: service.to_owned(),
            name: name.to_owned(),
            action,
            params: Params::of(parameters),
        })
    }

    /// Whether a credential may do something, of any service: its own policies, within its boundary, within those of its
    /// session. What hangs on what the simulation can't know is refused.
    ///
    /// # Errors
    /// `AccessDenied`, and what of its policies it is by; for a credential that is none, as of a call.
    pub fn may(&self, key: &Key, action: &str, resource: &str) -> Result<(), Refusal> {
        let (which, caller) = self.opens(Some(key))?;
        self.happen_late();
        authorize::may(&self.lock_of(which).state, &caller, action, resource, self.now_millis())
    }

    /// Whose a credential is, if it opens anything.
    fn opens(&self, key: Option<&Key>) -> Result<(Which, Caller), Refusal> {
        let Some(key) = key else { return Ok((Which::First, Caller::Root)) };
        let (which, caller, secret) = self.secret_of(&key.id)?;
        let token = key.session_token.as_ref().map(|token| token.expose().as_bytes());
        self.check_token(which, &caller, token)?;
        let same = aws_lc_rs::constant_time::verify_slices_are_equal(secret.as_bytes(), key.secret.expose().as_bytes());
        same.map_err(|_| Refusal::wrong_signature())?;
        Ok((which, caller))
    }
}
