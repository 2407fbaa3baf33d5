//! `sys/quotas/rate-limit`, `sys/quotas/lease-count` and `sys/quotas/config`.
//!
//! Source: Vault API, "/sys/quotas/rate-limit" and "/sys/quotas/config"; what a server of OpenBao 2.6 answers. Of what
//! they take, limits for one role of a method and headers about what is left are not served, and refused by name.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::engine::backend::Call;
use crate::engine::lease::core::Core;
use crate::engine::quota::{Rule, Settings, leases};
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;

/// Serves one call.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    match (call.row.pattern, call.request.operation) {
        ("quotas/config/?", Operation::Read) => Ok(settings(&core.quotas.settings())),
        ("quotas/config/?", Operation::Write) => set(core, call).await,
        ("quotas/rate-limit/?", Operation::List) => Response::keys(core.quotas.names()),
        ("quotas/rate-limit/:name", Operation::Read) => read(core, call.at("name")),
        ("quotas/rate-limit/:name", Operation::Write) => write(core, call).await,
        ("quotas/rate-limit/:name", Operation::Delete) => {
            core.quotas.delete(core, call.at("name")).await.map(|()| Response::empty())
        }
        ("quotas/lease-count/?", Operation::List) => Response::keys(core.quotas.leases.names()),
        ("quotas/lease-count/:name", Operation::Read) => read_leases(core, call.at("name")),
        ("quotas/lease-count/:name", Operation::Write) => write_leases(core, call).await,
        ("quotas/lease-count/:name", Operation::Delete) => {
            core.quotas.leases.delete(core, call.at("name")).await.map(|()| Response::empty())
        }
        _ => Err(call.forgotten()),
    }
}

fn settings(settings: &Settings) -> Response {
    Response::data(json!({
        "enable_rate_limit_audit_logging": settings.audited,
        "enable_rate_limit_response_headers": false,
        "rate_limit_exempt_paths": settings.exempt,
    }))
}

async fn set(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let fields = call.fields();
    if fields.bool("enable_rate_limit_response_headers")? == Some(true) {
        return Err(Error::Invalid(
            "enable_rate_limit_response_headers is not served: a request that is refused has Retry-After, and no other says \
             how many are left"
                .to_owned(),
        ));
    }
    let mut settings = core.quotas.settings();
    if let Some(audited) = fields.bool("enable_rate_limit_audit_logging")? {
        settings.audited = audited;
    }
    if let Some(exempt) = fields.list("rate_limit_exempt_paths")? {
        settings.exempt = exempt.into_iter().filter(|path| !path.is_empty()).collect();
    }
    core.quotas.set(core, settings).await?;
    Ok(Response::empty())
}

fn read(core: &Core, name: &str) -> Result<Response, Error> {
    let rule = core.quotas.rule(name).ok_or(Error::NotFound)?;
    // As it was written: 5 and not 5.0.
    let rate = if rule.rate.fract() == 0.0 && rule.rate < 1e15 { json!(rule.rate as i64) } else { json!(rule.rate) };
    Ok(Response::data(json!({
        "block_interval": rule.block_interval, "inheritable": rule.path.is_empty(), "interval": rule.interval,
        "name": name, "path": rule.path, "rate": rate, "role": "", "type": "rate-limit",
    })))
}

async fn write(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let fields = call.fields();
    let invalid = |text: String| Err(Error::Invalid(text));
    let Some(rate) = call.request.data.get("rate").and_then(number).filter(|rate| *rate > 0.0) else {
        return invalid("'rate' is invalid".to_owned());
    };
    let interval = match fields.seconds("interval")? {
        None | Some(0) => 1,
        Some(seconds) => seconds,
    };
    let block_interval = fields.seconds("block_interval")?.unwrap_or(0);
    let path = scope(core, &call, "rate-limit", "rate limits")?;
    core.quotas.put(core, call.at("name"), Rule { path, rate, interval, block_interval }).await?;
    let mut response = Response::empty();
    response.warnings.extend(call.unknown());
    Ok(response)
}

/// The path that a limit is for.
fn scope(core: &Core, call: &Call<'_>, kind: &str, what: &str) -> Result<String, Error> {
    let fields = call.fields();
    let invalid = |text: String| Err(Error::Invalid(text));
    if fields.string("type")?.is_some_and(|given| !given.is_empty() && given != kind) {
        return invalid(format!("'type' is invalid: there are {what} alone here"));
    }
    if fields.string("role")?.is_some_and(|role| !role.is_empty()) {
        return invalid(format!("{what} for one role are not served: leave out role, or limit the path of its login"));
    }
    let path = path(core, &fields.string("path")?.unwrap_or_default())?;
    if fields.bool("inheritable")? == Some(true) && !path.is_empty() {
        return invalid("'inheritable' is of a limit on all paths: below a mount it counts in any case".to_owned());
    }
    Ok(path)
}

fn read_leases(core: &Core, name: &str) -> Result<Response, Error> {
    let rule = core.quotas.leases.rule(name).ok_or(Error::NotFound)?;
    let counter = core.quotas.leases.count(core, &rule)?;
    Ok(Response::data(json!({
        "counter": counter, "inheritable": rule.path.is_empty(), "max_leases": rule.max_leases, "name": name,
        "path": rule.path, "role": "", "type": "lease-count",
    })))
}

async fn write_leases(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let max_leases = call.fields().int("max_leases")?.and_then(|most| usize::try_from(most).ok());
    let Some(max_leases) = max_leases.filter(|most| *most > 0) else {
        return Err(Error::Invalid("'max_leases' is invalid".to_owned()));
    };
    let path = scope(core, &call, "lease-count", "limits on leases")?;
    core.quotas.leases.put(core, call.at("name"), leases::Rule { path, max_leases }).await?;
    let mut response = Response::empty();
    response.warnings.extend(call.unknown());
    Ok(response)
}

/// A number, also as text.
fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

/// The path of a rule as it is kept: that of a mount has a slash at its end.
fn path(core: &Core, given: &str) -> Result<String, Error> {
    let path = given.trim_matches('/');
    if path.is_empty() {
        return Ok(String::new());
    }
    if path.contains(['*', '+']) {
        return Err(Error::Invalid("'path' is one path, and no pattern".to_owned()));
    }
    match core.mounts.route(&format!("{path}/")) {
        Some((_, "")) => Ok(format!("{path}/")),
        Some(_) => Ok(path.to_owned()),
        None => Err(Error::Invalid(format!("invalid mount path {:?}", format!("{path}/")))),
    }
}
