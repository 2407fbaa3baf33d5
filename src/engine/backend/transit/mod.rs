//! The transit secrets engine: it encrypts and signs for others, who never see its keys.
//!
//! A key has versions; what one of them made says which (`coded.rs`), so that a rotation takes nothing from what was made
//! before. Keys are kept sealed as all of the store is, and their secrets apart from what may be known of them (`key.rs`,
//! `material.rs`). What is changed is changed under the key's lock and durable before it is told: two rotations at once are
//! two versions.
//!
//! # Source
//! Vault API, "Transit secrets engine"; OpenBao 2.6, `builtin/logical/transit` and `sdk/helper/keysutil`, whose texts and
//! answers these are.

mod aead;
mod backup;
mod batch;
mod bytes;
mod coded;
mod digest;
mod encrypt;
mod export;
mod import;
mod key;
mod key_type;
mod keys;
mod material;
mod pair;
mod paths;
mod ring;
mod rotation;
mod settings;
mod sign;
mod signer;
mod tools;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::engine::backend::{Backend, Call, Class};
use crate::engine::kernel::locks::Locks;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::Keeper;
use crate::engine::lease::core::Core;
use crate::engine::setup::Config;
use crate::engine::wire::error::Error;
use crate::engine::wire::path::Row;
use crate::engine::wire::request::Operation::{Delete, Read, Write};
use crate::engine::wire::response::Response;

/// What the transit mounts share.
#[derive(Default)]
struct Transit {
    /// Keeps changes of one key apart.
    locks: Locks,
}

/// The backend.
pub(crate) fn backend(_config: &Config) -> Box<dyn Backend> {
    Box::new(Transit::default())
}

impl Backend for Transit {
    fn kind(&self) -> &'static str {
        "transit"
    }

    fn class(&self) -> Class {
        Class::Secrets
    }

    fn tables(&self) -> &'static [&'static [Row]] {
        &[paths::PATHS]
    }

    fn absent(&self) -> &'static [(&'static str, &'static str)] {
        ABSENT
    }

    fn unserved(&self, mount: &Mount, path: &str, refusal: Error) -> Error {
        let part = path.strip_prefix("keys/").and_then(|rest| rest.split_once('/')).map_or("", |(_, part)| part);
        match (refusal, ABSENT_OF_KEYS.iter().find(|(name, _)| *name == part)) {
            (Error::UnsupportedPath, Some((_, what))) => {
                Error::Missing(format!("{}{path} is not served: this server has no support for {what}", mount.path))
            }
            (refusal, _) => refusal,
        }
    }

    fn exists(&self, core: &Core, call: &Call<'_>) -> Result<Option<bool>, Error> {
        Ok(Some(key::load(core, call.mount, call.at("name"))?.is_some()))
    }

    fn handle<'a>(&'a self, core: &'a Arc<Core>, call: Call<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        async move {
            let response = self.serve(core, call).await?;
            Ok(match call.unknown().filter(|_| response.data.is_some()) {
                Some(warning) => response.warn(warning),
                None => response,
            })
        }
        .boxed()
    }

    fn keeper(&self) -> Option<&dyn Keeper> {
        Some(self)
    }
}

impl Keeper for Transit {
    fn due<'a>(
        &'a self,
        core: &'a Arc<Core>,
        mount: &'a Mount,
        id: &'a str,
        entry: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        rotation::due(self, core, mount, id, entry).boxed()
    }
}

/// What of OpenBao's engine is not served.
const ABSENT: &[(&str, &str)] = &[
    ("byok-export/", "keys that are exported for another engine"),
    ("cache-config", "a cache of keys: it has none"),
    ("derive-key/", "key agreement"),
];

/// The same, below a key.
const ABSENT_OF_KEYS: &[(&str, &str)] = &[("csr", "certificates of keys"), ("set-certificate", "certificates of keys")];

impl Transit {
    async fn serve(&self, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
        match (call.row.pattern, call.request.operation) {
            ("keys/?", _) => keys::list(core, call),
            ("keys/:name", Read) => keys::read(core, call),
            ("keys/:name", Write) => keys::create(self, core, call).await,
            ("keys/:name", Delete) => keys::delete(self, core, call).await,
            ("keys/:name/config", _) => settings::of_key(self, core, call).await,
            ("keys/:name/rotate", _) => keys::rotate(self, core, call).await,
            ("keys/:name/trim", _) => keys::trim(self, core, call).await,
            ("keys/:name/soft-delete", _) => keys::put_away(self, core, call, true).await,
            ("keys/:name/soft-delete-restore", _) => keys::put_away(self, core, call, false).await,
            ("config/keys", _) => settings::of_mount(self, core, call).await,
            ("encrypt/:name", _) => encrypt::encrypt(self, core, call).await,
            ("decrypt/:name", _) => encrypt::decrypt(core, call).await,
            ("rewrap/:name", _) => encrypt::rewrap(core, call).await,
            ("datakey/:plaintext/:name", _) => encrypt::data_key(core, call),
            ("random" | "random/:source" | "random/:source/:urlbytes", _) => tools::random(call),
            ("hash" | "hash/:urlalgorithm", _) => tools::hash(call),
            ("sign/:name" | "sign/:name/:urlalgorithm", _) => sign::sign(core, call).await,
            ("verify/:name" | "verify/:name/:urlalgorithm", _) => sign::verify(core, call).await,
            ("hmac/:name" | "hmac/:name/:urlalgorithm", _) => sign::hmac(core, call).await,
            ("keys/:name/import", _) => import::import(self, core, call).await,
            ("keys/:name/import_version", _) => import::import_version(self, core, call).await,
            ("wrapping_key", _) => import::show_wrapping_key(self, core, call).await,
            ("export/:type/:name" | "export/:type/:name/:version", _) => export::export(core, call),
            ("backup/:name", _) => backup::backup(self, core, call).await,
            ("restore" | "restore/:name", _) => backup::restore(self, core, call).await,
            _ => Err(call.forgotten()),
        }
    }
}
