//! The AWS secrets engine: IAM users made on demand, each under a lease.

mod absence;
mod client;
mod config;
mod failure;
mod guard;
mod issue;
mod pace;
mod pacer;
mod paths;
mod policy_text;
mod revoke;
mod role;
mod roles;
mod rotate;
mod user;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use self::absence::{VISIBILITY_SECONDS, Verdict, doubt, judge};
use self::client::{Account, Clients};
use self::guard::Verdicts;
use self::issue::CREATE_SECONDS_MAX;
use self::user::IssuedUser;
use crate::engine::backend::{Backend, Call, Class};
use crate::engine::kernel::locks::Locks;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::lease::{End, Failure, Lane, Lease, Maker, Told, now};
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
    /// Keeps changes of one role apart.
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

    fn tables(&self) -> &'static [&'static [Row]] {
        &[paths::PATHS]
    }

    fn unserved(&self, _mount: &Mount, path: &str, refusal: Error) -> Error {
        match path.split('/').next() {
            Some("static-roles" | "static-creds") => {
                Error::Missing("static roles are not served: this engine makes an IAM user for each lease".to_owned())
            }
            _ => refusal,
        }
    }

    fn handle<'a>(&'a self, core: &'a Arc<Core>, call: Call<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        self.serve(core, call).boxed()
    }

    fn maker(&self) -> Option<&dyn Maker> {
        Some(self)
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
            "creds/:name" | "sts/:name" => issue::handle(self, core, call, call.at("name")).await,
            _ => Err(call.forgotten()),
        }
    }

    /// The client and settings of a mount.
    async fn account(&self, core: &Core, mount: &Mount) -> Result<Arc<Account>, Error> {
        self.clients.account(self, core, mount).await
    }
}

impl Maker for Aws {
    fn ttls(&self, core: &Core, mount: &Mount) -> Result<(i64, i64), Error> {
        let config = config::lease(core, mount)?;
        Ok((config.lease, config.lease_max))
    }

    fn told(&self, made: &Value) -> Told {
        let user = IssuedUser::of(made).unwrap_or_default();
        Told { access_key_id: user.access_key_id, user: user.name }
    }

    fn doubt(&self, lease: &mut Lease, now: i64) -> Result<(), Error> {
        let mut user = IssuedUser::of(&lease.made)?;
        if !user.created && user.absence_believed_from == 0 {
            // Whoever was at work on it was done by the time the pending lease fell due, if not before.
            let last_attempt = lease.issue_time.saturating_add(CREATE_SECONDS_MAX).min(now);
            user.absence_believed_from = last_attempt.saturating_add(VISIBILITY_SECONDS);
            lease.made = user.to_value()?;
        }
        Ok(())
    }

    fn not_before(&self, lease: &Lease) -> i64 {
        IssuedUser::of(&lease.made).map_or(0, |user| user.absence_believed_from)
    }

    fn end<'a>(
        &'a self,
        core: &'a Core,
        mount: &'a Mount,
        lease: &'a mut Lease,
        lane: Lane,
    ) -> BoxFuture<'a, Result<End, Failure>> {
        let ended = async move {
            let unreadable = |error: Error| ours(error.to_string());
            let mut user = IssuedUser::of(&lease.made).map_err(unreadable)?;
            let sighting = revoke::revoke(self, core, mount, &lease.id, &user, lane).await?;
            let time = now(core);
            match judge(&user, sighting, time) {
                Verdict::Gone => Ok(End::Gone),
                Verdict::LookAgain { at, absences } => {
                    user.absences = absences;
                    lease.made = user.to_value().map_err(unreadable)?;
                    Ok(End::Unsure { at, text: doubt(&user, sighting, at.saturating_sub(time)) })
                }
            }
        };
        ended.boxed()
    }

    fn width(&self, mount_uuid: &str) -> Option<usize> {
        self.clients.width(mount_uuid)
    }
}

/// A failure that is not AWS's.
fn ours(text: String) -> Failure {
    Failure { text, outage: false, postponed: false }
}
