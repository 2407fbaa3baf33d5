//! A backend: what can be mounted, as the rest of the engine sees it. The table of them is `backend/table.rs`; nothing but
//! the engine's own start names it.

mod amazon;
mod approle;
mod aws;
mod aws_login;
mod cert;
mod cubbyhole;
mod identity;
mod jwt;
mod kubernetes;
mod kv;
pub(crate) mod listing;
mod login;
mod outgoing;
mod signed;
pub(crate) mod sys;
pub(crate) mod table;
#[cfg(test)]
pub(crate) mod tests;
mod token;
mod transit;
mod userpass;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use indexmap::IndexMap;

use self::login::lockout::Lockout;
use super::lease::{Keeper, Maker, Makers, Terms};
use super::token::Token;
use crate::engine::kernel::mounts::{Folds, Mount};
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::path::Row;
use crate::engine::wire::request::Request;
use crate::engine::wire::response::Response;

/// One request, routed: what a backend sees.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// The whole request.
    pub(crate) request: &'a Request,
    /// The path relative to the mount, without a leading slash.
    pub(crate) path: &'a str,
    /// The mount that serves it.
    pub(crate) mount: &'a Mount,
    /// What can be mounted.
    pub(crate) backends: &'a Backends,
    /// Who asks; none on login paths and on the few open ones.
    pub(crate) token: Option<&'a Token>,
    /// Whether the ACL grants `sudo` on this path.
    pub(crate) sudo: bool,
    /// Which of the backend's paths it is.
    pub(crate) row: &'static Row,
}

impl<'a> Call<'a> {
    /// What the path has for a parameter.
    pub(crate) fn at(&self, name: &str) -> &'a str {
        self.row.captured(self.path, name).unwrap_or_default()
    }

    /// The parameters beside the path.
    pub(crate) fn fields(&self) -> Fields<'a> {
        Fields(&self.request.data)
    }

    /// The warning about parameters that the path does not know.
    pub(crate) fn unknown(&self) -> Option<String> {
        self.fields().unknown(|name| self.row.knows(name))
    }

    /// Refuses parameters that the path does not know.
    ///
    /// # Errors
    /// Which one.
    pub(crate) fn refuse_unknown(&self, place: &str) -> Result<(), Error> {
        self.fields().refuse_unknown(|name| self.row.knows(name), place)
    }

    /// What a backend answers for a path of its table that it forgot. A test asks for all of them.
    pub(crate) fn forgotten(&self) -> Error {
        Error::Internal(format!(
            "nothing serves {:?} of {} for {:?}",
            self.row.pattern, self.mount.path, self.request.operation
        ))
    }
}

/// The `options` of a mount.
pub(crate) type Options = IndexMap<String, String>;

/// Where a backend can be mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// A secrets engine, by `sys/mounts`.
    Secrets,
    /// An auth method, by `sys/auth`.
    Auth,
    /// At one place, from the first start on.
    BuiltIn {
        /// Its path, with a slash at the end.
        path: &'static str,
        /// For people.
        description: &'static str,
    },
}

impl Class {
    /// Whether a mount is of it. A secrets engine and an auth method may have one name for their types: `aws`.
    fn has(self, mount: &Mount) -> bool {
        self.is_auth() == mount.is_auth()
    }

    fn is_auth(self) -> bool {
        match self {
            Self::Auth => true,
            Self::Secrets => false,
            Self::BuiltIn { path, .. } => path.starts_with("auth/"),
        }
    }
}

/// One type of mount. What it needs for itself (locks, clients, what it found out) it keeps itself.
pub(crate) trait Backend: Send + Sync {
    /// The mount type: `aws`.
    fn kind(&self) -> &'static str;

    /// Where it can be mounted.
    fn class(&self) -> Class;

    /// Whether a mount type that somebody names is this one; another spelling may say something about the options.
    fn is_meant(&self, kind: &str, _options: &mut Options) -> bool {
        kind == self.kind()
    }

    /// Refuses options that a mount can't have, or, where it had others `before`, can't get.
    ///
    /// # Errors
    /// What is wrong.
    fn check_options(&self, _before: Option<&Options>, _after: &Options) -> Result<(), Error> {
        Ok(())
    }

    /// Its tables of paths: one, unless mounts differ.
    fn tables(&self) -> &'static [&'static [Row]];

    /// The table that a mount has.
    fn paths(&self, _mount: &Mount) -> &'static [Row] {
        self.tables().first().copied().unwrap_or_default()
    }

    /// What Vault's backend serves besides and this one does not: paths below the mount, and what they belong to. A name that
    /// ends in `/` stands for all below it.
    fn absent(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// What is told of a path, relative to its mount, that is not served, or not for this operation: `refusal`, unless
    /// the backend knows better.
    fn unserved(&self, _mount: &Mount, _path: &str, refusal: Error) -> Error {
        refusal
    }

    /// Whether the object that a write names exists, of paths that tell `create` from `update`.
    ///
    /// # Errors
    /// If the store can't be read.
    fn exists(&self, _core: &Core, _call: &Call<'_>) -> Result<Option<bool>, Error> {
        Ok(None)
    }

    /// Serves one call: a path of its table, by an operation that is there.
    fn handle<'a>(&'a self, core: &'a Arc<Core>, call: Call<'a>) -> BoxFuture<'a, Result<Response, Error>>;

    /// On what terms a token of a login here is renewed by this request, where its own are `own`.
    ///
    /// # Errors
    /// Why it is not renewed.
    fn token_terms(
        &self,
        _core: &Core,
        _mount: &Mount,
        _token: &Token,
        _request: &Request,
        own: Terms,
    ) -> Result<Terms, Error> {
        Ok(own)
    }

    /// Who is locked out of its mounts, of an auth method that locks out.
    fn lockout(&self) -> Option<&Lockout> {
        None
    }

    /// What ends its leases; none for a backend that makes none.
    fn maker(&self) -> Option<&dyn Maker> {
        None
    }

    /// What looks after what its mounts keep for themselves and is due by a time; none for a backend that keeps no such thing.
    fn keeper(&self) -> Option<&dyn Keeper> {
        None
    }

    /// Ends what a mount that goes keeps beside leases and its data.
    ///
    /// # Errors
    /// What could not be ended; the mount then stays.
    fn leave<'a>(&'a self, _core: &'a Arc<Core>, _mount: &'a Mount) -> BoxFuture<'a, Result<(), Error>> {
        std::future::ready(Ok(())).boxed()
    }

    /// The engine closes: what can be done later is not begun any more.
    fn close(&self) {}
}

/// The backends of an engine.
pub(crate) struct Backends(Vec<Box<dyn Backend>>);

impl Backends {
    /// These, in this order.
    pub(crate) fn new(all: Vec<Box<dyn Backend>>) -> Self {
        Self(all)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn Backend> {
        self.0.iter().map(|backend| &**backend)
    }

    /// Where the paths of each have names that are read in any case.
    pub(crate) fn folds(&self) -> Folds {
        let folds = |backend: &dyn Backend| {
            let mut folds = Vec::new();
            for fold in backend.tables().iter().flat_map(|table| table.iter()).filter_map(Row::fold) {
                if !folds.contains(&fold) {
                    folds.push(fold);
                }
            }
            folds
        };
        self.iter().map(|backend| ((backend.class().is_auth(), backend.kind()), folds(backend))).collect()
    }

    /// The row of a path below a mount.
    pub(crate) fn row(&self, mount: &Mount, path: &str) -> Option<&'static Row> {
        self.of(mount).ok()?.paths(mount).iter().find(|row| row.matches(path))
    }

    /// The one that serves a mount.
    ///
    /// # Errors
    /// [`Error::Internal`] where the store names a type that this program has not.
    pub(crate) fn of(&self, mount: &Mount) -> Result<&dyn Backend, Error> {
        let unknown = || Error::Internal(format!("mount {} has the unknown type {}", mount.path, mount.kind));
        self.iter().find(|backend| backend.kind() == mount.kind && backend.class().has(mount)).ok_or_else(unknown)
    }

    /// What is always mounted: path, type and description.
    pub(crate) fn built_in(&self) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        self.iter().filter_map(|backend| match backend.class() {
            Class::BuiltIn { path, description } => Some((path, backend.kind(), description)),
            Class::Secrets | Class::Auth => None,
        })
    }

    /// Whether a mount is always there.
    pub(crate) fn is_built_in(&self, mount: &Mount) -> bool {
        self.built_in().any(|(path, ..)| path == mount.path)
    }

    /// The engine closes.
    pub(crate) fn close(&self) {
        self.iter().for_each(Backend::close);
    }
}

impl Makers for Backends {
    fn maker(&self, mount: &Mount) -> Option<&dyn Maker> {
        self.of(mount).ok()?.maker()
    }

    fn keeper(&self, mount: &Mount) -> Option<&dyn Keeper> {
        self.of(mount).ok()?.keeper()
    }

    fn width(&self, mount_uuid: &str) -> Option<usize> {
        self.iter().filter_map(Backend::maker).find_map(|maker| maker.width(mount_uuid))
    }
}
