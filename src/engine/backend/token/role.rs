//! `auth/token/roles/<name>`: what may be asked of `create/<name>`, and what the tokens of it are.
//!
//! Whoever may write to `create/<name>` gets what the role allows, also policies that the caller lacks: a role is how a
//! right is handed on on purpose. In the store: `roles/<name>` of the mount.
//!
//! Source: Vault API, "Token auth method: create/update token role"; OpenBao, `vault/token_store.go`.

use serde_json::{Value, json};

use crate::engine::backend::{Call, listing, login};
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::Terms;
use crate::engine::lease::core::Core;
use crate::engine::policy;
use crate::engine::token::Token;
use crate::engine::wire::cidr;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::{Operation, Origin};
use crate::engine::wire::response::Response;

/// The record of one role. Times in seconds, 0 is none.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Role {
    pub(super) name: String,
    allowed_policies: Vec<String>,
    /// In which `*` is any text.
    allowed_policies_glob: Vec<String>,
    disallowed_policies: Vec<String>,
    disallowed_policies_glob: Vec<String>,
    pub(super) orphan: bool,
    pub(super) renewable: bool,
    /// Behind the path of its tokens, so that they can be revoked by it.
    pub(super) path_suffix: String,
    /// The names that a token may be given an entity by; `*` is any text.
    allowed_entity_aliases: Vec<String>,
    pub(super) explicit_max_ttl: i64,
    pub(super) period: i64,
    pub(super) bound_cidrs: Vec<String>,
    pub(super) num_uses: i64,
    no_default_policy: bool,
    /// `service`, `batch`, `default-service` or `default-batch`.
    pub(super) kind: String,
    /// Which of `period`, `explicit_max_ttl` and `bound_cidrs` were written under these older names.
    #[serde(default)]
    old_names: Vec<String>,
    /// Where it was declared.
    #[serde(default)]
    pub(super) origin: Option<Origin>,
}

fn invalid(text: impl Into<String>) -> Error {
    Error::Invalid(text.into())
}

fn key(mount: &Mount, name: &str) -> String {
    mount.storage(&format!("roles/{name}"))
}

/// LIST `roles`.
pub(super) fn list(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    listing::of_folder(core, call, &key(call.mount, ""), Role::read)
}

/// `roles/<name>`.
pub(super) async fn handle(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let name = call.at("role_name");
    match call.request.operation {
        Operation::Read => Ok(Response::data(Role::load(core, call.mount, name)?.ok_or(Error::NotFound)?.read())),
        Operation::Write => {
            let _turn = call.mount.turn(&key(call.mount, name)).await;
            let mut role = Role::load(core, call.mount, name)?.unwrap_or_else(|| Role::fresh(name));
            let warnings = role.merge(call.fields(), call.mount)?;
            role.origin.clone_from(&call.request.origin);
            let mut batch = Batch::new();
            batch.put(key(call.mount, name), &role)?;
            core.barrier.commit(batch).await?;
            Ok(Response { warnings, ..Response::default() })
        }
        Operation::Delete => {
            let _turn = call.mount.turn(&key(call.mount, name)).await;
            let mut batch = Batch::new();
            batch.delete(key(call.mount, name));
            core.barrier.commit(batch).await?;
            Ok(Response::empty())
        }
        Operation::List | Operation::Patch => Err(call.forgotten()),
    }
}

impl Role {
    /// The role of a name.
    ///
    /// # Errors
    /// If the store can't be read.
    pub(super) fn load(core: &Core, mount: &Mount, name: &str) -> Result<Option<Self>, Error> {
        core.barrier.get(&key(mount, name))
    }

    fn fresh(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            allowed_policies: vec![],
            allowed_policies_glob: vec![],
            disallowed_policies: vec![],
            disallowed_policies_glob: vec![],
            orphan: false,
            renewable: true,
            path_suffix: String::new(),
            allowed_entity_aliases: vec![],
            explicit_max_ttl: 0,
            period: 0,
            bound_cidrs: vec![],
            num_uses: 0,
            no_default_policy: false,
            kind: "default-service".to_owned(),
            old_names: vec![],
            origin: None,
        }
    }

    /// Takes over the fields that were supplied; answers what to warn of.
    fn merge(&mut self, fields: Fields<'_>, mount: &Mount) -> Result<Vec<String>, Error> {
        for (name, slot) in [("orphan", &mut self.orphan), ("renewable", &mut self.renewable)] {
            *slot = fields.bool(name)?.unwrap_or(*slot);
        }
        login::is_not_strict(fields.bool("token_strictly_bind_ip")?)?;
        if let Some(flag) = fields.bool("token_no_default_policy")? {
            self.no_default_policy = flag;
        }
        if let Some(suffix) = fields.string("path_suffix")? {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            let ends = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let is_fine = suffix.starts_with(ends) && suffix.ends_with(ends) && suffix.chars().all(plain);
            if !suffix.is_empty() && (!is_fine || suffix.contains("..")) {
                return Err(invalid(
                    "given role path suffix contains invalid characters; must match \\w[\\w-.]+\\w, without `..`",
                ));
            }
            self.path_suffix = suffix;
        }
        for (name, slot) in [
            ("allowed_policies", &mut self.allowed_policies),
            ("allowed_policies_glob", &mut self.allowed_policies_glob),
            ("disallowed_policies", &mut self.disallowed_policies),
            ("disallowed_policies_glob", &mut self.disallowed_policies_glob),
        ] {
            if let Some(names) = policy::named(fields, name)? {
                *slot = names;
            }
        }
        if let Some(names) = fields.list("allowed_entity_aliases")? {
            let mut names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
            names.sort();
            names.dedup();
            self.allowed_entity_aliases = names;
        }
        if let Some(uses) = fields.int("token_num_uses")? {
            if uses < 0 {
                return Err(invalid("'token_num_uses' cannot be negative"));
            }
            self.num_uses = uses;
        }
        if let Some(kind) = fields.string("token_type")? {
            self.kind = match kind.as_str() {
                "service" | "default-service" | "batch" | "default-batch" => kind,
                _ => return Err(invalid(format!("invalid 'token_type' value {kind:?}"))),
            };
        }
        let warnings = self.merge_limits(fields, mount)?;
        self.check_batch().map(|()| warnings)
    }

    /// Whether batch tokens can be what the role says. Source: OpenBao, `vault/token_store.go`; that a limit of uses counts
    /// for nothing is not said there, and would be found out too late.
    fn check_batch(&self) -> Result<(), Error> {
        for (is_set, what) in [
            (!self.orphan, "non-orphan tokens"),
            (self.period != 0, "periodic tokens"),
            (self.renewable, "renewable tokens"),
            (self.explicit_max_ttl != 0, "tokens with an explicit max TTL"),
            (self.num_uses != 0, "tokens with limited use count"),
        ] {
            if is_set && self.kind.as_str() == "batch" {
                return Err(invalid(format!("'token_type' cannot be 'batch' when role is set to generate {what}")));
            }
        }
        Ok(())
    }

    /// The fields that have an older name; the new one counts where both are given.
    fn merge_limits(&mut self, fields: Fields<'_>, mount: &Mount) -> Result<Vec<String>, Error> {
        let mut warnings = Vec::new();
        for (old, new) in [
            ("period", "token_period"),
            ("explicit_max_ttl", "token_explicit_max_ttl"),
            ("bound_cidrs", "token_bound_cidrs"),
        ] {
            let name = match (fields.has(old), fields.has(new)) {
                (false, false) => continue,
                (true, false) => old,
                (is_old, true) => {
                    if is_old {
                        warnings.push(format!(
                            "Both '{new}' and deprecated '{old}' value supplied, ignoring the deprecated value"
                        ));
                    }
                    new
                }
            };
            self.old_names.retain(|known| known != old);
            if name == old {
                self.old_names.push(old.to_owned());
            }
            match old {
                "bound_cidrs" => {
                    self.bound_cidrs = cidr::normalise(name, &fields.list(name)?.unwrap_or_default())?;
                }
                "period" => self.period = fields.seconds(name)?.unwrap_or(0),
                _ => self.explicit_max_ttl = fields.seconds(name)?.unwrap_or(0),
            }
        }
        if self.explicit_max_ttl > mount.max_ttl() {
            warnings.push(format!(
                "Given explicit max TTL of {} is greater than system/mount allowed value of {} seconds; tokens of this \
                 role end by the latter",
                self.explicit_max_ttl,
                mount.max_ttl()
            ));
        }
        Ok(warnings)
    }

    fn read(&self) -> Value {
        let was_old = |name: &str| self.old_names.iter().any(|old| old == name);
        let mut read = json!({
            "name": self.name,
            "allowed_policies": self.allowed_policies,
            "allowed_policies_glob": self.allowed_policies_glob,
            "disallowed_policies": self.disallowed_policies,
            "disallowed_policies_glob": self.disallowed_policies_glob,
            "allowed_entity_aliases": self.allowed_entity_aliases,
            "orphan": self.orphan,
            "renewable": self.renewable,
            "path_suffix": self.path_suffix,
            "period": if was_old("period") { self.period } else { 0 },
            "explicit_max_ttl": if was_old("explicit_max_ttl") { self.explicit_max_ttl } else { 0 },
            "token_period": self.period,
            "token_explicit_max_ttl": self.explicit_max_ttl,
            "token_no_default_policy": self.no_default_policy,
            "token_type": self.kind,
        });
        if !self.bound_cidrs.is_empty() {
            read["token_bound_cidrs"] = json!(self.bound_cidrs);
            if was_old("bound_cidrs") {
                read["bound_cidrs"] = json!(self.bound_cidrs);
            }
        }
        if self.num_uses > 0 {
            read["token_num_uses"] = self.num_uses.into();
        }
        read
    }

    /// Whether it says anything of policies; if not, the caller's are what counts.
    pub(super) fn limits_policies(&self) -> bool {
        [&self.allowed_policies, &self.allowed_policies_glob, &self.disallowed_policies, &self.disallowed_policies_glob]
            .iter()
            .any(|list| !list.is_empty())
    }

    /// Whether its tokens go without `default` unless they ask for it.
    pub(super) fn is_without_default(&self) -> bool {
        self.no_default_policy
    }

    /// The policies of a token of a role that says something of them.
    ///
    /// # Errors
    /// What the role does not allow.
    pub(super) fn policies(
        &self,
        asked: Option<Vec<String>>,
        caller: &Token,
        no_default: bool,
    ) -> Result<Vec<String>, Error> {
        let with_default = !no_default && !self.no_default_policy && !self.disallows("default");
        let add = |mut names: Vec<String>| {
            names.extend(with_default.then(|| "default".to_owned()));
            policy::sanitise(&names)
        };
        let allows_some = !self.allowed_policies.is_empty() || !self.allowed_policies_glob.is_empty();
        let allowed = add(self.allowed_policies.clone());
        let asked = asked.filter(|names| !names.is_empty()).map(add);
        let policies = match (asked, allows_some) {
            (Some(names), true) => {
                let globs = &self.allowed_policies_glob;
                let is_allowed =
                    |name: &String| allowed.contains(name) || globs.iter().any(|glob| crate::text::is_like(glob, name));
                if !names.iter().all(is_allowed) {
                    return Err(invalid(format!(
                        "token policies ({names:?}) must be subset of the role's allowed policies ({allowed:?}) or \
                         glob policies ({globs:?})"
                    )));
                }
                names
            }
            (Some(names), false) => names,
            (None, true) => allowed,
            (None, false) => add(caller.policies.clone()),
        };
        if let Some(name) = policies.iter().find(|name| self.disallows(name)) {
            return Err(invalid(format!("token policy {name:?} is disallowed by this role")));
        }
        Ok(policies)
    }

    fn disallows(&self, name: &str) -> bool {
        self.disallowed_policies.iter().any(|other| other == name)
            || self.disallowed_policies_glob.iter().any(|glob| crate::text::is_like(glob, name))
    }

    /// Whether a token of it may be given an entity by this name.
    pub(super) fn takes_alias(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.allowed_entity_aliases.iter().any(|allowed| crate::text::is_like(allowed, &name))
    }

    /// On what terms a token of it is renewed, where its own are `own`: by what the role says now.
    pub(super) fn renewal(&self, own: Terms) -> Terms {
        Terms { period: self.period, explicit_max: lesser(own.explicit_max, self.explicit_max_ttl), ..own }
    }
}

/// The lesser of two limits, of which 0 is none.
pub(super) fn lesser(a: i64, b: i64) -> i64 {
    match (a, b) {
        (0, limit) | (limit, 0) => limit,
        (a, b) => a.min(b),
    }
}
