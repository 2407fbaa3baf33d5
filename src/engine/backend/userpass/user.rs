//! The users: their passwords, and what tokens their logins get.

use std::sync::Arc;

use serde_json::{Value, json};

use super::password::{Hashing, made_elsewhere};
use crate::engine::backend::Call;
use crate::engine::backend::listing;
use crate::engine::backend::login::{TokenTerms, policies};
use crate::engine::kernel::barrier::{Batch, seal};
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::{Operation, Origin};
use crate::engine::wire::response::Response;
use crate::secret::Secret;

/// The record of one user.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct User {
    /// Lower case.
    pub(super) name: String,
    #[serde(serialize_with = "seal")]
    pub(super) password_hash: Secret,
    pub(super) token: TokenTerms,
    /// Where the user was declared; copied into the tokens of its logins.
    #[serde(default)]
    pub(super) origin: Option<Origin>,
}

impl User {
    pub(super) fn load(core: &Core, mount: &Mount, name: &str) -> Result<Option<Self>, Error> {
        core.barrier.get(&key(mount, name))
    }

    async fn save(&self, core: &Core, mount: &Mount) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.put(key(mount, &self.name), self)?;
        core.barrier.commit(batch).await
    }

    fn read(&self) -> Value {
        let mut read = json!({});
        self.token.show(&mut read);
        read
    }
}

fn key(mount: &Mount, name: &str) -> String {
    mount.storage(&format!("user/{name}"))
}

/// The hash of the password that a request has; none where it has neither.
async fn password_of(fields: Fields<'_>, hashing: &Hashing) -> Result<Option<Secret>, Error> {
    let filled = |name: &str| Ok::<_, Error>(fields.string(name)?.filter(|text| !text.is_empty()));
    match (filled("password")?, filled("password_hash")?) {
        (Some(_), Some(_)) => Err(Error::Invalid("only one of password or password_hash may be provided".to_owned())),
        (Some(password), None) => hashing.hash(Secret::new(password)).await.map(Some),
        (None, Some(hash)) => made_elsewhere(hash).map(Some),
        (None, None) => Ok(None),
    }
}

fn no_password() -> Error {
    Error::Invalid("must provide either password or password_hash".to_owned())
}

fn absent(name: &str) -> Error {
    Error::Missing(format!("the user {name:?} does not exist"))
}

/// LIST `users`.
pub(super) fn list(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    listing::of_folder(core, call, &key(call.mount, ""), User::read)
}

/// `users/<name>`.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>, name: &str, hashing: &Hashing) -> Result<Response, Error> {
    match call.request.operation {
        Operation::Read => {
            let user = User::load(core, call.mount, name)?.ok_or(Error::NotFound)?;
            Ok(Response::data(user.read()))
        }
        Operation::Write => write(core, call, name, hashing).await,
        Operation::Delete => {
            let _turn = call.mount.turn(name).await;
            let mut batch = Batch::new();
            batch.delete(key(call.mount, name));
            core.barrier.commit(batch).await?;
            Ok(Response::empty())
        }
        Operation::List | Operation::Patch => Err(call.forgotten()),
    }
}

async fn write(core: &Arc<Core>, call: Call<'_>, name: &str, hashing: &Hashing) -> Result<Response, Error> {
    let fields = call.fields();
    let password = password_of(call.fields(), hashing).await?;
    let _turn = call.mount.turn(name).await;
    let mut user = match (User::load(core, call.mount, name)?, password) {
        (Some(user), None) => user,
        (Some(user), Some(password_hash)) => User { password_hash, ..user },
        (None, Some(password_hash)) => {
            User { name: name.to_owned(), password_hash, token: TokenTerms::fresh(), origin: None }
        }
        (None, None) => return Err(no_password()),
    };
    user.token.merge(fields)?;
    user.token.check()?;
    user.origin = call.request.origin.clone();
    user.save(core, call.mount).await?;
    Ok(user.token.written(&call))
}

/// `users/<name>/password`.
pub(super) async fn set_password(
    core: &Arc<Core>,
    call: Call<'_>,
    name: &str,
    hashing: &Hashing,
) -> Result<Response, Error> {
    let password_hash = password_of(call.fields(), hashing).await?.ok_or_else(no_password)?;
    change(core, call, name, |user| {
        user.password_hash = password_hash;
        Ok(())
    })
    .await
}

/// `users/<name>/policies`.
pub(super) async fn set_policies(core: &Arc<Core>, call: Call<'_>, name: &str) -> Result<Response, Error> {
    let fields = call.fields();
    let named = match fields.list("token_policies")? {
        Some(list) => Some(list),
        None => fields.list("policies")?,
    };
    let named = named.ok_or_else(|| Error::Invalid("missing token_policies".to_owned()))?;
    change(core, call, name, |user| {
        user.token.policies = policies(&named)?;
        user.token.old_policies = !fields.has("token_policies");
        Ok(())
    })
    .await
}

/// A change by hand: what the user says is not what was declared any more.
async fn change(
    core: &Arc<Core>,
    call: Call<'_>,
    name: &str,
    change: impl FnOnce(&mut User) -> Result<(), Error>,
) -> Result<Response, Error> {
    let _turn = call.mount.turn(name).await;
    let mut user = User::load(core, call.mount, name)?.ok_or_else(|| absent(name))?;
    change(&mut user)?;
    user.origin = call.request.origin.clone();
    user.save(core, call.mount).await?;
    Ok(Response::empty())
}

#[cfg(test)]
mod tests {
    use super::{Secret, TokenTerms, User};

    #[test]
    fn debug_does_not_show_the_hash() {
        let token = TokenTerms::fresh();
        let user = User { name: "bob".to_owned(), password_hash: Secret::new("$2b$10$abc"), token, origin: None };
        assert!(!format!("{user:?}").contains("$2b$"), "{user:?}");
    }
}
