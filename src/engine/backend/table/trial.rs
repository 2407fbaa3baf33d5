//! A backend that is only in the tests: what one costs. This file, and a line in the table of `table.rs`.
//!
//! It lends words under leases. What is lent is in memory, and gone when the lease has ended.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::engine::backend::{Backend, Call, Class};
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::mounts::Mount;
use crate::engine::kernel::random;
use crate::engine::lease::core::Core;
use crate::engine::lease::{End, Failure, Issued, Lane, Lease, LeaseState, Maker, Terms, Told, now, ttl};
use crate::engine::setup::Config;
use crate::engine::wire::error::Error;
use crate::engine::wire::given::Given;
use crate::engine::wire::path::{Row, Shape, takes};
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::{LeaseFields, Response};

const PATHS: &[Row] = &[
    Row::new("config", &[Operation::Read, Operation::Write], "What the words begin with").with(&[takes(
        "beginning",
        Shape::Text,
        "Any text",
    )
    .or("word-")]),
    Row::new("lent", &[Operation::Read], "The words that are lent"),
    Row::new("creds/:name", &[Operation::Read], "A word").with(&[takes("name", Shape::Word("-"), "Whose")]).issues(),
];

#[derive(Default)]
struct Trial {
    lent: Mutex<BTreeSet<String>>,
}

/// The backend.
pub(crate) fn backend(_config: &Config) -> Box<dyn Backend> {
    Box::new(Trial::default())
}

impl Backend for Trial {
    fn kind(&self) -> &'static str {
        "trial"
    }

    fn class(&self) -> Class {
        Class::Secrets
    }

    fn tables(&self) -> &'static [&'static [Row]] {
        &[PATHS]
    }

    fn handle<'a>(&'a self, core: &'a Arc<Core>, call: Call<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        self.serve(core, call).boxed()
    }

    fn maker(&self) -> Option<&dyn Maker> {
        Some(self)
    }
}

impl Trial {
    fn lent<T>(&self, f: impl FnOnce(&mut BTreeSet<String>) -> T) -> T {
        f(&mut self.lent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn serve(&self, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
        let key = call.mount.storage("config");
        let beginning = core.barrier.get::<String>(&key)?.unwrap_or_else(|| "word-".to_owned());
        match (call.row.pattern, call.request.operation) {
            ("config", Operation::Read) => Ok(Response::data(json!({ "beginning": beginning }))),
            ("config", Operation::Write) => {
                let given = call.fields().string("beginning")?.unwrap_or_else(|| "word-".to_owned());
                let mut batch = Batch::new();
                batch.put(key, &given)?;
                core.barrier.commit(batch).await?;
                let answer = Response::empty();
                Ok(call.unknown().into_iter().fold(answer, Response::warn))
            }
            ("lent", _) => Ok(Response::data(json!({ "words": self.lent(|lent| lent.clone()) }))),
            ("creds/:name", _) => self.lend(core, call, &beginning).await,
            _ => Err(call.forgotten()),
        }
    }

    async fn lend(&self, core: &Arc<Core>, call: Call<'_>, beginning: &str) -> Result<Response, Error> {
        let token = call.token.ok_or(Error::Unauthenticated)?;
        let (issue_time, path) = (now(core), &call.request.path);
        let (mount_default, mount_max) = (call.mount.default_ttl(), call.mount.max_ttl());
        let terms = Terms { issue_time, mount_default, mount_max, ..Terms::default() };
        let (lease_duration, _) = ttl(&terms, issue_time)?;
        let word = format!("{beginning}{}", random::base62(8)?);
        let mut lease = Lease {
            id: format!("{path}/{}", random::ordered_base62(issue_time)?),
            state: LeaseState::Pending,
            path: path.clone(),
            mount: call.mount.uuid.clone(),
            token: token.lease_owner().to_owned(),
            batch: None,
            issue_time,
            expire_time: issue_time.saturating_add(lease_duration),
            due: issue_time,
            last_renewal: None,
            renewable: true,
            made: json!({ "word": word }),
            app: None,
            role: call.at("name").to_owned(),
            origin: None,
            reason: None,
            attempts: 0,
            revoke_error: None,
        };
        let making = core.leases.begin(core, &mut lease).await?;
        self.lent(|lent| lent.insert(word.clone()));
        let fields = LeaseFields { lease_id: lease.id.clone(), renewable: true, lease_duration };
        let given: Box<dyn Given> = Box::new(Issued { lease, making });
        Ok(Response { lease: Some(fields), given: Some(given), ..Response::data(json!({ "word": word })) })
    }
}

impl Maker for Trial {
    fn ttls(&self, _core: &Core, _mount: &Mount) -> Result<(i64, i64), Error> {
        Ok((0, 0))
    }

    fn told(&self, made: &Value) -> Told {
        Told { holder: made["word"].as_str().unwrap_or_default().to_owned(), ..Told::default() }
    }

    fn doubt(&self, _lease: &mut Lease, _now: i64) -> Result<(), Error> {
        Ok(())
    }

    fn not_before(&self, _lease: &Lease) -> i64 {
        0
    }

    fn end<'a>(
        &'a self,
        _core: &'a Core,
        _mount: &'a Mount,
        lease: &'a mut Lease,
        _lane: Lane,
    ) -> BoxFuture<'a, Result<End, Failure>> {
        self.lent(|lent| lent.remove(lease.made["word"].as_str().unwrap_or_default()));
        std::future::ready(Ok(End::Gone)).boxed()
    }

    fn width(&self, _mount_uuid: &str) -> Option<usize> {
        None
    }
}
