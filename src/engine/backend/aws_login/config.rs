//! How AWS is asked, and what of an answer becomes metadata: `config/client`, `config/identity` and `config/sts/<account>`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::engine::backend::amazon::check_endpoint;
use crate::engine::backend::{Call, listing};
use crate::engine::kernel::barrier::{Batch, seal};
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;
use crate::secret::Secret;

/// How often a request is repeated where nobody says it: as the SDK does.
const RETRIES: u32 = 2;

/// More are not made: somebody waits.
const RETRIES_MAX: u32 = 9;

fn invalid(text: impl Into<String>) -> Error {
    Error::Invalid(text.into())
}

/// `config/client`. A write changes what it gives.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Client {
    pub(super) access_key: String,
    #[serde(serialize_with = "seal")]
    pub(super) secret_key: Secret,
    /// Kept to be read back: EC2 is not asked.
    endpoint: String,
    pub(super) iam_endpoint: String,
    pub(super) sts_endpoint: String,
    pub(super) sts_region: String,
    pub(super) use_sts_region_from_client: bool,
    /// For which server a request has to be signed; empty where that is not looked at.
    pub(super) iam_server_id_header_value: String,
    /// As they are read back: `X-Amz-Target`.
    allowed_sts_header_values: Vec<String>,
    /// Below 0: as usual.
    max_retries: i64,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            access_key: String::new(),
            secret_key: Secret::new(""),
            endpoint: String::new(),
            iam_endpoint: String::new(),
            sts_endpoint: String::new(),
            sts_region: String::new(),
            use_sts_region_from_client: false,
            iam_server_id_header_value: String::new(),
            allowed_sts_header_values: Vec::new(),
            max_retries: -1,
        }
    }
}

impl Client {
    pub(super) fn load(core: &Core, mount: &Mount) -> Result<Option<Self>, Error> {
        core.barrier.get(&mount.storage("config/client"))
    }

    /// The headers of AWS's that may be there besides, in lower case.
    pub(super) fn allowed_headers(&self) -> Vec<String> {
        self.allowed_sts_header_values.iter().map(|name| name.to_ascii_lowercase()).collect()
    }

    /// How often a request is sent at most.
    pub(super) fn attempts(&self) -> u32 {
        u32::try_from(self.max_retries).unwrap_or(RETRIES).min(RETRIES_MAX) + 1
    }

    fn merge(&mut self, fields: Fields<'_>) -> Result<(), Error> {
        for (name, slot) in [
            ("access_key", &mut self.access_key),
            ("endpoint", &mut self.endpoint),
            ("iam_endpoint", &mut self.iam_endpoint),
            ("sts_endpoint", &mut self.sts_endpoint),
            ("sts_region", &mut self.sts_region),
            ("iam_server_id_header_value", &mut self.iam_server_id_header_value),
        ] {
            if let Some(text) = fields.string(name)? {
                *slot = text.trim().to_owned();
            }
        }
        if let Some(text) = fields.string("secret_key")? {
            self.secret_key = Secret::new(text.trim());
        }
        if let Some(flag) = fields.bool("use_sts_region_from_client")? {
            self.use_sts_region_from_client = flag;
        }
        if let Some(names) = fields.list("allowed_sts_header_values")? {
            self.allowed_sts_header_values = names.iter().map(|name| canonical(name)).collect();
        }
        if let Some(retries) = fields.int("max_retries")? {
            self.max_retries = retries;
        }
        for (name, endpoint) in [("iam_endpoint", &self.iam_endpoint), ("sts_endpoint", &self.sts_endpoint)] {
            if !endpoint.is_empty() {
                check_endpoint(endpoint).map_err(|why| invalid(format!("{name} {endpoint:?} is refused: {why}")))?;
            }
        }
        Ok(())
    }

    fn read(&self) -> Value {
        json!({
            "access_key": self.access_key,
            "endpoint": self.endpoint,
            "iam_endpoint": self.iam_endpoint,
            "sts_endpoint": self.sts_endpoint,
            "sts_region": self.sts_region,
            "use_sts_region_from_client": self.use_sts_region_from_client,
            "iam_server_id_header_value": self.iam_server_id_header_value,
            "allowed_sts_header_values": self.allowed_sts_header_values,
            "max_retries": self.max_retries,
        })
    }
}

/// A header's name as Go writes it: `X-Amz-Target`.
fn canonical(name: &str) -> String {
    let part = |part: &str| {
        let (first, rest) = part.split_at(part.chars().next().map_or(0, char::len_utf8));
        first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
    };
    name.trim().split('-').map(part).collect::<Vec<_>>().join("-")
}

/// `config/client`.
pub(super) async fn client(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let key = call.mount.storage("config/client");
    let mut batch = Batch::new();
    match call.request.operation {
        Operation::Read => {
            return Ok(Response::data(Client::load(core, call.mount)?.ok_or(Error::NotFound)?.read()));
        }
        Operation::Write => {
            call.refuse_unknown("an AWS method's configuration")?;
            let _turn = call.mount.turn(&key).await;
            let mut config = Client::load(core, call.mount)?.unwrap_or_default();
            config.merge(call.fields())?;
            batch.put(key, &config)?;
            core.barrier.commit(batch).await?;
        }
        Operation::Delete => {
            batch.delete(key);
            core.barrier.commit(batch).await?;
        }
        Operation::List | Operation::Patch => return Err(call.forgotten()),
    }
    Ok(Response::empty())
}

/// `config/identity`. A write changes what it gives. What it says of EC2 is kept to be read back.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Identity {
    iam_alias: String,
    ec2_alias: String,
    pub(super) iam_metadata: Vec<String>,
    ec2_metadata: Vec<String>,
}

/// By what the method calls who logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The role's id: all who log in by one role are one.
    Role,
    /// The user's or role's unique id.
    UniqueId,
    /// The user's or role's ARN, without its path and session.
    Canonical,
    /// The ARN as AWS tells it, with the session.
    Full,
}

/// What is metadata where nobody says it.
const METADATA: [&str; 2] = ["account_id", "auth_type"];

impl Default for Identity {
    fn default() -> Self {
        let metadata: Vec<String> = METADATA.iter().map(|name| (*name).to_owned()).collect();
        Self {
            iam_alias: "role_id".to_owned(),
            ec2_alias: "role_id".to_owned(),
            iam_metadata: metadata.clone(),
            ec2_metadata: metadata,
        }
    }
}

impl Identity {
    pub(super) fn load(core: &Core, mount: &Mount) -> Result<Self, Error> {
        Ok(core.barrier.get(&mount.storage("config/identity"))?.unwrap_or_default())
    }

    /// By what who logs in is called.
    pub(super) fn alias(&self) -> By {
        match self.iam_alias.as_str() {
            "unique_id" => By::UniqueId,
            "canonical_arn" => By::Canonical,
            "full_arn" => By::Full,
            _ => By::Role,
        }
    }

    fn merge(&mut self, fields: Fields<'_>) -> Result<(), Error> {
        for (name, slot, known) in [
            ("iam_alias", &mut self.iam_alias, &["role_id", "unique_id", "canonical_arn", "full_arn"][..]),
            ("ec2_alias", &mut self.ec2_alias, &["role_id", "instance_id", "image_id"][..]),
        ] {
            let Some(alias) = fields.string(name)? else { continue };
            if !known.contains(&alias.as_str()) {
                return Err(invalid(format!("{name} of {alias:?} not in set of allowed values: {known:?}")));
            }
            *slot = alias;
        }
        const IAM: [&str; 6] = [
            "canonical_arn",
            "client_arn",
            "client_user_id",
            "inferred_aws_region",
            "inferred_entity_id",
            "inferred_entity_type",
        ];
        for (name, slot, known) in [
            ("iam_metadata", &mut self.iam_metadata, &IAM[..]),
            ("ec2_metadata", &mut self.ec2_metadata, &["ami_id", "instance_id", "region"][..]),
        ] {
            let Some(names) = fields.list(name)? else { continue };
            let mut all = Vec::new();
            for given in names {
                match given.as_str() {
                    "default" => all.extend(METADATA.map(str::to_owned)),
                    other if METADATA.contains(&other) || known.contains(&other) => all.push(given),
                    other => {
                        let known: Vec<&str> = METADATA.iter().chain(known).copied().collect();
                        let what =
                            format!("{other:?} is not an available field, please select from: {}", known.join(", "));
                        return Err(invalid(what));
                    }
                }
            }
            all.sort();
            all.dedup();
            *slot = all;
        }
        Ok(())
    }
}

/// `config/identity`.
pub(super) async fn identity(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    match call.request.operation {
        Operation::Read => Ok(Response::data(json!(Identity::load(core, call.mount)?))),
        Operation::Write => {
            call.refuse_unknown("the configuration of identities")?;
            let key = call.mount.storage("config/identity");
            let _turn = call.mount.turn(&key).await;
            let mut identity = Identity::load(core, call.mount)?;
            identity.merge(call.fields())?;
            let mut batch = Batch::new();
            batch.put(key, &identity)?;
            core.barrier.commit(batch).await?;
            Ok(Response::empty())
        }
        Operation::List | Operation::Patch | Operation::Delete => Err(call.forgotten()),
    }
}

/// `config/sts/<account>`: the role that is assumed to ask about the principals of another account.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Across {
    pub(super) sts_role: String,
    pub(super) external_id: String,
}

impl Across {
    pub(super) fn load(core: &Core, mount: &Mount, account: &str) -> Result<Option<Self>, Error> {
        core.barrier.get(&mount.storage(&format!("config/sts/{account}")))
    }
}

/// `config/sts` and `config/sts/<account>`.
pub(super) async fn across(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let account = call.at("account_id");
    let key = call.mount.storage(&format!("config/sts/{account}"));
    let mut batch = Batch::new();
    match call.request.operation {
        Operation::List => {
            let folder = call.mount.storage("config/sts/");
            return listing::of_folder(core, call, &folder, |found: &Across| json!(found));
        }
        Operation::Read => {
            return Ok(Response::data(json!(Across::load(core, call.mount, account)?.ok_or(Error::NotFound)?)));
        }
        Operation::Write => {
            call.refuse_unknown("the role of an account")?;
            let _turn = call.mount.turn(&key).await;
            let stored = Across::load(core, call.mount, account)?;
            let (role, external_id) = (call.fields().string("sts_role")?, call.fields().string("external_id")?);
            if stored.is_none() && role.is_none() {
                return Err(invalid("missing sts role"));
            }
            let stored = stored.unwrap_or_default();
            let now = Across {
                sts_role: role.unwrap_or(stored.sts_role),
                external_id: external_id.unwrap_or(stored.external_id),
            };
            if now.sts_role.is_empty() {
                return Err(invalid("sts role cannot be empty"));
            }
            batch.put(key, &now)?;
        }
        Operation::Delete => batch.delete(key),
        Operation::Patch => return Err(call.forgotten()),
    }
    core.barrier.commit(batch).await?;
    Ok(Response::empty())
}

#[cfg(test)]
mod tests {
    use super::{Client, canonical};
    use crate::secret::Secret;

    #[test]
    fn headers_are_written_as_go_does() {
        assert_eq!(["x-amz-target", "X-AMZ-a", " a"].map(canonical), ["X-Amz-Target", "X-Amz-A", "A"]);
    }

    #[test]
    fn debug_does_not_show_the_secret_key() {
        let config = Client { secret_key: Secret::new("hunter2"), ..Client::default() };
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
