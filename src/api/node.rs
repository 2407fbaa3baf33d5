//! The nodes of a cluster, by what each says of its health. Pure.

use std::fmt;

use serde_json::Value;

use super::fault::TlsFault;

/// How a node is.
///
/// # Source
/// Vault API, "/sys/health": the statuses. OpenBao 2.6, `http/sys_health.go`, has 200, 429, 501 and 503 of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It is the one that acts.
    Active,
    /// It hands on what is asked of it, or leads there. OpenBao's also answer reads themselves.
    Standby,
    /// The same, and it answers reads itself (Vault Enterprise).
    PerformanceStandby,
    /// It serves nothing until it is promoted (Vault Enterprise).
    DrSecondary,
    /// It has no store yet.
    Uninitialized,
    /// Its store is closed.
    Sealed,
    /// There was no answer in time.
    Silent,
    /// It could not be reached.
    Unreachable {
        /// Why.
        why: String,
        /// What of TLS, if that is it.
        tls: Option<TlsFault>,
    },
    /// It answers what no node does.
    Odd {
        /// The HTTP status.
        status: u16,
    },
}

impl Health {
    /// What a status says, where the body is one of `sys/health`.
    pub(super) fn of(status: u16, body: &Value) -> Self {
        match status {
            _ if !body.get("sealed").is_some_and(Value::is_boolean) => Self::Odd { status },
            200 => Self::Active,
            429 => Self::Standby,
            472 => Self::DrSecondary,
            473 => Self::PerformanceStandby,
            501 => Self::Uninitialized,
            503 => Self::Sealed,
            status => Self::Odd { status },
        }
    }

    /// One word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Standby => "standby",
            Self::PerformanceStandby => "performance_standby",
            Self::DrSecondary => "dr_secondary",
            Self::Uninitialized => "uninitialized",
            Self::Sealed => "sealed",
            Self::Silent | Self::Unreachable { .. } => "unreachable",
            Self::Odd { .. } => "unknown",
        }
    }

    /// Whether it takes requests, if only to hand them on.
    fn serves(&self) -> bool {
        matches!(self, Self::Standby | Self::PerformanceStandby)
    }
}

/// What is said of it behind its name.
impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active => f.write_str("is the active node"),
            Self::Standby => f.write_str("is a standby"),
            Self::PerformanceStandby => f.write_str("is a performance standby"),
            Self::DrSecondary => f.write_str("is a DR secondary"),
            Self::Uninitialized => f.write_str("is not initialized"),
            Self::Sealed => f.write_str("is sealed"),
            Self::Silent => f.write_str("does not answer in time"),
            Self::Unreachable { why, .. } => write!(f, "can't be reached: {why}"),
            Self::Odd { status } => write!(f, "answers {status}, and not as a node of Vault or OpenBao"),
        }
    }
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its address.
    pub address: String,
    /// How it is.
    pub health: Health,
    /// Its version, if it tells.
    pub version: Option<String>,
    /// The id of its cluster, if it tells: what is sealed doesn't.
    pub cluster_id: Option<String>,
    /// Whether it is the one that requests go to.
    pub is_used: bool,
    /// Whether it hands writes on though it is active: it is of a cluster that replicates another one.
    pub(super) is_secondary: bool,
}

impl Node {
    /// By what it answered.
    pub(super) fn of(address: &str, health: Health, body: &Value) -> Self {
        let text = |key| body.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        Self {
            address: address.to_owned(),
            health,
            version: text("version"),
            cluster_id: text("cluster_id"),
            is_used: false,
            is_secondary: text("replication_performance_mode").as_deref() == Some("secondary"),
        }
    }
}

/// The one to send requests to: the active one, else one that hands them on.
pub(super) fn choose(nodes: &[Node]) -> Option<usize> {
    let active = nodes.iter().position(|node| node.health == Health::Active);
    active.or_else(|| nodes.iter().position(|node| node.health.serves()))
}

/// Two nodes that are not of one cluster, if there are.
pub(super) fn apart(nodes: &[Node]) -> Option<[&Node; 2]> {
    let mut told = nodes.iter().filter(|node| node.cluster_id.is_some());
    let first = told.next()?;
    told.find(|node| node.cluster_id != first.cluster_id).map(|other| [first, other])
}

/// How each is, on one line.
pub(super) fn listed(nodes: &[Node]) -> String {
    nodes.iter().map(|node| format!("{} {}", node.address, node.health)).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Health, Node, apart, choose};

    fn nodes(statuses: &[u16]) -> Vec<Node> {
        let node = |status: &u16| Node::of("https://a", Health::of(*status, &json!({"sealed": false})), &Value::Null);
        statuses.iter().map(node).collect()
    }

    #[test]
    fn the_active_node_is_chosen_else_one_that_hands_on() {
        for (statuses, expected) in [
            (&[429, 200, 429][..], Some(1)),
            (&[503, 473, 429], Some(1)),
            (&[472, 501, 503], None),
            (&[404, 530, 500], None),
            (&[], None),
        ] {
            assert_eq!(choose(&nodes(statuses)), expected, "{statuses:?}");
        }
    }

    #[test]
    fn what_does_not_tell_its_health_is_no_node() {
        assert_eq!(Health::of(200, &json!({"ok": true})), Health::Odd { status: 200 });
        assert_eq!(Health::of(429, &Value::Null), Health::Odd { status: 429 }, "a proxy's quota");
    }

    #[test]
    fn nodes_of_two_clusters_are_told_apart() {
        let node = |id: &str| Node { cluster_id: (!id.is_empty()).then(|| id.to_owned()), ..nodes(&[200]).remove(0) };
        assert!(apart(&[node(""), node("a"), node("a")]).is_none());
        let mixed = [node("a"), node(""), node("b")];
        let [one, other] = apart(&mixed).expect("they are apart");
        assert_eq!((one.cluster_id.as_deref(), other.cluster_id.as_deref()), (Some("a"), Some("b")));
    }
}
