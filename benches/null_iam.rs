//! An IAM that does nothing but remember its users: what benchmarks put behind an engine, so that they measure that.
//!
//! It answers after a latency, and can be out, or throttle by calls per second. The sandbox is no stand-in for it:
//! it checks signatures and keeps IAM's quota of 5,000 users.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use leasehold::clock::Clock;

/// What the account holds and how it behaves.
#[derive(Debug)]
pub(crate) struct NullIam {
    clock: Clock,
    latency: Duration,
    /// Whether every call fails.
    pub(crate) out: AtomicBool,
    /// Calls so far, and how many of them were throttled.
    pub(crate) calls: AtomicU64,
    pub(crate) throttled: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Each user's key, if it has one.
    users: HashMap<String, Option<String>>,
    keys: u64,
    limit: Option<usize>,
    let_through: VecDeque<Duration>,
    last_key_gone: Option<time::OffsetDateTime>,
}

impl NullIam {
    pub(crate) fn new(clock: Clock, latency: Duration) -> Arc<Self> {
        let (out, calls, throttled) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { clock, latency, out, calls, throttled, state: Mutex::default() })
    }

    /// As an HTTP client of the SDK.
    pub(crate) fn client(self: &Arc<Self>) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(Connector(self.clone()));
        http_client_fn(move |_settings, _components| connector.clone())
    }

    /// Throttles what goes beyond so many calls in any second.
    pub(crate) fn limit(&self, per_second: usize) {
        self.lock().limit = Some(per_second);
    }

    /// How many users there are.
    pub(crate) fn users(&self) -> usize {
        self.lock().users.len()
    }

    /// When the last access key was deleted.
    pub(crate) fn last_key_gone(&self) -> Option<time::OffsetDateTime> {
        self.lock().last_key_gone
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nobody panicked")
    }

    fn answer(&self, body: &[u8]) -> (u16, String) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.out.load(Ordering::Relaxed) {
            return (500, error("ServiceFailure"));
        }
        let form = std::str::from_utf8(body).expect("a form");
        let param = |name: &str| form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let (action, user) = (param("Action").expect("an action"), param("UserName").unwrap_or("engine"));
        let now = self.clock.elapsed();
        let mut state = self.lock();
        if let Some(limit) = state.limit {
            while state.let_through.front().is_some_and(|&at| at + Duration::from_secs(1) <= now) {
                state.let_through.pop_front();
            }
            if state.let_through.len() >= limit {
                self.throttled.fetch_add(1, Ordering::Relaxed);
                return (400, error("Throttling"));
            }
            state.let_through.push_back(now);
        }
        let result = match action {
            "CreateUser" => {
                state.users.insert(user.to_owned(), None);
                format!(
                    "<User><Path>/</Path><UserName>{user}</UserName><UserId>AIDA</UserId>\
                     <Arn>arn:aws:iam::123456789012:user/{user}</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate></User>"
                )
            }
            "CreateAccessKey" => {
                state.keys += 1;
                let id = format!("AKIA{:016}", state.keys);
                state.users.insert(user.to_owned(), Some(id.clone()));
                format!(
                    "<AccessKey><UserName>{user}</UserName><AccessKeyId>{id}</AccessKeyId><Status>Active</Status>\
                     <SecretAccessKey>{}</SecretAccessKey></AccessKey>",
                    "s".repeat(40)
                )
            }
            "AssumeRole" => {
                state.keys += 1;
                format!(
                    "<Credentials><AccessKeyId>ASIA{:016}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
                     <SessionToken>{}</SessionToken><Expiration>2036-01-01T00:00:00Z</Expiration></Credentials>\
                     <AssumedRoleUser><AssumedRoleId>AROA:bench</AssumedRoleId>\
                     <Arn>arn:aws:sts::123456789012:assumed-role/app/bench</Arn></AssumedRoleUser>",
                    state.keys,
                    "s".repeat(40),
                    "t".repeat(400)
                )
            }
            "DeleteAccessKey" => {
                state.users.insert(user.to_owned(), None);
                state.last_key_gone = Some(self.clock.now());
                String::new()
            }
            "DeleteUser" => {
                state.users.remove(user);
                String::new()
            }
            _ => String::new(),
        };
        (200, format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"))
    }
}

fn error(code: &str) -> String {
    format!("<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>")
}

#[derive(Debug)]
struct Connector(Arc<NullIam>);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let iam = self.0.clone();
        HttpConnectorFuture::new(async move {
            let (status, body) = iam.answer(request.body().bytes().expect("a body in memory"));
            iam.clock.pause(iam.latency).await;
            let mut response = http::Response::new(SdkBody::from(body));
            *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
            Ok(HttpResponse::try_from(response).expect("an answer"))
        })
    }
}
