//! The one path that every request takes: rate limit, token, route, ACL, audit, backend, lease, audit, answer.
//!
//! Nothing is done before its request line is on its way to the trail, and nothing leaves before its
//! response line is durable there. A credential that cannot be accounted for is revoked at once and
//! never answered (see `finish`).

mod absent;
mod audit;
pub(crate) mod handed;
mod help;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::{Map, Value};

use self::audit::Scene;
use self::handed::Handed;
use super::backend::{Backends, Call};
use super::token::Token;
use crate::acl::{Capability, Decision};
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::lease::wrapping::{self, Contents};
use crate::engine::quota::Refused;
use crate::engine::wire::error::Error;
use crate::engine::wire::given::Given;
use crate::engine::wire::path::{Door, Row};
use crate::engine::wire::request::{Operation, Request};
use crate::engine::wire::response::{Response, Shape, Whole};
use crate::secret::Secret;

/// Whether a client still waits for what a request makes: either it gets the answer, or the answer is
/// undone, never neither.
pub(crate) struct Delivery {
    outcome: AtomicU8,
    recognised: Box<dyn Fn() + Send + Sync>,
}

impl Delivery {
    const WAITING: u8 = 0;
    const DELIVERED: u8 = 1;
    const GIVEN_UP: u8 = 2;
    const LEFT: u8 = 3;

    /// A client waits. `recognised` is called once it has shown a valid token.
    pub(crate) fn new(recognised: impl Fn() + Send + Sync + 'static) -> Self {
        Self { outcome: AtomicU8::new(Self::WAITING), recognised: Box::new(recognised) }
    }

    /// The client has been told that it took too long. False when it is too late: the answer is being made
    /// durable.
    pub(crate) fn give_up(&self) -> bool {
        self.settle(Self::GIVEN_UP)
    }

    /// The client has gone. Too late, it changes nothing: then the answer takes care of what it hands out.
    pub(crate) fn leave(&self) {
        self.settle(Self::LEFT);
    }

    /// The answer will be given; or why nobody waits for it any more.
    fn deliver(&self) -> Result<(), &'static str> {
        if self.settle(Self::DELIVERED) {
            return Ok(());
        }
        match self.outcome.load(Ordering::Acquire) {
            Self::LEFT => Err("client-went-away"),
            _ => Err("request-took-too-long"),
        }
    }

    fn settle(&self, outcome: u8) -> bool {
        self.outcome.compare_exchange(Self::WAITING, outcome, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// Who asks, and whether they may.
struct Admission {
    token: Option<Token>,
    decision: Option<Decision>,
    operation: &'static str,
    refusal: Option<Error>,
}

/// Where a request goes.
#[derive(Clone, Copy)]
struct Target<'a> {
    backends: &'a Backends,
    mount: &'a Mount,
    /// Below the mount.
    path: &'a str,
    /// None where the mount has no such path.
    row: Option<&'static Row>,
}

impl<'a> Target<'a> {
    /// The row, if the operation is in it.
    fn served(&self, operation: Operation) -> Result<&'static Row, Error> {
        match self.row {
            None => Err(Error::UnsupportedPath),
            Some(row) if row.operations.is_empty() => Err(Error::UnsupportedPath),
            Some(row) if !row.operations.contains(&operation) => Err(Error::UnsupportedOperation),
            Some(row) => Ok(row),
        }
    }

    fn call(&self, request: &'a Request, row: &'static Row, token: Option<&'a Token>, sudo: bool) -> Call<'a> {
        Call { request, path: self.path, mount: self.mount, backends: self.backends, token, sudo, row }
    }

    /// What is asked of the caller.
    fn door(&self) -> Door {
        match self.row.map_or(Door::Guarded, |row| row.door) {
            // A mount that ends lets nobody in.
            Door::Open if self.mount.tainted => Door::Guarded,
            door => door,
        }
    }
}

/// An answer, and what watches over what it hands out.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The answer.
    pub(crate) response: Response,
    /// Takes back what the answer hands out, wherever the answer is lost.
    pub(crate) handed: Option<Handed>,
}

/// What serves requests.
pub(crate) struct Pipeline {
    /// What requests share.
    pub(crate) core: Arc<Core>,
    /// What can be mounted.
    pub(crate) backends: Arc<Backends>,
}

impl Pipeline {
    /// Serves one request from beginning to end. Must not be dropped half way: run it as a task.
    pub(crate) async fn handle(&self, request: &Request, delivery: &Delivery) -> Result<Answer, Error> {
        let core = &self.core;
        // A mount's own path is help of the mount.
        let of_mount = request.help.then(|| format!("{}/", request.path));
        let routed = core.mounts.route(&request.path).or_else(|| core.mounts.route(of_mount.as_deref()?));
        let target = routed.as_ref().map(|(mount, path)| {
            let mount = &**mount;
            Target { backends: &self.backends, mount, path, row: self.backends.row(mount, path) }
        });
        if let Some(target) = target.filter(|target| target.door() == Door::Unaudited && !request.help) {
            let row = target.served(request.operation)?;
            let call = target.call(request, row, None, false);
            let response = self.backends.of(target.mount)?.handle(core, call).await?;
            return Ok(Answer { response, handed: None });
        }
        if self.core.is_sealed() {
            return Err(Error::Sealed);
        }
        let admission = match core.quotas.count(core, &request.path, request.remote) {
            Ok(()) => self.admit(request, target).await,
            Err(Refused { error, audited: false }) => return Err(error),
            Err(Refused { error, audited: true }) => Admission {
                token: None,
                decision: None,
                operation: operation_name(request, None),
                refusal: Some(error),
            },
        };
        if admission.token.is_some() {
            (delivery.recognised)();
        }
        let scene = Scene {
            clock: &self.core.clock,
            request,
            mount: target.map(|target| target.mount),
            token: admission.token.as_ref(),
            decision: admission.decision.as_ref(),
            operation: admission.operation,
        };
        let result = match (&admission.refusal, target) {
            (None, Some(target)) => {
                let sudo = admission.decision.as_ref().is_some_and(|decision| decision.sudo);
                self.execute(&scene, target, sudo).await
            }
            _ => {
                let refusal = admission.refusal.unwrap_or_else(|| Error::NoRoute(request.path.clone()));
                drop(self.core.trail.append(&scene.request_line(Some(&refusal))));
                Err(refusal)
            }
        };
        let result = result.map_err(|error| absent::explain(error, target, &request.path));
        let result = self.finish(&scene, result, delivery).await;
        if let Some(token) = &admission.token {
            self.core.tokens.used(&self.core, token).await;
        }
        result
    }

    async fn admit(&self, request: &Request, target: Option<Target<'_>>) -> Admission {
        let mut admission =
            Admission { token: None, decision: None, operation: operation_name(request, None), refusal: None };
        let door = target.filter(|_| !request.help).map_or(Door::Guarded, |target| target.door());
        let is_served = || target.is_some_and(|target| target.served(request.operation).is_ok());
        if door == Door::Unwrapping
            && is_served()
            && let Err(refusal) = wrapping::meant(&self.core, request)
        {
            admission.refusal = Some(refusal);
            return admission;
        }
        match (door, &request.token) {
            (Door::Open | Door::Unaudited, _) | (Door::Ajar, None) => {
                admission.refusal = self.refuse_to_speak(request, None).err();
            }
            (Door::Ajar, Some(secret)) => {
                admission.token = self.authenticate(request, secret).await.ok().filter(Token::is_anybody);
                admission.refusal = self.refuse_to_speak(request, admission.token.as_ref()).err();
            }
            (Door::Guarded | Door::Unwrapping, None) => admission.refusal = Some(Error::Unauthenticated),
            (Door::Guarded | Door::Unwrapping, Some(secret)) => match self.authenticate(request, secret).await {
                Err(error) => admission.refusal = Some(error),
                Ok(token) => {
                    if !token.is_anybody() {
                        admission.refusal = Some(Error::Unauthenticated);
                    } else if let Err(error) = self.authorise(request, target, &token, &mut admission) {
                        admission.refusal = Some(error);
                    }
                    admission.token = Some(token);
                }
            },
        }
        admission
    }

    async fn authenticate(&self, request: &Request, secret: &Secret) -> Result<Token, Error> {
        let remote = request.remote.map(|address| address.ip().to_canonical());
        let token = self.core.tokens.authenticate(&self.core, secret, remote).await?;
        self.core.known(&token)
    }

    fn authorise(
        &self,
        request: &Request,
        target: Option<Target<'_>>,
        token: &Token,
        admission: &mut Admission,
    ) -> Result<(), Error> {
        let exists = match target {
            Some(target) if request.operation == Operation::Write && !target.mount.tainted => {
                let row = target.row.filter(|row| row.creates);
                let exists = |row| {
                    let call = target.call(request, row, Some(token), false);
                    self.backends.of(target.mount)?.exists(&self.core, &call)
                };
                row.map(exists).transpose()?.flatten()
            }
            _ => None,
        };
        admission.operation = operation_name(request, exists);
        if request.help {
            // It is told to whoever shows a token, as Vault does (`vault/acl.go`): it says nothing of what is there.
            return match target {
                None => Err(Error::NoRoute(request.path.clone())),
                Some(_) => self.refuse_to_speak(request, Some(token)),
            };
        }
        let capability = match request.operation {
            Operation::Read => Capability::Read,
            Operation::Delete => Capability::Delete,
            Operation::Patch => Capability::Patch,
            Operation::List => Capability::List,
            Operation::Write if exists == Some(false) => Capability::Create,
            Operation::Write => Capability::Update,
        };
        let decision = self.core.policies.check_request(&self.core, &token.judged_by(), capability, request)?;
        let needs_sudo = target.and_then(|target| target.row).is_some_and(|row| row.sudo);
        let allowed = decision.allowed && (decision.sudo || !needs_sudo);
        admission.decision = Some(Decision { allowed, ..decision });
        match target {
            _ if !allowed => Err(Error::Denied),
            None => Err(Error::NoRoute(request.path.clone())),
            Some(target) if target.mount.tainted => Err(Error::UnsupportedPath),
            Some(_) => self.refuse_to_speak(request, Some(token)),
        }
    }

    /// Refuses what only the estate may say to whom no policy lets say it.
    fn refuse_to_speak(&self, request: &Request, token: Option<&Token>) -> Result<(), Error> {
        if request.origin.is_none() && request.guardrails.is_none() {
            return Ok(());
        }
        let may = |token: &Token| {
            self.core.policies.check(&self.core, &token.judged_by(), Capability::Update, ESTATE_PATH, &Map::new())
        };
        match token.map(may).transpose()? {
            Some(decision) if decision.allowed => Ok(()),
            _ => Err(Error::Forbidden(format!(
                "the headers X-Leasehold-* say where a change comes from and what a role is judged by, and this \
                 token may not say so: send the request without them, or give the token a policy with \"update\" on \
                 {ESTATE_PATH} (as policies/acl/apply.hcl has)"
            ))),
        }
    }

    /// The request line, then the backend. What changes something waits for the line to be durable.
    async fn execute(&self, scene: &Scene<'_>, target: Target<'_>, sudo: bool) -> Result<Response, Error> {
        let request = scene.request;
        let ticket = self.core.trail.append(&scene.request_line(None));
        let issues = target.row.is_some_and(|row| row.issues && !request.help);
        if issues && !self.core.trail.has_device() {
            return Err(Error::Internal("no audit device is enabled, so no credential is issued".to_owned()));
        }
        let changes = match request.operation {
            Operation::Write => scene.operation == CREATE || target.row.is_none_or(|row| !row.still),
            Operation::Patch | Operation::Delete => true,
            Operation::Read | Operation::List => target.row.is_some_and(|row| row.acts && !request.help),
        };
        if issues || changes {
            ticket.durable().await.map_err(|error| unaudited(&error))?;
        }
        // For the rest the response line, which follows the request line into the same files, is waited for.
        let _in_use = target.mount.in_use.read().await;
        if !self.core.mounts.is_serving(target.mount) {
            return Err(Error::UnsupportedPath);
        }
        if request.help {
            return help::answer(target);
        }
        let backend = self.backends.of(target.mount)?;
        match target.served(request.operation) {
            Ok(row) => backend.handle(&self.core, target.call(request, row, scene.token, sudo)).await,
            Err(refusal) => Err(backend.unserved(target.mount, target.path, refusal)),
        }
    }

    /// The response line; the credential becomes the client's only with that line durable.
    async fn finish(
        &self,
        scene: &Scene<'_>,
        result: Result<Response, Error>,
        delivery: &Delivery,
    ) -> Result<Answer, Error> {
        // Asked once, before anything is the client's.
        let result = match delivery.deliver() {
            Ok(()) => result,
            Err(reason) => self.undo(result, reason).await,
        };
        let result = match result {
            Ok(response) => self.wrap(scene.request, response).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(mut response) => match response.given.take() {
                Some(given) => self.hand_over(scene, response, given).await,
                None => {
                    let shown = response.shows.take().map(|credential| *credential);
                    let line = self.core.trail.append(&scene.response_line(Ok((&response, shown))));
                    line.durable().await.map_err(|error| unaudited(&error))?;
                    Ok(Answer { response, handed: None })
                }
            },
            Err(error) => {
                let line = self.core.trail.append(&scene.response_line(Err(&error)));
                line.durable().await.map_err(|written| unaudited(&written))?;
                Err(error)
            }
        }
    }

    /// Puts an answer away and answers with what it is fetched by, where the request asks for that. What the answer
    /// hands out goes with it.
    async fn wrap(&self, request: &Request, mut response: Response) -> Result<Response, Error> {
        let Some(ttl) = request.wrap_ttl.filter(|_| !response.is_nothing() && response.wrapped.is_none()) else {
            return Ok(response);
        };
        let given = response.given.take();
        let accessor = |auth: &Value| Some(auth.get("accessor")?.as_str()?.to_owned());
        let wrapped_accessor = match (&response.auth, &given) {
            (Some(auth), _) => accessor(auth),
            (None, Some(given)) => given.accessor(),
            (None, None) => None,
        };
        let put_away = match body(request, &mut response) {
            Ok(body) => {
                let path = &request.path;
                let contents = Contents { body: &body, path, creation_path: path, ttl, wrapped_accessor };
                wrapping::put_away(&self.core, contents).await
            }
            Err(error) => Err(error),
        };
        match (put_away, given) {
            (Ok((info, hash)), given) => Ok(Response {
                wrapped: Some(info),
                warnings: response.warnings,
                shows: response.shows,
                given: Some(wrapping::given(&self.core, hash, given)),
                ..Response::default()
            }),
            (Err(error), Some(given)) => {
                Handed::new(&self.core.kernel, given).undo("answer-not-wrapped").await?;
                Err(error)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Takes back what a request made for which nobody waits any more.
    async fn undo(&self, result: Result<Response, Error>, reason: &'static str) -> Result<Response, Error> {
        let mut response = result?;
        let Some(given) = response.given.take() else { return Ok(response) };
        Handed::new(&self.core.kernel, given).undo(reason).await?;
        Err(Error::Server(format!("{reason}: what the request made has been revoked")))
    }

    /// The response line of an answer that hands something out: the client's only with that line, and once it is
    /// stored that it is.
    async fn hand_over(&self, scene: &Scene<'_>, response: Response, given: Box<dyn Given>) -> Result<Answer, Error> {
        let trail = &self.core.trail;
        let handed = Handed::new(&self.core.kernel, given);
        if handed.is_leased() && scene.token.is_some_and(Token::is_last_use) {
            // The token ends with this request, and the lease with the token.
            let refusal = Error::Invalid(
                "Secret cannot be returned; token had one use left, so leased credentials were immediately revoked."
                    .to_owned(),
            );
            handed.undo("token-had-one-use-left").await?;
            let written = trail.append(&scene.response_line(Err(&refusal))).durable().await;
            return Err(written.err().map_or(refusal, |error| unaudited(&error)));
        }
        // Both flushes at once: the lease is active and its line durable, or the credential is revoked.
        let ticket = trail.append(&scene.response_line(Ok((&response, handed.credential()))));
        match tokio::join!(handed.activate(), ticket.durable()) {
            (Ok(()), Ok(())) => Ok(Answer { response, handed: Some(handed) }),
            (Err(error), Ok(())) => {
                handed.undo("lease-not-stored").await?;
                Err(error)
            }
            (_, Err(error)) => {
                handed.undo("response-not-audited").await?;
                Err(unaudited(&error))
            }
        }
    }
}

/// The path whose `update` capability lets a token say, in the headers `X-Leasehold-*`, where a change comes from
/// and what a role is judged by. Nothing is served there.
const ESTATE_PATH: &str = "sys/leasehold/estate";

/// What is fetched of an answer that lies wrapped: its envelope, or, where it is one that was fetched, the same.
fn body(request: &Request, response: &mut Response) -> Result<Secret, Error> {
    match response.whole.take() {
        Some(Whole::Json(text)) => return Ok(text),
        None if response.shape != Shape::Bare => {}
        Some(Whole::Prometheus(_) | Whole::Bulk(_)) | None => {
            let what = "this answer has a form of its own, which does not lie wrapped: send the request without \
                        X-Vault-Wrap-TTL";
            return Err(Error::Invalid(what.to_owned()));
        }
    }
    let envelope = Value::Object(response.envelope(&request.id));
    // A JSON value always has a JSON text.
    Ok(Secret::new(serde_json::to_string(&envelope).unwrap_or_default()))
}

fn unaudited(error: &crate::trail::TrailError) -> Error {
    Error::Internal(format!("no audit device took the line: {error}"))
}

/// What a write is called that makes what was not there.
const CREATE: &str = "create";

fn operation_name(request: &Request, exists: Option<bool>) -> &'static str {
    match request.operation {
        _ if request.help => "help",
        Operation::Read => "read",
        Operation::Delete => "delete",
        Operation::Patch => "patch",
        Operation::List => "list",
        Operation::Write if exists == Some(false) => CREATE,
        Operation::Write => "update",
    }
}

#[cfg(test)]
mod tests {
    use super::Delivery;
    use crate::clock::Clock;
    use crate::engine::backend::table;
    use crate::engine::kernel::mounts::Mount;
    use crate::engine::setup::{Config, Storage};

    /// What the tables say of a whole path.
    fn needs_sudo(path: &str) -> bool {
        let backends = table::all(&Config::new(Storage::Memory, Clock::system()));
        backends.built_in().any(|(prefix, kind, _)| {
            let mount = Mount::new(prefix, kind, "").unwrap();
            path.strip_prefix(prefix).and_then(|rest| backends.row(&mount, rest)).is_some_and(|row| row.sudo)
        })
    }

    #[test]
    fn an_answer_is_given_or_given_up_and_never_both() {
        let delivery = Delivery::new(|| ());
        assert!(delivery.give_up());
        assert_eq!(delivery.deliver(), Err("request-took-too-long"));
        let delivery = Delivery::new(|| ());
        delivery.leave();
        assert_eq!(delivery.deliver(), Err("client-went-away"));
        let delivery = Delivery::new(|| ());
        assert_eq!(delivery.deliver(), Ok(()));
        assert!(!delivery.give_up());
    }

    #[test]
    fn root_protected_paths_are_known_in_every_spelling() {
        for path in [
            "sys/audit",
            "sys/audit/file",
            "sys/auth/approle",
            "sys/auth/approle/tune",
            "sys/leases/lookup/",
            "sys/leases/lookup/aws/",
            "sys/leases/revoke-prefix/aws",
            "sys/leases/revoke-prefix",
            "sys/leases/revoke-force/aws",
            "sys/leases/",
            "sys/seal",
            "auth/token/accessors/",
            "auth/token/create-orphan",
            "auth/token/revoke-orphan",
        ] {
            assert!(needs_sudo(path), "{path}");
        }
        for path in [
            "sys/auth",
            "sys/audit-hash/file",
            "sys/leases/lookup",
            "sys/leases/revoke",
            "sys/mounts/aws",
            "auth/token/create",
        ] {
            assert!(!needs_sudo(path), "{path}");
        }
    }
}
