//! `sys/metrics`: a few numbers for who watches the engine (Vault API, `/sys/metrics`), as JSON, or as text with
//! `format=prometheus` (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
//!
//! It is asked for with a token and leaves no lines in the trail: it must answer while the trail takes none, for that
//! is one of the things that it tells.

use std::sync::Arc;

use serde_json::{Value, json};

use super::status::failing;
use crate::acl::Capability;
use crate::engine::lease::core::Core;
use crate::engine::lease::expiry;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::Request;
use crate::engine::wire::response::{Response, Shape, Whole};
use crate::text::metrics::{MetricType, Metrics};

/// One number, with what it is about.
struct Gauge {
    /// In Vault's form: `vault.core.unsealed`.
    name: &'static str,
    help: &'static str,
    label: Option<(&'static str, String)>,
    value: usize,
}

/// Serves one call.
pub(super) async fn handle(core: &Arc<Core>, request: &Request) -> Result<Response, Error> {
    if core.is_sealed() {
        return Err(Error::Sealed);
    }
    let secret = request.token.as_ref().ok_or(Error::Unauthenticated)?;
    let remote = request.remote.map(|address| address.ip().to_canonical());
    let token = core.known(&core.tokens.authenticate(core, secret, remote).await?)?;
    let allowed = core
        .policies
        .check(core, &token.judged_by(), Capability::Read, &request.path, &request.data)
        .map(|it| it.allowed);
    core.tokens.used(core, &token).await;
    if !allowed? || !token.is_anybody() {
        return Err(Error::Denied);
    }
    let gauges = gauges(core);
    match Fields(&request.data).string("format")?.as_deref() {
        Some("prometheus") => {
            Ok(Response { whole: Some(Whole::Prometheus(prometheus(&gauges))), ..Response::default() })
        }
        None | Some("" | "json") => {
            let shown = |gauge: &Gauge| {
                let labels: Value = gauge.label.iter().map(|(name, value)| (*name, value.as_str())).collect();
                json!({ "Name": gauge.name, "Value": gauge.value, "Labels": labels })
            };
            let data = json!({
                "Timestamp": core.clock.now().to_string(),
                "Gauges": gauges.iter().map(shown).collect::<Vec<_>>(),
                "Points": [],
                "Counters": [],
                "Samples": [],
            });
            Ok(Response { shape: Shape::Bare, ..Response::data(data) })
        }
        Some(other) => Err(Error::Invalid(format!("unknown format {other:?}: json or prometheus"))),
    }
}

fn gauges(core: &Core) -> Vec<Gauge> {
    let failing = failing(core);
    let is_failing = |name: &str| usize::from(failing.contains_key(name));
    let mut gauges = vec![
        Gauge { name: "vault.core.unsealed", help: "Whether requests are served.", label: None, value: 1 },
        Gauge {
            name: "leasehold.store.failing",
            help: "Whether the last write to the store failed.",
            label: None,
            value: is_failing("store"),
        },
    ];
    // A store that refuses everything does not say how many; that it does is said above.
    if let Ok(value) = expiry::remaining(core) {
        let help = "Leases that have ended and are not revoked yet, up to ten thousand.";
        gauges.push(Gauge { name: "leasehold.leases.overdue", help, label: None, value });
    }
    gauges.extend(core.trail.device_names().into_iter().map(|device| Gauge {
        name: "leasehold.audit.failing",
        help: "Whether an audit device did not take its last lines.",
        value: is_failing(&format!("audit/{device}")),
        label: Some(("device", device)),
    }));
    gauges
}

fn prometheus(gauges: &[Gauge]) -> String {
    let mut out = Metrics::default();
    let mut last = "";
    for gauge in gauges {
        let name = gauge.name.replace('.', "_");
        if gauge.name != last {
            last = gauge.name;
            out.family(MetricType::Gauge, &name, gauge.help);
        }
        let labels: Vec<(&str, &str)> = gauge.label.iter().map(|(label, value)| (*label, value.as_str())).collect();
        out.number(&name, &labels, gauge.value);
    }
    out.text()
}
