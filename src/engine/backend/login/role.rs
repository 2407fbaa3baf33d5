//! Roles of auth methods as they are kept, under `role/<name>` of their mount: made, merged, read, listed and deleted.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::TokenTerms;
use crate::engine::backend::{Call, listing};
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::Terms;
use crate::engine::lease::core::Core;
use crate::engine::token::Token;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::{Operation, Origin, Request};
use crate::engine::wire::response::Response;

/// The record of a role.
pub(in crate::engine::backend) trait Stored: Serialize + DeserializeOwned {
    /// What people call one.
    const CALLED: &'static str = "role";

    /// A role that says nothing yet.
    fn fresh(name: &str) -> Self;

    /// Takes over the fields that were supplied.
    ///
    /// # Errors
    /// A field that is not what it should be.
    fn merge(&mut self, fields: Fields<'_>) -> Result<(), Error>;

    /// Checks it as a whole.
    ///
    /// # Errors
    /// What no role may say.
    fn check(&self) -> Result<(), Error>;

    /// What it takes to complete one.
    type Completer: Sync;

    /// Completes one that was written with what others say of it.
    ///
    /// # Errors
    /// What they don't.
    fn complete<'a>(
        &'a mut self,
        _by: &'a Self::Completer,
        _core: &'a Core,
        _mount: &'a Mount,
    ) -> BoxFuture<'a, Result<(), Error>> {
        ready(Ok(())).boxed()
    }

    /// What a read answers.
    fn read(&self) -> Value;

    /// What it says of the tokens of its logins.
    fn token(&self) -> &TokenTerms;

    /// Notes where it was declared.
    fn set_origin(&mut self, origin: Option<Origin>);
}

fn key(mount: &Mount, name: &str) -> String {
    mount.storage(&format!("role/{name}"))
}

/// The role of a name, in lower case.
pub(in crate::engine::backend) fn load<R: Stored>(core: &Core, mount: &Mount, name: &str) -> Result<Option<R>, Error> {
    core.barrier.get(&key(mount, name))
}

/// The role of a name that a login was of, which has to be there still.
///
/// # Errors
/// It is not.
pub(in crate::engine::backend) fn still<R: Stored>(core: &Core, mount: &Mount, name: &str) -> Result<R, Error> {
    load(core, mount, name)?
        .ok_or_else(|| Error::Invalid(format!("the {} {name:?} does not exist any more", R::CALLED)))
}

/// What a renewal gives a token whose login was of the role that its metadata name, which has to be there still.
///
/// # Errors
/// It is not, or who renews may not be where they are.
pub(in crate::engine::backend) fn renewal<R: Stored>(
    core: &Core,
    mount: &Mount,
    token: &Token,
    key: &str,
    request: &Request,
    own: Terms,
) -> Result<Terms, Error> {
    let name = token.meta.get(key).map_or("", String::as_str);
    still::<R>(core, mount, name)?.token().renewal(request.remote, own)
}

/// All roles of a mount, in the order of their names.
pub(in crate::engine::backend) fn all<R: Stored>(core: &Core, mount: &Mount) -> Result<Vec<R>, Error> {
    core.barrier.each(&key(mount, ""), None, usize::MAX).map(|read| read.map(|(_, role)| role)).collect()
}

/// LIST `role`.
pub(in crate::engine::backend) fn list<R: Stored>(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    listing::of_folder(core, call, &key(call.mount, ""), R::read)
}

/// `role/<name>`.
pub(in crate::engine::backend) async fn handle<R: Stored + Send>(
    core: &Arc<Core>,
    call: Call<'_>,
    name: &str,
    by: &R::Completer,
) -> Result<Response, Error> {
    match call.request.operation {
        Operation::Read => {
            let role = load::<R>(core, call.mount, name)?.ok_or(Error::NotFound)?;
            Ok(Response::data(role.read()))
        }
        Operation::Write => {
            let _turn = call.mount.turn(&key(call.mount, name)).await;
            let mut role = load::<R>(core, call.mount, name)?.unwrap_or_else(|| R::fresh(name));
            role.merge(call.fields())?;
            role.check()?;
            role.complete(by, core, call.mount).await?;
            role.set_origin(call.request.origin.clone());
            let mut batch = Batch::new();
            batch.put(key(call.mount, name), &role)?;
            core.barrier.commit(batch).await?;
            Ok(role.token().written(&call))
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
