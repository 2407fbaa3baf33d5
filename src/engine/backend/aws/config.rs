//! `config/root` and `config/lease`: how a mount reaches AWS, and how long its leases last.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Aws;
use crate::engine::backend::Call;
use crate::engine::backend::amazon::check_endpoint;
use crate::engine::kernel::barrier::{Batch, seal};
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::setup::AwsTransport;
use crate::engine::wire::duration;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;
use crate::secret::Secret;
use crate::units::duration::go_string;
use crate::username;

/// What `config/root` holds. Every write replaces all of it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Root {
    pub(super) access_key: String,
    #[serde(serialize_with = "seal")]
    pub(super) secret_key: Secret,
    pub(super) region: String,
    pub(super) iam_endpoint: String,
    pub(super) sts_endpoint: String,
    #[serde(default)]
    pub(super) sts_region: String,
    #[serde(default)]
    pub(super) sts_fallback_endpoints: Vec<String>,
    #[serde(default)]
    pub(super) sts_fallback_regions: Vec<String>,
    pub(super) max_retries: i64,
    pub(super) username_template: String,
}

impl Default for Root {
    fn default() -> Self {
        Self {
            access_key: String::new(),
            secret_key: Secret::new(""),
            region: String::new(),
            iam_endpoint: String::new(),
            sts_endpoint: String::new(),
            sts_region: String::new(),
            sts_fallback_endpoints: Vec::new(),
            sts_fallback_regions: Vec::new(),
            max_retries: -1,
            username_template: username::DEFAULT.to_owned(),
        }
    }
}

/// What `config/lease` holds, in seconds; 0 leaves it to the mount.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct LeaseConfig {
    /// The TTL of a new lease.
    pub(super) lease: i64,
    /// The most that renewals can reach.
    pub(super) lease_max: i64,
}

/// The stored `config/root`, or its defaults.
pub(super) fn root(core: &Core, mount: &Mount) -> Result<Option<Root>, Error> {
    core.barrier.get(&mount.storage("config/root"))
}

/// The stored `config/lease`, or none of its limits.
pub(super) fn lease(core: &Core, mount: &Mount) -> Result<LeaseConfig, Error> {
    Ok(core.barrier.get(&mount.storage("config/lease"))?.unwrap_or_default())
}

/// Serves `config/root`.
pub(super) async fn handle_root(aws: &Aws, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    match call.request.operation {
        Operation::Read => Ok(Response::data(shown(&root(core, call.mount)?.ok_or(Error::NotFound)?))),
        Operation::Write => {
            let root = from_fields(Fields(&call.request.data))?;
            // Not while the root key is being rotated: the rotation would put back what it read.
            let _turn = aws.clients.writes.lock().await;
            let mut batch = Batch::new();
            batch.put(call.mount.storage("config/root"), &root)?;
            core.barrier.commit(batch).await?;
            aws.clients.forget(&call.mount.uuid);
            // It may lead to the account again that leases wait for.
            core.leases.look_again(core, &call.mount.path).await?;
            let mut response = Response::empty();
            if let Err(error) = username::Template::compile(&root.username_template) {
                // Accepted, as Vault does; but there the mistake shows only when a credential is asked for.
                response = response
                    .warn(format!("username_template does not compile, so no credential can be issued: {error}"));
            }
            if !root.iam_endpoint.is_empty() && matches!(aws.transport, AwsTransport::InProcess(_)) {
                response = response.warn(format!(
                    "iam_endpoint {:?} is kept and not used: this server issues in its simulated AWS account (sandbox)",
                    root.iam_endpoint
                ));
            }
            Ok(response)
        }
        _ => Err(Error::UnsupportedOperation),
    }
}

fn shown(root: &Root) -> Value {
    json!({
        "access_key": root.access_key,
        "region": root.region,
        "iam_endpoint": root.iam_endpoint,
        "sts_endpoint": root.sts_endpoint,
        "sts_region": root.sts_region,
        "sts_fallback_endpoints": root.sts_fallback_endpoints,
        "sts_fallback_regions": root.sts_fallback_regions,
        "max_retries": root.max_retries,
        "username_template": root.username_template,
    })
}

fn from_fields(fields: Fields<'_>) -> Result<Root, Error> {
    refuse_absent_features(fields)?;
    let text = |name: &str| Ok::<_, Error>(fields.string(name)?.unwrap_or_default());
    let root = Root {
        access_key: text("access_key")?,
        secret_key: Secret::new(text("secret_key")?),
        region: text("region")?,
        iam_endpoint: text("iam_endpoint")?,
        sts_endpoint: text("sts_endpoint")?,
        sts_region: text("sts_region")?,
        sts_fallback_endpoints: fields.list("sts_fallback_endpoints")?.unwrap_or_default(),
        sts_fallback_regions: fields.list("sts_fallback_regions")?.unwrap_or_default(),
        max_retries: fields.int("max_retries")?.unwrap_or(-1),
        username_template: match text("username_template")? {
            empty if empty.is_empty() => username::DEFAULT.to_owned(),
            given => given,
        },
    };
    if root.sts_fallback_endpoints.len() != root.sts_fallback_regions.len() {
        return Err(Error::Invalid(
            "sts_fallback_endpoints and sts_fallback_regions must have the same number of entries".to_owned(),
        ));
    }
    let endpoints = [("iam_endpoint", &root.iam_endpoint), ("sts_endpoint", &root.sts_endpoint)];
    let fallbacks = root.sts_fallback_endpoints.iter().map(|endpoint| ("sts_fallback_endpoints", endpoint));
    for (name, endpoint) in endpoints.into_iter().chain(fallbacks) {
        if !endpoint.is_empty() {
            check_endpoint(endpoint).map_err(|why| Error::Invalid(format!("{name} {endpoint:?} is refused: {why}")))?;
        }
    }
    Ok(root)
}

/// Parameters that would change how the engine signs in to AWS must not be taken and then ignored.
fn refuse_absent_features(fields: Fields<'_>) -> Result<(), Error> {
    const TEXTS: [(&str, &str); 4] = [
        ("role_arn", "workload identity federation"),
        ("identity_token_audience", "workload identity federation"),
        ("identity_token_key", "workload identity federation"),
        ("rotation_schedule", "automated rotation of the root credential"),
    ];
    const SECONDS: [(&str, &str); 3] = [
        ("identity_token_ttl", "workload identity federation"),
        ("rotation_period", "automated rotation of the root credential"),
        ("rotation_window", "automated rotation of the root credential"),
    ];
    let refused = |name: &str, feature: &str| {
        Err(Error::Invalid(format!("{name} is not supported: this engine has no {feature}; leave it out")))
    };
    for (name, feature) in TEXTS {
        if fields.string(name)?.is_some_and(|text| !text.is_empty()) {
            return refused(name, feature);
        }
    }
    for (name, feature) in SECONDS {
        if fields.seconds(name)?.is_some_and(|seconds| seconds != 0) {
            return refused(name, feature);
        }
    }
    // True is what we do anyway; false without a schedule asks for nothing.
    fields.bool("disable_automated_rotation").map(drop)
}

/// Serves `config/lease`.
pub(super) async fn handle_lease(aws: &Aws, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let key = call.mount.storage("config/lease");
    match call.request.operation {
        Operation::Read => {
            let config: LeaseConfig = core.barrier.get(&key)?.ok_or(Error::NotFound)?;
            Ok(Response::data(json!({
                "lease": go_string(config.lease),
                "lease_max": go_string(config.lease_max),
            })))
        }
        Operation::Write => {
            let fields = Fields(&call.request.data);
            let config = LeaseConfig {
                lease: required(fields, "lease", "Invalid lease")?,
                lease_max: required(fields, "lease_max", "Invalid lease_max")?,
            };
            let mut batch = Batch::new();
            batch.put(key, &config)?;
            core.barrier.commit(batch).await?;
            aws.clients.forget(&call.mount.uuid);
            Ok(Response::empty())
        }
        _ => Err(Error::UnsupportedOperation),
    }
}

fn required(fields: Fields<'_>, name: &str, prefix: &str) -> Result<i64, Error> {
    let missing = || Error::Invalid(format!("'{name}' is a required parameter"));
    let text = fields.string(name)?.filter(|text| !text.is_empty()).ok_or_else(missing)?;
    let seconds = duration::parse_value(&text.into()).map_err(|error| Error::Invalid(format!("{prefix}: {error}")))?;
    seconds.ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::Root;
    use crate::secret::Secret;

    #[test]
    fn debug_does_not_show_the_secret_key() {
        let root = Root { secret_key: Secret::new("hunter2"), ..Root::default() };
        assert!(!format!("{root:?}").contains("hunter2"));
    }
}
