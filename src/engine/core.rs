//! The one path that every request takes: token, route, ACL, audit, backend, lease, audit, answer.
//!
//! Nothing is done before its request line is on its way to the trail, and nothing leaves before its
//! response line is durable there. A credential that cannot be accounted for is revoked at once and
//! never answered (see [`Core::finish`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use serde_json::Map;

use super::AwsTransport;
use super::absent;
use super::audit::Scene;
use super::barrier::Barrier;
use super::error::Error;
use super::handed::{Handed, What};
use super::lease::{Issued, Leases};
use super::policy::Policies;
use super::request::{Operation, Request, Response};
use super::router::{Mount, Mounts};
use super::token::{Token, Tokens};
use super::{auth, secrets, sys};
use crate::acl::{Capability, Decision};
use crate::clock::Clock;
use crate::secret::Secret;
use crate::trail::Trail;

/// Everything a request may touch.
pub(crate) struct Core {
    /// The time.
    pub(crate) clock: Clock,
    /// What is stored.
    pub(crate) barrier: Barrier,
    /// The audit devices.
    pub(crate) trail: Trail,
    /// Names this engine in AWS (tags, path): 32 hex digits, made at first start.
    pub(crate) engine_id: String,
    /// The mount table.
    pub(crate) mounts: Mounts,
    /// Tokens.
    pub(crate) tokens: Tokens,
    /// ACL policies.
    pub(crate) policies: Policies,
    /// Leases.
    pub(crate) leases: Leases,
    /// Keeps changes of one key-value secret, or of one AWS role, apart.
    pub(crate) kv: secrets::kv::Locks,
    /// How AWS is reached.
    pub(crate) aws: AwsTransport,
    /// The clients of the AWS mounts.
    pub(crate) aws_clients: secrets::aws::Clients,
    /// What guardrails said of roles.
    pub(crate) verdicts: secrets::aws::Verdicts,
    /// Where things are stored, as `seal-status` says it: `inmem` or `sqlite`.
    pub(crate) storage_type: &'static str,
    /// Where the engine keeps its data: no audit device writes there.
    pub(crate) data_directory: Option<std::path::PathBuf>,
    /// Held while an audit device is made or removed, so that changes do not overtake each other.
    pub(crate) audit_changes: tokio::sync::Mutex<()>,
    /// Set by `sys/seal`; only a restart clears it.
    pub(crate) sealed: AtomicBool,
    /// Read-held by whatever must end before the engine closes.
    pub(crate) at_work: Arc<tokio::sync::RwLock<()>>,
}

/// One request, routed: what a backend sees.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// The whole request.
    pub(crate) request: &'a Request,
    /// The path relative to the mount, without a leading slash.
    pub(crate) path: &'a str,
    /// The mount that serves it.
    pub(crate) mount: &'a Mount,
    /// Who asks; none on login paths and on the few open ones.
    pub(crate) token: Option<&'a Token>,
    /// Whether the ACL grants `sudo` on this path.
    pub(crate) sudo: bool,
}

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

/// How much a path asks of its caller.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Door {
    /// A valid token whose policies allow the request.
    Guarded,
    /// A token is looked at if one came; the handler decides what it shows.
    Ajar,
    /// No token: logins.
    Open,
}

impl Core {
    /// Whether requests are refused because the engine was sealed.
    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::Acquire)
    }

    /// Keeps the engine from closing until it is dropped. None when it is closing already.
    pub(crate) fn running(&self) -> Option<tokio::sync::OwnedRwLockReadGuard<()>> {
        self.at_work.clone().try_read_owned().ok()
    }

    /// Serves one request from beginning to end. Must not be dropped half way: run it as a task.
    pub(crate) async fn handle(self: &Arc<Self>, request: &Request, delivery: &Delivery) -> Result<Response, Error> {
        if let Some(answer) = sys::status::unaudited(self, request) {
            return answer;
        }
        if let Some(answer) = sys::metrics::unaudited(self, request).await {
            return answer;
        }
        if self.is_sealed() {
            return Err(Error::Sealed);
        }
        let routed = self.mounts.route(&request.path);
        let mount = routed.as_ref().map(|(mount, rest)| (&**mount, *rest));
        let admission = self.admit(request, mount).await;
        if admission.token.is_some() {
            (delivery.recognised)();
        }
        let scene = Scene {
            clock: &self.clock,
            request,
            mount: mount.map(|(mount, _)| mount),
            token: admission.token.as_ref(),
            decision: admission.decision.as_ref(),
            operation: admission.operation,
        };
        let result = match (&admission.refusal, mount) {
            (None, Some((mount, path))) => {
                let sudo = admission.decision.as_ref().is_some_and(|decision| decision.sudo);
                let call = Call { request, path, mount, token: admission.token.as_ref(), sudo };
                self.execute(&scene, call).await
            }
            _ => {
                let refusal = admission.refusal.unwrap_or_else(|| Error::NoRoute(request.path.clone()));
                drop(self.trail.append(&scene.request_line(Some(&refusal))));
                Err(refusal)
            }
        };
        let result = result.map_err(|error| absent::explain(error, &request.path));
        let result = self.finish(&scene, result, delivery).await;
        if let Some(token) = &admission.token {
            self.tokens.used(self, token).await;
        }
        result
    }

    async fn admit(self: &Arc<Self>, request: &Request, mount: Option<(&Mount, &str)>) -> Admission {
        let mut admission =
            Admission { token: None, decision: None, operation: operation_name(request, None), refusal: None };
        match (door(request, mount), &request.token) {
            (Door::Open, _) | (Door::Ajar, None) => {
                admission.refusal = self.refuse_to_speak(request, None).err();
            }
            (Door::Ajar, Some(secret)) => {
                admission.token = self.authenticate(request, secret).await.ok();
                admission.refusal = self.refuse_to_speak(request, admission.token.as_ref()).err();
            }
            (Door::Guarded, None) => admission.refusal = Some(Error::Unauthenticated),
            (Door::Guarded, Some(secret)) => match self.authenticate(request, secret).await {
                Err(error) => admission.refusal = Some(error),
                Ok(token) => {
                    if let Err(error) = self.authorise(request, mount, &token, &mut admission) {
                        admission.refusal = Some(error);
                    }
                    admission.token = Some(token);
                }
            },
        }
        admission
    }

    async fn authenticate(self: &Arc<Self>, request: &Request, secret: &Secret) -> Result<Token, Error> {
        let remote = request.remote.map(|address| address.ip().to_canonical());
        self.tokens.authenticate(self, secret, remote).await
    }

    fn authorise(
        self: &Arc<Self>,
        request: &Request,
        mount: Option<(&Mount, &str)>,
        token: &Token,
        admission: &mut Admission,
    ) -> Result<(), Error> {
        let exists = match (request.operation, mount) {
            (Operation::Write, Some((mount, path))) if !mount.tainted => {
                let call = Call { request, path, mount, token: Some(token), sudo: false };
                exists(self, &call)?
            }
            _ => None,
        };
        admission.operation = operation_name(request, exists);
        let capability = match request.operation {
            Operation::Read => Capability::Read,
            Operation::Delete => Capability::Delete,
            Operation::Patch => Capability::Patch,
            Operation::List => Capability::List,
            Operation::Write if exists == Some(false) => Capability::Create,
            Operation::Write => Capability::Update,
        };
        let decision = self.policies.check(self, token, capability, &request.path, &request.data)?;
        let allowed = decision.allowed && (decision.sudo || !needs_sudo(&request.path));
        admission.decision = Some(Decision { allowed, ..decision });
        match mount {
            _ if !allowed => Err(Error::Denied),
            None => Err(Error::NoRoute(request.path.clone())),
            Some((mount, _)) if mount.tainted => Err(Error::UnsupportedPath),
            Some(_) => self.refuse_to_speak(request, Some(token)),
        }
    }

    /// Refuses what only the estate may say to whom no policy lets say it.
    fn refuse_to_speak(&self, request: &Request, token: Option<&Token>) -> Result<(), Error> {
        if request.origin.is_none() && request.guardrails.is_none() {
            return Ok(());
        }
        let may = |token| self.policies.check(self, token, Capability::Update, ESTATE_PATH, &Map::new());
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
    async fn execute(self: &Arc<Self>, scene: &Scene<'_>, call: Call<'_>) -> Result<Response, Error> {
        let ticket = self.trail.append(&scene.request_line(None));
        let issues = call.mount.kind == "aws" && (call.path.starts_with("creds/") || call.path.starts_with("sts/"));
        if issues && !self.trail.has_device() {
            return Err(Error::Internal("no audit device is enabled, so no credential is issued".to_owned()));
        }
        let changes = matches!(call.request.operation, Operation::Write | Operation::Patch | Operation::Delete);
        if issues || changes {
            ticket.durable().await.map_err(|error| unaudited(&error))?;
        }
        // For the rest the response line, which follows the request line into the same files, is waited for.
        let _in_use = call.mount.in_use.read().await;
        if !self.mounts.is_serving(call.mount) {
            return Err(Error::UnsupportedPath);
        }
        dispatch(self, call).await
    }

    /// The response line; the credential becomes the client's only with that line durable.
    async fn finish(
        self: &Arc<Self>,
        scene: &Scene<'_>,
        result: Result<Response, Error>,
        delivery: &Delivery,
    ) -> Result<Response, Error> {
        // Asked once, before anything is the client's.
        let result = match delivery.deliver() {
            Ok(()) => result,
            Err(reason) => self.undo(result, reason).await,
        };
        match result {
            Ok(mut response) => match response.issued.take() {
                Some(issued) => self.hand_over(scene, response, issued).await,
                None => {
                    response.handed = Handed::of(self, &mut response);
                    let written = self.trail.append(&scene.response_line(Ok((&response, None)))).durable().await;
                    if let Err(error) = written {
                        if let Some(handed) = response.handed {
                            handed.take_back("response-not-audited").await?;
                        }
                        return Err(unaudited(&error));
                    }
                    Ok(response)
                }
            },
            Err(error) => {
                self.trail
                    .append(&scene.response_line(Err(&error)))
                    .durable()
                    .await
                    .map_err(|written| unaudited(&written))?;
                Err(error)
            }
        }
    }

    /// Takes back what a request made for which nobody waits any more.
    async fn undo(self: &Arc<Self>, result: Result<Response, Error>, reason: &'static str) -> Result<Response, Error> {
        let Ok(mut response) = result else { return result };
        if let Some(issued) = response.issued.take() {
            self.leases.abandon(self, issued.lease, reason).await;
        } else if let Some(handed) = Handed::of(self, &mut response) {
            handed.take_back(reason).await?;
        } else {
            return Ok(response);
        }
        Err(Error::Server(format!("{reason}: what the request made has been revoked")))
    }

    async fn hand_over(
        self: &Arc<Self>,
        scene: &Scene<'_>,
        mut response: Response,
        issued: Issued,
    ) -> Result<Response, Error> {
        if scene.token.is_some_and(Token::is_last_use) {
            // The token ends with this request, and the lease with the token.
            let refusal = Error::Invalid(
                "Secret cannot be returned; token had one use left, so leased credentials were immediately revoked."
                    .to_owned(),
            );
            self.leases.abandon(self, issued.lease, "token-had-one-use-left").await;
            let written = self.trail.append(&scene.response_line(Err(&refusal))).durable().await;
            return Err(written.err().map_or(refusal, |error| unaudited(&error)));
        }
        // Both flushes at once: the lease is active and its line durable, or the credential is revoked.
        let ticket = self.trail.append(&scene.response_line(Ok((&response, Some(&issued)))));
        let (active, written) = tokio::join!(self.leases.activate(self, &issued), ticket.durable());
        match (active, written) {
            (Ok(()), Ok(())) => {
                response.handed = Some(Handed::new(self, What::Lease(issued.lease.id)));
                Ok(response)
            }
            (Err(error), Ok(())) => {
                self.leases.abandon(self, issued.lease, "lease-not-stored").await;
                Err(error)
            }
            (_, Err(error)) => {
                self.leases.abandon(self, issued.lease, "response-not-audited").await;
                Err(unaudited(&error))
            }
        }
    }
}

/// The path whose `update` capability lets a token say, in the headers `X-Leasehold-*`, where a change comes from
/// and what a role is judged by. Nothing is served there.
const ESTATE_PATH: &str = "sys/leasehold/estate";

fn unaudited(error: &crate::trail::TrailError) -> Error {
    Error::Internal(format!("no audit device took the line: {error}"))
}

fn door(request: &Request, mount: Option<(&Mount, &str)>) -> Door {
    if request.path == "sys/internal/ui/mounts" || request.path.starts_with("sys/internal/ui/mounts/") {
        return Door::Ajar;
    }
    match mount {
        Some((mount, "login")) if mount.kind == "approle" && !mount.tainted => Door::Open,
        _ => Door::Guarded,
    }
}

fn operation_name(request: &Request, exists: Option<bool>) -> &'static str {
    match request.operation {
        Operation::Read => "read",
        Operation::Delete => "delete",
        Operation::Patch => "patch",
        Operation::List => "list",
        Operation::Write if exists == Some(false) => "create",
        Operation::Write => "update",
    }
}

/// Root-protected paths: these need `sudo` beside the operation's own capability.
pub(crate) fn needs_sudo(path: &str) -> bool {
    const EXACT: [&str; 10] = [
        "sys/audit",
        "sys/leases",
        "sys/seal",
        "sys/step-down",
        "sys/remount",
        "sys/rotate",
        "sys/leases/revoke-prefix",
        "sys/leases/revoke-force",
        "auth/token/create-orphan",
        "auth/token/revoke-orphan",
    ];
    const UNDER: [&str; 10] = [
        "sys/auth/",
        "sys/audit/",
        "sys/raw",
        "sys/leases/revoke-prefix/",
        "sys/leases/revoke-force/",
        "sys/leases/lookup/",
        "sys/revoke-prefix/",
        "sys/revoke-force/",
        "sys/config/auditing/",
        "sys/plugins/catalog/",
    ];
    let path = path.strip_prefix('/').unwrap_or(path);
    let bare = path.strip_suffix('/').unwrap_or(path);
    EXACT.contains(&bare) || bare == "auth/token/accessors" || UNDER.iter().any(|prefix| path.starts_with(prefix))
}

/// Whether the object that a write names exists; `None` where `create` and `update` are one.
fn exists(core: &Core, call: &Call<'_>) -> Result<Option<bool>, Error> {
    match call.mount.kind.as_str() {
        "approle" => auth::approle::exists(core, call),
        "kv" => secrets::kv::exists(core, call),
        _ => Ok(None),
    }
}

async fn dispatch(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    // Boxed, so that the pipeline's own future stays small whichever backend is the largest.
    match call.mount.kind.as_str() {
        "aws" => Box::pin(secrets::aws::handle(core, call)).await,
        "kv" => Box::pin(secrets::kv::handle(core, call)).await,
        "approle" => Box::pin(auth::approle::handle(core, call)).await,
        "token" => Box::pin(auth::token::handle(core, call)).await,
        "system" => Box::pin(sys::handle(core, call)).await,
        kind => Err(Error::Internal(format!("mount {} has the unknown type {kind}", call.mount.path))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Delivery, needs_sudo};

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
