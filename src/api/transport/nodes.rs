//! Which of a cluster's nodes is asked.
//!
//! Where one address is named, nothing is asked before: it is that node, or a load balancer. Where several are, all of them
//! are asked for their health at once, and requests go to the active one; where there is none, as in an election, to one
//! that hands them on. The choice holds until a request fails by it, and at most for a while, so that nothing is remembered
//! for ever. Everybody who needs a node meanwhile waits for the same look.
//!
//! **What was written is read from who wrote it.** A node that was active and is not any more would hand writes on and go on
//! answering reads itself, from a state that may lie behind them. So what is sent to the active node says that it is not to
//! be handed on (`X-Vault-No-Request-Forwarding`): such a node answers with the way to the new one, and that is chosen.
//!
//! **Where a token goes.** To the addresses that were named, and, where one was named, also to where that one leads with
//! 307: to the very same request, by the same scheme, and over TLS only to who has a certificate that is trusted here. Who
//! writes that header has the token already, so it learns nothing by it. Where several are named it is not followed: the
//! health of all tells the active node as well, and a wrong `api_addr` can't lead a token to an address that nobody named.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use http::Uri;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Method, Reply, Transport, base, parse_uri};
use crate::api::answer::{Asked, Error};
use crate::api::node::{self, Health, Node};
use crate::units::address::Addresses;

/// How long a node may take to say how it is.
const HEALTH_LIMIT: Duration = Duration::from_secs(2);

/// How long the others may take once the active one has answered: only whether they are of its cluster matters then.
const OTHERS_LIMIT: Duration = Duration::from_millis(250);

/// How long the active node is taken for it without a look.
const ACTIVE_HOLDS: Duration = Duration::from_secs(30);

/// How long one is asked that only hands on.
const STANDBY_HOLDS: Duration = Duration::from_secs(1);

/// The nodes of one engine.
pub(super) struct Nodes {
    addresses: Vec<Arc<str>>,
    /// Of all of them.
    name: String,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    chosen: Option<Chosen>,
    /// How all were when none could be used, and when that was seen: whoever began to wait before gets the same answer, so
    /// that a plan's many requests do not look one after the other.
    unusable: Option<(Instant, Vec<Node>)>,
    /// The cluster's id.
    cluster_id: Option<String>,
    /// How often was chosen.
    number: u64,
}

/// A node that is asked.
#[derive(Clone)]
pub(super) struct Chosen {
    pub(super) address: Arc<str>,
    /// Whether what is sent there is not to be handed on.
    pub(super) acts_itself: bool,
    number: u64,
    until: Instant,
}

/// How long all are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// Until one can be chosen.
    ToChoose,
    /// Until all have answered.
    AtAll,
}

impl Nodes {
    pub(super) fn of(addresses: &Addresses) -> Self {
        let name = addresses.each().collect::<Vec<_>>().join(", ");
        Self { addresses: addresses.each().map(Arc::from).collect(), name, found: Mutex::default() }
    }

    /// An engine in this process.
    pub(super) fn here() -> Self {
        let name = "http://embedded".to_owned();
        Self { addresses: vec![Arc::from(name.as_str())], name, found: Mutex::default() }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// One of them, where it does not matter which.
    pub(super) fn any(&self) -> &str {
        self.addresses.first().map_or("", |address| address)
    }

    pub(super) fn are_several(&self) -> bool {
        self.addresses.len() > 1
    }

    /// Whether an address that a node leads to is among them.
    pub(super) fn has(&self, host: &str) -> bool {
        self.addresses.iter().any(|address| host_of(address) == host)
    }

    /// Chooses anew the next time, unless somebody has done so already.
    pub(super) async fn leave(&self, left: &Chosen) {
        let mut found = self.found.lock().await;
        if found.chosen.as_ref().is_some_and(|chosen| chosen.number == left.number) {
            found.chosen = None;
        }
    }
}

impl Transport {
    /// The node to ask.
    ///
    /// # Errors
    /// [`Error::NoNode`], [`Error::Apart`].
    pub(super) async fn node(&self) -> Result<Chosen, Error> {
        let until = Instant::now() + ACTIVE_HOLDS;
        if let [only] = self.nodes.addresses.as_slice() {
            return Ok(Chosen { address: only.clone(), acts_itself: false, number: 0, until });
        }
        let began = Instant::now();
        let mut found = self.nodes.found.lock().await;
        // Who waited for a look that found none has looked as well.
        if let Some((_, nodes)) = found.unusable.as_ref().filter(|(at, _)| *at >= began) {
            return Err(Error::NoNode { nodes: nodes.clone() });
        }
        if let Some(chosen) = found.chosen.as_ref().filter(|chosen| Instant::now() < chosen.until) {
            return Ok(chosen.clone());
        }
        let nodes = self.look(Look::ToChoose).await;
        if let Some([one, other]) = node::apart(&nodes) {
            return Err(Error::Apart { one: one.address.clone(), other: other.address.clone() });
        }
        let Some(index) = node::choose(&nodes) else {
            found.unusable = Some((Instant::now(), nodes.clone()));
            return Err(Error::NoNode { nodes });
        };
        let node = &nodes[index];
        if let (Some(known), Some(told)) = (&found.cluster_id, &node.cluster_id)
            && known != told
        {
            return Err(Error::Apart { one: node.address.clone(), other: "what answered before".to_owned() });
        }
        let is_active = node.health == Health::Active;
        let holds = if is_active { ACTIVE_HOLDS } else { STANDBY_HOLDS };
        found.cluster_id = node.cluster_id.clone().or(found.cluster_id.take());
        found.number += 1;
        let chosen = Chosen {
            address: self.nodes.addresses[index].clone(),
            acts_itself: is_active && !node.is_secondary,
            number: found.number,
            until: Instant::now() + holds,
        };
        found.chosen = Some(chosen.clone());
        Ok(chosen)
    }

    pub(in crate::api) async fn is_at_active_node(&self) -> bool {
        self.node().await.is_ok_and(|node| node.acts_itself)
    }

    /// How each node is, and which one is asked.
    pub(in crate::api) async fn nodes(&self) -> Vec<Node> {
        let mut nodes = self.look(Look::AtAll).await;
        if let Some(index) = node::choose(&nodes) {
            nodes[index].is_used = true;
        }
        nodes
    }

    /// Asks all for their health at once.
    async fn look(&self, look: Look) -> Vec<Node> {
        let silent = |address: &Arc<str>| Node::of(address, Health::Silent, &Value::Null);
        let mut nodes: Vec<Node> = self.nodes.addresses.iter().map(silent).collect();
        let asked = self.nodes.addresses.iter().enumerate();
        let mut asked: FuturesUnordered<_> =
            asked.map(|(index, address)| async move { (index, self.health(address).await) }).collect();
        let mut deadline = Instant::now() + HEALTH_LIMIT.min(self.timeout);
        while let Ok(Some((index, node))) = tokio::time::timeout_at(deadline, asked.next()).await {
            if look == Look::ToChoose && node.health == Health::Active {
                deadline = deadline.min(Instant::now() + OTHERS_LIMIT);
            }
            nodes[index] = node;
        }
        nodes
    }

    /// How a node is. It is asked without a token, and outside of namespaces, of which none has this path.
    async fn health(&self, address: &str) -> Node {
        let url = format!("{}/v1/sys/health", base(address));
        let asked = Asked { method: Method::Read.name(), url: &url };
        let mut headers = self.headers.clone();
        headers.remove("x-vault-namespace");
        let answered = match parse_uri(&url) {
            Ok(uri) => self.attempt(asked, address, Method::Read, uri, &headers, Bytes::new()).await,
            Err(error) => Err(error),
        };
        match answered {
            Ok(Reply { status, body, .. }) => {
                let body = serde_json::from_slice(&body).unwrap_or_default();
                Node::of(address, Health::of(status.as_u16(), &body), &body)
            }
            Err(error) => Node::of(address, unwell(&error), &Value::Null),
        }
    }

    /// What a node that leads elsewhere is told of, where several are named.
    pub(super) fn led(&self, from: &str, active: &Uri) -> Error {
        let to = address_of(active);
        let problem = match self.nodes.has(host_of(&to)) {
            true => "and that one does not act as it",
            false => "and none of the addresses names that one",
        };
        Error::Led { from: from.to_owned(), to, problem: problem.to_owned() }
    }

    /// The same once it is given up: with how that node is.
    pub(super) async fn explained(&self, error: Error) -> Error {
        let Error::Led { from, to, problem } = error else { return error };
        let problem = match self.nodes.are_several() && self.nodes.has(host_of(&to)) {
            true => {
                let nodes = self.look(Look::AtAll).await;
                let node = nodes.iter().find(|node| host_of(&node.address) == host_of(&to));
                node.map_or(problem, |node| format!("and that one {}", node.health))
            }
            false => problem,
        };
        Error::Led { from, to, problem }
    }
}

/// How a node is that gives no answer.
fn unwell(error: &Error) -> Health {
    match error {
        Error::Timeout { .. } => Health::Silent,
        Error::Tls { problem, fault, .. } => Health::Unreachable { why: problem.clone(), tls: Some(*fault) },
        other => Health::Unreachable { why: other.cause().unwrap_or_else(|| other.to_string()), tls: None },
    }
}

/// Scheme and host.
pub(super) fn address_of(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    format!("{}://{authority}", uri.scheme_str().unwrap_or_default())
}

/// `a:8200` of `https://a:8200/x`.
fn host_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}
