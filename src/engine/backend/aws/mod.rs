//! The AWS secrets engine: credentials made on demand, each under a lease.

mod client;
mod config;
mod credential;
mod failure;
mod guard;
mod pace;
mod pacer;
mod paths;
mod policy_text;
mod role;
mod roles;
mod rotate;
mod static_role;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use self::client::{Account, Clients};
use self::guard::Verdicts;
use crate::engine::backend::{Backend, Call, Class, Options};
use crate::engine::kernel::locks::Locks;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::lease::{Keeper, Maker};
use crate::engine::setup::{AwsTransport, Config};
use crate::engine::wire::error::Error;
use crate::engine::wire::path::Row;
use crate::engine::wire::response::Response;

/// What the engine's AWS mounts share.
struct Aws {
    /// How AWS is reached.
    transport: AwsTransport,
    /// The clients of the mounts.
    clients: Clients,
    /// What guardrails said of roles.
    verdicts: Verdicts,
    /// Keeps changes of one role apart, and of one static role.
    roles: Locks,
}

/// The backend.
pub(crate) fn backend(config: &Config) -> Box<dyn Backend> {
    Box::new(Aws {
        transport: config.aws.clone(),
        clients: Clients::new(config.aws_key.clone(), config.clock.clone()),
        verdicts: Verdicts::default(),
        roles: Locks::default(),
    })
}

impl Backend for Aws {
    fn kind(&self) -> &'static str {
        "aws"
    }

    fn class(&self) -> Class {
        Class::Secrets
    }

    fn check_options(&self, _before: Option<&Options>, after: &Options) -> Result<(), Error> {
        credential::cut::check_option(after)
    }

    fn tables(&self) -> &'static [&'static [Row]] {
        &[paths::PATHS]
    }

    fn handle<'a>(&'a self, core: &'a Arc<Core>, call: Call<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        self.serve(core, call).boxed()
    }

    fn maker(&self) -> Option<&dyn Maker> {
        Some(self)
    }

    fn keeper(&self) -> Option<&dyn Keeper> {
        Some(self)
    }

    fn leave<'a>(&'a self, core: &'a Arc<Core>, mount: &'a Mount) -> BoxFuture<'a, Result<(), Error>> {
        static_role::end_all(self, core, mount).boxed()
    }

    fn close(&self) {
        self.clients.close();
    }
}

impl Aws {
    async fn serve(&self, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
        match call.row.pattern {
            "config/root" => config::handle_root(self, core, call).await,
            "config/lease" => config::handle_lease(self, core, call).await,
            "config/rotate-root" => rotate::handle(self, core, call).await,
            "roles/?" => roles::list(core, call),
            "roles/:name" => roles::handle(self, core, call, call.at("name")).await,
            "creds/:name" | "sts/:name" => credential::issue::handle(self, core, call, call.at("name")).await,
            "static-roles/?" => static_role::list(core, call),
            "static-roles/:name" => static_role::handle(self, core, call, call.at("name")).await,
            "static-creds/:name" => static_role::credentials(core, call, call.at("name")),
            "rotate-role/:name" => static_role::rotate(self, core, call, call.at("name")).await,
            _ => Err(call.forgotten()),
        }
    }

    /// The client and settings of a mount.
    async fn account(&self, core: &Core, mount: &Mount) -> Result<Arc<Account>, Error> {
        self.clients.account(self, core, mount).await
    }
}
