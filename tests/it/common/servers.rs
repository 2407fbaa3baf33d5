//! The servers that the reconciler's tests run against: our engine; the same engine met as OpenBao is; and, where
//! `LEASEHOLD_TEST_ADDR` is set, a real one in the second's place.
//!
//! A test file that is in `main.rs` twice, the second time under a name that ends in `_on_openbao`, runs against both.
//! On a real server each test has a namespace of its own, so `LEASEHOLD_TEST_TOKEN` (or `VAULT_TOKEN`) must be one that
//! may make namespaces; for roles of AWS its catalogue must have the plugin `aws`.

use std::sync::atomic::{AtomicUsize, Ordering};

use leasehold::api::{Addresses, Client, Options, Target, TlsOptions};
use leasehold::clock::Clock;
use leasehold::engine::AwsTransport;
use leasehold::secret::Secret;
use serde_json::{Value, json};

use crate::bao::{self, BadHour};
use crate::between::Between;
use crate::env::InTestEngine;
use crate::http::{Answer, Http};

/// Which server a test runs against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Ours,
    OpenBao,
}

impl Sort {
    /// By the name under which a test file is in `main.rs`: `module_path!()` there.
    pub(crate) fn of(module: &str) -> Self {
        if module.contains("_on_openbao") { Self::OpenBao } else { Self::Ours }
    }
}

/// A server, or a namespace of one, that is the test's own.
pub(crate) struct TestServer {
    pub(crate) sort: Sort,
    /// `http://host:port`.
    pub(crate) address: String,
    pub(crate) token: String,
    pub(crate) namespace: Option<String>,
    behind: Option<InTestEngine>,
    real: Option<Http>,
}

impl TestServer {
    pub(crate) fn start(sort: Sort) -> Self {
        let real = std::env::var("LEASEHOLD_TEST_ADDR").ok();
        match (sort, real) {
            (Sort::OpenBao, Some(address)) => Self::real(&address),
            _ => Self::of_engine(sort, InTestEngine::start(Clock::system(), AwsTransport::Network)),
        }
    }

    fn of_engine(sort: Sort, engine: InTestEngine) -> Self {
        let token = engine.root_token.clone();
        let (address, namespace) = match sort {
            Sort::Ours => (engine.address.clone(), None),
            Sort::OpenBao => {
                let between = Between::start_as_openbao(&engine.address, Some(BadHour::default()));
                (between.address, Some(bao::NAMESPACE.to_owned()))
            }
        };
        Self { sort, address, token, namespace, behind: Some(engine), real: None }
    }

    fn real(address: &str) -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let token = std::env::var("LEASEHOLD_TEST_TOKEN").or_else(|_| std::env::var("VAULT_TOKEN"));
        let token = token.expect("LEASEHOLD_TEST_ADDR comes with LEASEHOLD_TEST_TOKEN or VAULT_TOKEN");
        let host = address.trim_end_matches('/').trim_start_matches("http://").to_owned();
        let http = Http { address: host, token: token.clone() };
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("leasehold-test-{}-{number}", std::process::id());
        http.post(&format!("sys/namespaces/{namespace}"), &json!({}));
        Self {
            sort: Sort::OpenBao,
            address: format!("http://{}", http.address),
            token,
            namespace: Some(namespace),
            behind: None,
            real: Some(http),
        }
    }

    /// Somebody else's hands, on the wire.
    pub(crate) fn by_hand(&self) -> ByHand {
        let (address, prefix) = match (&self.behind, &self.namespace) {
            (None, Some(namespace)) => (&self.address, format!("{namespace}/")),
            (None, None) => (&self.address, String::new()),
            (Some(engine), _) => (&engine.address, String::new()),
        };
        let address = address.trim_start_matches("http://").to_owned();
        ByHand { http: Http { address, token: self.token.clone() }, prefix }
    }

    pub(crate) fn is_real(&self) -> bool {
        self.real.is_some()
    }

    /// Puts something in front that loses what it is told to, and nothing else.
    pub(crate) fn part(&self) -> Between {
        match (self.sort, &self.behind) {
            (Sort::OpenBao, Some(engine)) => Between::start_as_openbao(&engine.address, None),
            _ => Between::start(&self.address),
        }
    }

    /// A client that may do everything, at the server's address or that of something in front of it. As those of
    /// commands, it does not give up in a server's bad minute.
    pub(crate) fn client(&self, address: &str) -> Client {
        self.client_in(address, self.namespace.as_deref())
    }

    /// The client of somebody else, whom no fault hits.
    pub(crate) fn hand(&self) -> Client {
        match &self.behind {
            Some(engine) => self.client_in(&engine.address, None),
            None => self.client(&self.address),
        }
    }

    fn client_in(&self, address: &str, namespace: Option<&str>) -> Client {
        let mut options = Options::new(Some(Secret::new(&*self.token)));
        options.namespace = namespace.map(str::to_owned);
        let target = Target::Network { addresses: Addresses::one(address).unwrap(), tls: TlsOptions::default() };
        Client::new(target, options).unwrap().patient()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let (Some(http), Some(namespace)) = (&self.real, &self.namespace) {
            // What is left of a namespace does no harm to the next test.
            drop(http.try_send("DELETE", &format!("sys/namespaces/{namespace}"), None));
        }
    }
}

/// Requests that go past whatever is in front of a server, into the test's namespace.
pub(crate) struct ByHand {
    http: Http,
    /// A namespace may stand before a path.
    prefix: String,
}

impl ByHand {
    /// To a server at `http://host:port`, in its root namespace.
    pub(crate) fn at(address: &str, token: &str) -> Self {
        let address = address.trim_start_matches("http://").to_owned();
        Self { http: Http { address, token: token.to_owned() }, prefix: String::new() }
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        self.http.post(&format!("{}{path}", self.prefix), body)
    }

    #[track_caller]
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.http.send(method, &format!("{}{path}", self.prefix), body)
    }

    /// The same with another token, or none, and with headers besides.
    #[track_caller]
    pub(crate) fn send_as(
        &self,
        token: Option<&str>,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let http = token.map_or_else(|| self.http.clone(), |token| self.http.with_token(token));
        let path = format!("{}{path}", self.prefix);
        http.try_send_with(method, &path, body, headers).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }
}
