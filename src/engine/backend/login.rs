//! What logins of all methods have in common: what a role or a user says of its tokens, the token that a login gets,
//! and the terms of its renewal.
//!
//! Source: Vault API, "Tokens", the `token_*` parameters of auth methods.

pub(super) mod lockout;
pub(super) mod role;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::Call;
pub(super) use crate::engine::identity::LoginAlias as Alias;
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::lease::{self, Terms, ttl};
use crate::engine::policy;
use crate::engine::token::{NewToken, Token, TokenType};
use crate::engine::wire::cidr;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::path::Shape::{Bool, Int, List, Seconds, Text};
use crate::engine::wire::path::{Parameter, takes};
use crate::engine::wire::request::Origin;
use crate::engine::wire::response::Response;
use crate::trail::{Event, Record};

/// Policies of the tokens.
pub(super) const POLICIES: Parameter = takes("token_policies", List, "Policies of the tokens");
/// The same as it was called before.
pub(super) const OLD_POLICIES: Parameter = takes("policies", List, "Older name of token_policies");
/// Networks of the tokens.
pub(super) const NETWORKS: Parameter = takes("token_bound_cidrs", List, "Networks that the tokens are used from");
/// Whether tokens are used from where their login came alone: that is not served, and would be a limit that does not hold.
pub(super) const STRICT: Parameter =
    takes("token_strictly_bind_ip", Bool, "Refused, but false: tokens are bound to networks, token_bound_cidrs");
/// Uses of a token.
pub(super) const USES: Parameter = takes("token_num_uses", Int, "Uses of a token; 0: without limit").or("0");
/// Life of a token.
pub(super) const TTL: Parameter = takes("token_ttl", Seconds, "How long a token lasts; 0: the mount's").or("0");
/// Its longest life.
pub(super) const MAX_TTL: Parameter =
    takes("token_max_ttl", Seconds, "The most that renewals reach; 0: the mount's").or("0");
/// Its period.
pub(super) const PERIOD: Parameter =
    takes("token_period", Seconds, "Period of the tokens; 0: they are not periodic").or("0");
/// The same as it was called before.
pub(super) const OLD_PERIOD: Parameter = takes("period", Seconds, "Older name of token_period");

/// That no role asks for tokens which only the address of their login may use.
///
/// # Errors
/// One does.
pub(super) fn is_not_strict(said: Option<bool>) -> Result<(), Error> {
    match said {
        Some(true) => Err(Error::Invalid(format!(
            "{} is not supported: this engine binds tokens to networks (token_bound_cidrs), and not to the address of their \
             login; leave it out",
            STRICT.name
        ))),
        Some(false) | None => Ok(()),
    }
}

/// What every role, or user, takes about its tokens.
pub(super) const PARAMETERS: [Parameter; 15] = [
    POLICIES,
    OLD_POLICIES,
    NETWORKS,
    STRICT,
    takes("token_explicit_max_ttl", Seconds, "A hard end of the tokens; 0: none").or("0"),
    MAX_TTL,
    takes("token_no_default_policy", Bool, "Without the policy default").or("false"),
    USES,
    PERIOD,
    OLD_PERIOD,
    TTL,
    takes("token_type", Text, "service, batch, or default: as the mount says").or("default"),
    takes("ttl", Seconds, "Older name of token_ttl"),
    takes("max_ttl", Seconds, "Older name of token_max_ttl"),
    takes("num_uses", Int, "Older name of token_num_uses"),
];

/// A method's own parameters, and those about tokens. `ALL` is how many these are.
pub(super) const fn after<const OWN: usize, const ALL: usize>(own: [Parameter; OWN]) -> [Parameter; ALL] {
    let mut all = [POLICIES; ALL];
    let mut at = 0;
    while at < ALL {
        all[at] = if at < OWN { own[at] } else { PARAMETERS[at - OWN] };
        at += 1;
    }
    all
}
fn invalid(text: &str) -> Error {
    Error::Invalid(text.to_owned())
}

/// What every auth method's role says about its tokens. Times in seconds, 0 is not set.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct TokenTerms {
    pub(super) policies: Vec<String>,
    pub(super) ttl: i64,
    pub(super) max_ttl: i64,
    pub(super) period: i64,
    pub(super) explicit_max_ttl: i64,
    pub(super) num_uses: i64,
    pub(super) no_default_policy: bool,
    pub(super) bound_cidrs: Vec<String>,
    /// `default`, `service` or `batch`; `default-service`, of older records, is `service`.
    pub(super) kind: String,
    /// What was given instead of that, if it has no meaning of its own.
    #[serde(skip)]
    adjusted: Option<String>,
    /// Whether the policies were written under their old name, `policies`.
    #[serde(default)]
    pub(super) old_policies: bool,
    /// Whether the period was written under its old name, `period`.
    #[serde(default)]
    pub(super) old_period: bool,
}

impl TokenTerms {
    /// Of a role that says nothing yet.
    pub(super) fn fresh() -> Self {
        Self { kind: "default".to_owned(), ..Self::default() }
    }

    /// The policies that a token of theirs has.
    pub(super) fn granted(&self) -> Vec<String> {
        let default = (!self.no_default_policy).then(|| "default".to_owned());
        self.policies.iter().cloned().chain(default).collect()
    }

    /// A token of theirs that is to be renewed has to have the policies that they give today.
    ///
    /// # Errors
    /// It has others.
    pub(super) fn has_policies_of(&self, token: &Token) -> Result<(), Error> {
        match policy::sanitise(&self.granted()) == token.policies {
            true => Ok(()),
            false => Err(Error::Invalid("policies have changed, not renewing".to_owned())),
        }
    }

    /// The answer to a write of what has them.
    pub(super) fn written(&self, call: &Call<'_>) -> Response {
        let mut response = Response { warnings: self.warnings(call.mount), ..Response::default() };
        if !response.warnings.is_empty() {
            response.warnings.extend(call.unknown());
        }
        response
    }

    /// Takes over the fields that were supplied.
    ///
    /// # Errors
    /// A field that is not what it should be.
    pub(super) fn merge(&mut self, fields: Fields<'_>) -> Result<(), Error> {
        // The old name first: the new one wins where both are given.
        for name in ["policies", "token_policies"] {
            if let Some(list) = fields.list(name)? {
                self.policies = policies(&list)?;
                self.old_policies = name == "policies";
            }
        }
        if fields.has("period") || fields.has("token_period") {
            self.old_period = !fields.has("token_period");
        }
        is_not_strict(fields.bool("token_strictly_bind_ip")?)?;
        if let Some(list) = fields.list("token_bound_cidrs")? {
            self.bound_cidrs = cidr::normalise("token_bound_cidrs", &list)?;
        }
        for (names, slot) in [
            (["ttl", "token_ttl"], &mut self.ttl),
            (["max_ttl", "token_max_ttl"], &mut self.max_ttl),
            (["period", "token_period"], &mut self.period),
            (["", "token_explicit_max_ttl"], &mut self.explicit_max_ttl),
        ] {
            for name in names {
                if let Some(seconds) = fields.seconds(name)? {
                    *slot = seconds;
                }
            }
        }
        for name in ["num_uses", "token_num_uses"] {
            if let Some(uses) = fields.int(name)? {
                self.num_uses = uses;
            }
        }
        if let Some(flag) = fields.bool("token_no_default_policy")? {
            self.no_default_policy = flag;
        }
        if let Some(kind) = fields.string("token_type")? {
            self.kind = token_type(&kind)?;
            self.adjusted = kind.starts_with("default-").then_some(kind);
        }
        Ok(())
    }

    /// What must hold of all that is stored.
    ///
    /// # Errors
    /// What does not.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.num_uses < 0 {
            return Err(invalid("'token_num_uses' cannot be negative"));
        }
        for (is_set, what) in
            [(self.period != 0, "periodic tokens"), (self.num_uses != 0, "tokens with limited use count")]
        {
            if is_set && self.kind.as_str() == "batch" {
                return Err(Error::Invalid(format!(
                    "'token_type' cannot be 'batch' or 'default_batch' when set to generate {what}"
                )));
            }
        }
        if self.max_ttl > 0 && self.ttl > self.max_ttl {
            return Err(invalid("'token_ttl' cannot be greater than 'token_max_ttl'"));
        }
        Ok(())
    }

    /// Adds what a read of the role answers of them.
    pub(super) fn show(&self, read: &mut Value) {
        let fields = json!({
            "token_bound_cidrs": self.bound_cidrs,
            "token_explicit_max_ttl": self.explicit_max_ttl,
            "token_max_ttl": self.max_ttl,
            "token_no_default_policy": self.no_default_policy,
            "token_num_uses": self.num_uses,
            "token_period": self.period,
            "token_policies": self.policies,
            "token_ttl": self.ttl,
            "token_type": self.kind,
        });
        if let (Value::Object(read), Value::Object(fields)) = (&mut *read, fields) {
            read.extend(fields);
        }
        // As they were written, for clients that read what they wrote.
        if self.old_policies {
            read["policies"] = json!(self.policies);
        }
        if self.old_period {
            read["period"] = self.period.into();
        }
    }

    /// Whether the token's longest life is more than the mount gives.
    pub(super) fn warnings(&self, mount: &Mount) -> Vec<String> {
        let max = mount.max_ttl();
        let mut warnings = Vec::new();
        if let Some(given) = &self.adjusted {
            warnings.push(format!("{given} has no useful meaning; adjusting to {}", self.kind));
        }
        if self.kind_at(mount) == TokenType::Batch {
            warnings.extend(self.lost_in_batch());
        }
        if self.max_ttl > max {
            warnings.push(
                "token_max_ttl is greater than the backend mount's maximum TTL value; issued tokens' max TTL value \
                 will be truncated"
                    .to_owned(),
            );
        }
        if self.period > max {
            warnings.push(
                "token_period is greater than the backend mount's maximum TTL value; issued tokens' period will be \
                 truncated"
                    .to_owned(),
            );
        }
        warnings
    }

    /// What a token of theirs is, of a login at `mount`: what the mount demands, else what the role says, else what the
    /// mount gives.
    fn kind_at(&self, mount: &Mount) -> TokenType {
        match (mount.tuning.token_type.as_str(), self.kind.as_str()) {
            ("batch", _) | ("default-batch", "" | "default" | "batch") | ("" | "default-service", "batch") => {
                TokenType::Batch
            }
            _ => TokenType::Service,
        }
    }

    /// What they say that a batch token can't have, where the mount makes them one.
    fn lost_in_batch(&self) -> impl Iterator<Item = String> {
        let lost = [
            (self.num_uses != 0, "token_num_uses has no effect"),
            (self.period != 0, "token_period is how long a token lasts, once"),
        ];
        lost.into_iter().filter(|(is_set, _)| *is_set).map(|(_, what)| {
            format!("the tokens of this mount are batch tokens, which are neither counted nor renewed: {what}")
        })
    }

    /// On what terms a token of theirs is renewed, where its own are `own`: by what is said now (CVE-2026-39388: a
    /// renewal is no way around a changed role).
    ///
    /// # Errors
    /// From a network that is not admitted any more.
    pub(super) fn renewal(&self, remote: Option<SocketAddr>, own: Terms) -> Result<Terms, Error> {
        if !cidr::admits(&self.bound_cidrs, remote.map(|address| address.ip())) {
            return Err(Error::Unauthenticated);
        }
        Ok(Terms {
            backend_ttl: self.ttl,
            backend_max: self.max_ttl,
            period: self.period,
            // The hard end was promised when the token was made; a role can only bring it nearer.
            explicit_max: match (own.explicit_max, self.explicit_max_ttl) {
                (0, role) => role,
                (token, 0) => token,
                (token, role) => token.min(role),
            },
            ..own
        })
    }
}

/// Policy names for a login's tokens; a method that could give `root` would be a back door.
pub(super) fn policies(names: &[String]) -> Result<Vec<String>, Error> {
    let names = policy::sanitise(names);
    if names == ["root"] {
        return Err(invalid("auth methods cannot create root tokens"));
    }
    policy::assignable(&names)?;
    Ok(names)
}

fn token_type(kind: &str) -> Result<String, Error> {
    match kind {
        "" | "default" => Ok("default".to_owned()),
        "service" | "default-service" => Ok("service".to_owned()),
        "batch" | "default-batch" => Ok("batch".to_owned()),
        _ => Err(Error::Invalid(format!("invalid 'token_type' value {kind:?}"))),
    }
}

/// Somebody who has shown who they are.
pub(super) struct Known {
    /// What its role says.
    pub(super) terms: TokenTerms,
    /// Instead of the role's networks, where there are any.
    pub(super) bound_cidrs: Vec<String>,
    /// What the method calls whoever it is.
    pub(super) alias: Alias,
    /// What the trail and policies may know of it.
    pub(super) meta: IndexMap<String, String>,
    /// What the method itself needs to know of it when a token is renewed; told to nobody.
    pub(super) kept: IndexMap<String, String>,
    /// What the token is called after the method's name; nothing for the name alone.
    pub(super) name: Option<String>,
    /// Where the role was declared.
    pub(super) origin: Option<Origin>,
}

impl Known {
    /// Makes the token. What else is in `batch` happens in the same durable step, or not at all.
    ///
    /// # Errors
    /// From a network that is not admitted, or if the store fails.
    pub(super) async fn log_in(self, core: &Arc<Core>, call: Call<'_>, batch: Batch) -> Result<Response, Error> {
        let Self { terms: role, bound_cidrs, alias, meta, kept, name, origin } = self;
        let policies = policy::sanitise(&role.granted());
        let bound_cidrs = if bound_cidrs.is_empty() { role.bound_cidrs.clone() } else { bound_cidrs };
        if !cidr::admits(&bound_cidrs, address(call)) {
            return Err(Error::Unauthenticated);
        }
        let person = core.identity.at_login(core, call.mount, &alias).await?;
        if person.disabled {
            return Err(Error::Unauthenticated);
        }
        let terms = Terms {
            backend_ttl: role.ttl,
            backend_max: role.max_ttl,
            period: role.period,
            explicit_max: role.explicit_max_ttl,
            issue_time: core.clock.now().unix_timestamp(),
            mount_default: call.mount.default_ttl(),
            mount_max: call.mount.max_ttl(),
            ..Terms::default()
        };
        let (seconds, mut warnings) = ttl(&terms, terms.issue_time)?;
        let kind = role.kind_at(call.mount);
        if kind == TokenType::Batch {
            warnings.extend(role.lost_in_batch());
        }
        let method = call.mount.path.trim_end_matches('/');
        let shown = method.strip_prefix("auth/").unwrap_or(method).replace('/', "-");
        let new = NewToken {
            kind,
            policies,
            entity_id: person.id.clone(),
            meta,
            kept,
            display_name: [Some(shown), name].into_iter().flatten().collect::<Vec<_>>().join("-"),
            path: format!("{}{}", call.mount.path, call.path.trim_end_matches('/')),
            num_uses: role.num_uses,
            ttl: seconds,
            explicit_max_ttl: role.explicit_max_ttl,
            period: role.period,
            max_ttl: role.max_ttl,
            renewable: kind == TokenType::Service,
            bound_cidrs,
            origin,
            ..NewToken::default()
        };
        let _turn = core.quotas.leases.admit(core, &new.path).await?;
        let (secret, token) = core.tokens.create_with(core, new, batch).await?;
        let token = Token { person: Some(person), ..token };
        Ok(Response {
            auth: Some(token.auth_block(&secret)),
            warnings,
            given: lease::given(core, &token),
            ..Response::default()
        })
    }
}

/// Notes why nobody was let in, for operators: the client is not told, and an engine inside a command has no log.
pub(super) fn note_refusal(core: &Core, mount: &Mount, reason: &str, why: &dyn std::fmt::Display) {
    tracing::info!("no login at {}: {why}", mount.path);
    let event = Event {
        name: "login-refused".to_owned(),
        reason: reason.to_owned(),
        detail: Some(format!("at {}: {why}", mount.path.trim_end_matches('/'))),
    };
    drop(core.trail.append(&Record::system(core.clock.now(), event, None)));
}

/// Where a call comes from.
pub(super) fn address(call: Call<'_>) -> Option<IpAddr> {
    call.request.remote.map(|address| address.ip())
}
