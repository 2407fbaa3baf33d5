//! The roles: what a signed token has to say, who may log in with a browser, and what token a login gets.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::claim::{Matching, several};
use crate::engine::backend::login::TokenTerms;
use crate::engine::backend::login::role::Stored;
use crate::engine::backend::signed::Leeways;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::Origin;

/// What a login of the role shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RoleType {
    /// A signed token.
    #[default]
    Jwt,
    /// What a browser brings back from the issuer.
    Oidc,
}

/// The record of one role.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Role {
    /// Lower case.
    pub(super) name: String,
    /// Records of before there was another have none.
    #[serde(default)]
    pub(super) role_type: RoleType,
    pub(super) bound_audiences: Vec<String>,
    pub(super) bound_subject: String,
    pub(super) bound_claims: Map<String, Value>,
    pub(super) bound_claims_type: Matching,
    pub(super) claim_mappings: IndexMap<String, String>,
    pub(super) user_claim: String,
    pub(super) user_claim_json_pointer: bool,
    /// The claim with the names of groups; empty for none.
    #[serde(default)]
    pub(super) groups_claim: String,
    pub(super) leeways: Leeways,
    /// What the issuer is asked for besides `openid`.
    #[serde(default)]
    pub(super) oidc_scopes: Vec<String>,
    /// Where browsers may come back to.
    #[serde(default)]
    pub(super) allowed_redirect_uris: Vec<String>,
    /// How long ago somebody may have shown the issuer who they are, in seconds; 0 is any time.
    #[serde(default)]
    pub(super) max_age: i64,
    pub(super) token: TokenTerms,
    /// Where the role was declared; copied into the tokens of its logins.
    #[serde(default)]
    pub(super) origin: Option<Origin>,
}

/// What Vault's roles have besides, and what would have an effect there. None of it is taken for granted.
const REFUSED: [&str; 4] = ["oauth2_metadata", "verbose_oidc_logging", "token_policies_template_claims", "bound_cidrs"];

/// The metadata that says of which role a login was.
pub(super) const ROLE: &str = "role";

fn invalid(text: impl Into<String>) -> Error {
    Error::Invalid(text.into())
}

/// Seconds that clocks may differ: -1 is none.
fn leeway(seconds: Result<Option<i64>, Error>) -> Result<Option<i64>, Error> {
    match seconds? {
        Some(seconds) if seconds < -1 => Err(invalid("a leeway is a number of seconds; 0 is the usual, and -1 none")),
        seconds => Ok(seconds),
    }
}

impl Stored for Role {
    type Completer = ();

    fn fresh(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            role_type: RoleType::Jwt,
            bound_audiences: Vec::new(),
            bound_subject: String::new(),
            bound_claims: Map::new(),
            bound_claims_type: Matching::String,
            claim_mappings: IndexMap::new(),
            user_claim: String::new(),
            user_claim_json_pointer: false,
            groups_claim: String::new(),
            leeways: Leeways::default(),
            oidc_scopes: Vec::new(),
            allowed_redirect_uris: Vec::new(),
            max_age: 0,
            token: TokenTerms::fresh(),
            origin: None,
        }
    }

    fn merge(&mut self, fields: Fields<'_>) -> Result<(), Error> {
        // As with Vault, what is not given is `oidc`, whatever it was.
        self.role_type = match fields.string("role_type")?.unwrap_or_default().as_str() {
            "jwt" => RoleType::Jwt,
            "" | "oidc" => RoleType::Oidc,
            other => return Err(invalid(format!("invalid 'role_type': {other}"))),
        };
        fields.refuse_said(&REFUSED, "a JWT role")?;
        self.merge_browser(fields)?;
        if let Some(list) = fields.list("bound_audiences")? {
            self.bound_audiences = list;
        }
        if let Some(subject) = fields.string("bound_subject")? {
            self.bound_subject = subject;
        }
        // As with Vault, what is not given is `string`, whatever it was.
        self.bound_claims_type = match fields.string("bound_claims_type")?.as_deref() {
            None | Some("string") => Matching::String,
            Some("glob") => Matching::Glob,
            Some(other) => return Err(invalid(format!("invalid 'bound_claims_type': {other}"))),
        };
        match fields.0.get("bound_claims") {
            None => {}
            Some(Value::Null) => self.bound_claims.clear(),
            Some(Value::Object(claims)) => self.bound_claims = claims.clone(),
            Some(_) => return Err(invalid("bound_claims is an object: the names of claims, each with its values")),
        }
        if let Some(mappings) = fields.pairs("claim_mappings")? {
            self.claim_mappings = mappings;
        }
        if let Some(claim) = fields.string("user_claim")? {
            self.user_claim = claim;
        }
        if let Some(claim) = fields.string("groups_claim")? {
            self.groups_claim = claim;
        }
        if let Some(flag) = fields.bool("user_claim_json_pointer")? {
            self.user_claim_json_pointer = flag;
        }
        if let Some(seconds) = leeway(fields.int("expiration_leeway"))? {
            self.leeways.expiration = seconds;
        }
        if let Some(seconds) = leeway(fields.int("not_before_leeway"))? {
            self.leeways.not_before = seconds;
        }
        if let Some(seconds) = leeway(fields.int("clock_skew_leeway"))? {
            self.leeways.clock_skew = seconds;
        }
        self.token.merge(fields)
    }

    fn check(&self) -> Result<(), Error> {
        for (name, value) in &self.bound_claims {
            let values = several(value).ok_or_else(|| invalid(format!("claim is not a string or list: {name:?}")))?;
            if values.iter().any(|value| value.is_array() || value.is_object() || value.is_null()) {
                return Err(invalid(format!("a value of the bound claim {name:?} is not a string, bool or int")));
            }
            if self.bound_claims_type == Matching::Glob && !values.iter().all(|value| value.is_string()) {
                return Err(invalid(format!("claim is not a string: {name:?} is bound by glob")));
            }
        }
        let targets: Vec<&String> = self.claim_mappings.values().collect();
        for (at, target) in targets.iter().enumerate() {
            if *target == ROLE {
                return Err(invalid("metadata key \"role\" is reserved and may not be a mapping destination"));
            }
            if targets[..at].contains(target) {
                return Err(invalid(format!("multiple keys are mapped to metadata key {target:?}")));
            }
        }
        if self.user_claim.is_empty() {
            return Err(invalid("a user claim must be defined on the role"));
        }
        self.check_browser()?;
        let is_bound = !self.bound_audiences.is_empty()
            || !self.bound_subject.is_empty()
            || !self.bound_claims.is_empty()
            || !self.token.bound_cidrs.is_empty();
        // A token that a browser brings is for the method's own client.
        if !is_bound && self.role_type == RoleType::Jwt {
            return Err(invalid("must have at least one bound constraint when creating/updating a role"));
        }
        self.token.check()
    }

    fn read(&self) -> Value {
        let mut read = json!({
            "role_type": self.role_type,
            "bound_audiences": self.bound_audiences,
            "bound_subject": self.bound_subject,
            "bound_claims": self.bound_claims,
            "bound_claims_type": self.bound_claims_type,
            "claim_mappings": self.claim_mappings,
            "user_claim": self.user_claim,
            "groups_claim": self.groups_claim,
            "user_claim_json_pointer": self.user_claim_json_pointer,
            "expiration_leeway": self.leeways.expiration,
            "not_before_leeway": self.leeways.not_before,
            "clock_skew_leeway": self.leeways.clock_skew,
            "oidc_scopes": self.oidc_scopes,
            "allowed_redirect_uris": self.allowed_redirect_uris,
            "callback_mode": "client",
            "max_age": self.max_age,
        });
        self.token.show(&mut read);
        read
    }

    fn token(&self) -> &TokenTerms {
        &self.token
    }

    fn set_origin(&mut self, origin: Option<Origin>) {
        self.origin = origin;
    }
}

impl Role {
    /// Takes over what is said of logins with a browser.
    fn merge_browser(&mut self, fields: Fields<'_>) -> Result<(), Error> {
        if let Some(scopes) = fields.list("oidc_scopes")? {
            self.oidc_scopes = scopes;
        }
        if let Some(uris) = fields.list("allowed_redirect_uris")? {
            self.allowed_redirect_uris = uris;
        }
        if let Some(seconds) = fields.seconds("max_age")? {
            self.max_age = seconds;
        }
        match fields.string("callback_mode")?.unwrap_or_default().as_str() {
            "" | "client" => Ok(()),
            other @ ("direct" | "device") => {
                Err(invalid(format!("the callback_mode {other:?} is not served here: leave it out for \"client\"")))
            }
            other => Err(invalid(format!("invalid 'callback_mode': {other}"))),
        }
    }

    /// What a role for browsers needs, and no other has.
    fn check_browser(&self) -> Result<(), Error> {
        match self.role_type {
            RoleType::Oidc if self.allowed_redirect_uris.is_empty() => {
                Err(invalid("'allowed_redirect_uris' must be set if 'role_type' is 'oidc' or unspecified."))
            }
            RoleType::Oidc => Ok(()),
            RoleType::Jwt => {
                let said = [
                    ("oidc_scopes", !self.oidc_scopes.is_empty()),
                    ("allowed_redirect_uris", !self.allowed_redirect_uris.is_empty()),
                    ("max_age", self.max_age != 0),
                ];
                match said.iter().find(|(_, is_said)| *is_said) {
                    Some((name, _)) => Err(invalid(format!(
                        "{name} is of roles with role_type=oidc alone: leave it out, or empty it in a role that was one"
                    ))),
                    None => Ok(()),
                }
            }
        }
    }
}
