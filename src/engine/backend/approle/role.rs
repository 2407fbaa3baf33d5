//! The roles: what a login must show, and what token it gets.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::engine::backend::Call;
use crate::engine::backend::listing;
use crate::engine::backend::login::TokenTerms;
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::locks::Guard;
use crate::engine::kernel::mounts::Mount;
use crate::engine::kernel::random;
use crate::engine::lease::core::Core;
use crate::engine::wire::cidr;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::{Operation, Origin};
use crate::engine::wire::response::Response;

/// The record of one role.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Role {
    /// Lower case.
    pub(super) name: String,
    /// Names its secret ids in the store; never reused.
    pub(super) uuid: String,
    pub(super) role_id: String,
    pub(super) bind_secret_id: bool,
    /// `None` reads back as null: it was never set.
    #[serde(default)]
    pub(super) secret_id_bound_cidrs: Option<Vec<String>>,
    pub(super) secret_id_num_uses: i64,
    /// Seconds; 0 never ends.
    pub(super) secret_id_ttl: i64,
    /// Kept and shown; there is no replication.
    pub(super) local_secret_ids: bool,
    pub(super) token: TokenTerms,
    /// Where the role was declared; copied into the tokens of its logins.
    #[serde(default)]
    pub(super) origin: Option<Origin>,
}

fn invalid(text: &str) -> Error {
    Error::Invalid(text.to_owned())
}

impl Role {
    pub(super) fn load(core: &Core, mount: &Mount, name: &str) -> Result<Option<Self>, Error> {
        core.barrier.get(&role_key(mount, name))
    }

    /// The role that a role id names.
    pub(super) fn by_role_id(core: &Core, mount: &Mount, role_id: &str) -> Result<Option<Self>, Error> {
        match core.barrier.get::<String>(&role_id_key(core, mount, role_id))? {
            Some(name) => Self::load(core, mount, &name),
            None => {
                // The work that a known role id would have made: how long the refusal takes tells nothing.
                core.barrier.scan::<Self>(&role_key(mount, ""), None, 1)?;
                Ok(None)
            }
        }
    }

    fn fresh(name: &str) -> Result<Self, Error> {
        Ok(Self {
            name: name.to_owned(),
            uuid: random::uuid()?,
            role_id: random::uuid()?,
            bind_secret_id: true,
            secret_id_bound_cidrs: None,
            secret_id_num_uses: 0,
            secret_id_ttl: 0,
            local_secret_ids: false,
            token: TokenTerms::fresh(),
            origin: None,
        })
    }

    /// Takes over the fields that were supplied.
    fn merge(&mut self, fields: Fields<'_>, first: bool) -> Result<(), Error> {
        if let Some(local) = fields.bool("local_secret_ids")? {
            if !first && local != self.local_secret_ids {
                return Err(invalid("local_secret_ids can only be modified during role creation"));
            }
            self.local_secret_ids = local;
        }
        if let Some(bind) = fields.bool("bind_secret_id")? {
            self.bind_secret_id = bind;
        }
        for name in ["bound_cidr_list", "secret_id_bound_cidrs"] {
            if let Some(list) = fields.list(name)? {
                self.secret_id_bound_cidrs = Some(cidr::check(name, &list)?);
            }
        }
        if let Some(uses) = fields.int("secret_id_num_uses")? {
            self.secret_id_num_uses = uses;
        }
        if let Some(seconds) = fields.seconds("secret_id_ttl")? {
            self.secret_id_ttl = seconds;
        }
        if let Some(id) = fields.string("role_id")? {
            if id.is_empty() {
                return Err(invalid("invalid role_id supplied, or failed to generate a role_id"));
            }
            self.role_id = id;
        }
        self.token.merge(fields)
    }

    /// What must hold of every role that is stored.
    pub(super) fn check(&self) -> Result<(), Error> {
        let bound = |list: Option<&Vec<String>>| list.is_some_and(|list| !list.is_empty());
        if !self.bind_secret_id && !bound(self.secret_id_bound_cidrs.as_ref()) && !bound(Some(&self.token.bound_cidrs))
        {
            return Err(invalid("at least one constraint should be enabled on the role"));
        }
        if self.secret_id_num_uses < 0 {
            return Err(invalid("secret_id_num_uses cannot be negative"));
        }
        self.token.check()
    }

    fn read(&self) -> Value {
        let mut read = json!({
            "bind_secret_id": self.bind_secret_id,
            "local_secret_ids": self.local_secret_ids,
            "secret_id_bound_cidrs": self.secret_id_bound_cidrs,
            "secret_id_num_uses": self.secret_id_num_uses,
            "secret_id_ttl": self.secret_id_ttl,
        });
        self.token.show(&mut read);
        read
    }

    /// Stores the role; `previous` is the role id it had, whose index entry goes.
    pub(super) async fn save(&self, core: &Core, mount: &Mount, previous: Option<&str>) -> Result<(), Error> {
        let mut batch = Batch::new();
        if previous != Some(self.role_id.as_str()) {
            let index = role_id_key(core, mount, &self.role_id);
            if core.barrier.get::<String>(&index)?.is_some() {
                return Err(invalid("role_id already in use"));
            }
            if let Some(previous) = previous {
                batch.delete(role_id_key(core, mount, previous));
            }
            batch.put(index, &self.name)?;
        }
        batch.put(role_key(mount, &self.name), self)?;
        core.barrier.commit(batch).await
    }
}

pub(super) fn role_key(mount: &Mount, name: &str) -> String {
    mount.storage(&format!("role/{name}"))
}

fn role_id_key(core: &Core, mount: &Mount, role_id: &str) -> String {
    mount.storage(&format!("role-id/{}", core.tokens.keyed_hash(&["approle role id", &mount.uuid, role_id])))
}

/// Changes to the roles of a mount take turns, so that no role id is given twice.
pub(super) async fn turn(mount: &Mount) -> Guard<'_> {
    mount.turn("roles").await
}

/// LIST `role`.
pub(super) fn list(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    listing::of_folder(core, call, &role_key(call.mount, ""), Role::read)
}

/// `role/<name>`.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>, name: &str) -> Result<Response, Error> {
    match call.request.operation {
        Operation::Read => {
            let role = Role::load(core, call.mount, name)?.ok_or(Error::NotFound)?;
            Ok(Response::data(role.read()))
        }
        Operation::Write => write(core, call, name).await,
        Operation::Delete => delete(core, call.mount, name).await,
        Operation::List | Operation::Patch => Err(Error::UnsupportedOperation),
    }
}

async fn write(core: &Arc<Core>, call: Call<'_>, name: &str) -> Result<Response, Error> {
    let _turn = turn(call.mount).await;
    let fields = Fields(&call.request.data);
    let stored = Role::load(core, call.mount, name)?;
    let previous = stored.as_ref().map(|role| role.role_id.clone());
    let first = stored.is_none();
    let mut role = match stored {
        Some(role) => role,
        None => Role::fresh(name)?,
    };
    role.merge(fields, first)?;
    role.check()?;
    role.origin = call.request.origin.clone();
    role.save(core, call.mount, previous.as_deref()).await?;
    Ok(role.token.written(&call))
}

/// Removes the role and all its secret ids. Its tokens live on, but cannot be renewed.
async fn delete(core: &Core, mount: &Mount, name: &str) -> Result<Response, Error> {
    let _turn = turn(mount).await;
    let Some(role) = Role::load(core, mount, name)? else { return Ok(Response::empty()) };
    let mut batch = Batch::new();
    batch.delete(role_key(mount, name));
    batch.delete(role_id_key(core, mount, &role.role_id));
    for folder in ["secret-id", "secret-id-accessor"] {
        for key in core.barrier.keys(&mount.storage(&format!("{folder}/{}/", role.uuid)), None, usize::MAX)? {
            batch.delete(key);
        }
    }
    core.barrier.commit(batch).await?;
    Ok(Response::empty())
}
