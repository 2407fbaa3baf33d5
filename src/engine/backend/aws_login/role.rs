//! The roles: which users and roles of AWS log in, and what token a login gets.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::ask::Ways;
use super::principal::{Principal, covers, is_pattern};
use crate::engine::backend::login::TokenTerms;
use crate::engine::backend::login::role::Stored;
use crate::engine::kernel::mounts::Mount;
use crate::engine::kernel::random;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::Origin;

/// The record of one role.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Role {
    /// Lower case.
    pub(super) name: String,
    /// Of this role alone, also when one of its name is made anew; empty until it is written.
    pub(super) role_id: String,
    /// ARNs of users and roles; those that end in `*` are patterns of full ARNs.
    pub(super) principals: Vec<String>,
    /// The unique ids of those that are no patterns, where they are resolved.
    principal_ids: Vec<String>,
    resolve_unique_ids: bool,
    pub(super) token: TokenTerms,
    /// Where the role was declared; copied into the tokens of its logins.
    #[serde(default)]
    pub(super) origin: Option<Origin>,
}

/// What binds instances of EC2, which are not looked at.
const OF_INSTANCES: [&str; 8] = [
    "bound_account_id",
    "bound_ami_id",
    "bound_ec2_instance_id",
    "bound_iam_instance_profile_arn",
    "bound_iam_role_arn",
    "bound_region",
    "bound_subnet_id",
    "bound_vpc_id",
];

fn invalid(text: impl Into<String>) -> Error {
    Error::Invalid(text.into())
}

impl Stored for Role {
    type Completer = Ways;

    fn fresh(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            role_id: String::new(),
            principals: Vec::new(),
            principal_ids: Vec::new(),
            resolve_unique_ids: true,
            token: TokenTerms::fresh(),
            origin: None,
        }
    }

    fn merge(&mut self, fields: Fields<'_>) -> Result<(), Error> {
        match fields.string("auth_type")?.as_deref() {
            None | Some("iam") => {}
            Some("ec2") => return Err(invalid("the auth_type ec2 is not supported by this server: use iam")),
            Some(other) => return Err(invalid(format!("unrecognized auth_type: {other}"))),
        }
        for name in OF_INSTANCES {
            if fields.list(name)?.is_some_and(|values| !values.is_empty()) {
                let what = format!("specified {name} but not specifying ec2 auth_type or inferring ec2_instance");
                return Err(invalid(format!("{what}: neither is supported by this server")));
            }
        }
        for name in ["inferred_entity_type", "inferred_aws_region", "role_tag"] {
            if fields.string(name)?.is_some_and(|value| !value.is_empty()) {
                return Err(invalid(format!("the parameter {name:?} is not supported by this server")));
            }
        }
        for name in ["allow_instance_migration", "disallow_reauthentication"] {
            if fields.bool(name)?.unwrap_or_default() {
                return Err(invalid(format!("specified {name} when not using ec2 auth type")));
            }
        }
        if let Some(flag) = fields.bool("resolve_aws_unique_ids")? {
            let is_new = self.role_id.is_empty();
            if !is_new && self.resolve_unique_ids && !flag {
                return Err(invalid("changing resolve_aws_unique_ids from true to false is not allowed"));
            }
            self.resolve_unique_ids = flag;
        }
        if let Some(principals) = fields.list("bound_iam_principal_arn")? {
            self.principals = principals;
            self.principal_ids.clear();
        }
        self.token.merge(fields)
    }

    fn check(&self) -> Result<(), Error> {
        if self.principals.is_empty() {
            return Err(invalid("at least one bound parameter should be specified on the role"));
        }
        self.token.check()
    }

    /// Finds out the unique ids, so that a user or role that is made anew under its name is not taken for the old one.
    fn complete<'a>(
        &'a mut self,
        ways: &'a Ways,
        core: &'a Core,
        mount: &'a Mount,
    ) -> BoxFuture<'a, Result<(), Error>> {
        async move {
            if self.role_id.is_empty() {
                self.role_id = random::uuid()?;
            }
            if !self.resolve_unique_ids || !self.principal_ids.is_empty() {
                return Ok(());
            }
            for arn in self.principals.iter().filter(|arn| !is_pattern(arn)) {
                let told = |why: String| invalid(format!("unable to resolve ARN {arn:?} to internal ID: {why}"));
                let principal = Principal::parse(arn).map_err(told)?;
                let found = ways.find(core, mount, &principal).await.map_err(told)?;
                if !principal.is(arn, &found.arn) {
                    return Err(told(format!("IAM has it as {}", found.arn)));
                }
                self.principal_ids.push(found.unique_id);
            }
            Ok(())
        }
        .boxed()
    }

    fn read(&self) -> Value {
        let mut read = json!({
            "auth_type": "iam",
            "bound_iam_principal_arn": self.principals,
            "bound_iam_principal_id": self.principal_ids,
            "inferred_entity_type": "",
            "inferred_aws_region": "",
            "resolve_aws_unique_ids": self.resolve_unique_ids,
            "role_id": self.role_id,
            "role_tag": "",
            "allow_instance_migration": false,
            "disallow_reauthentication": false,
        });
        for name in OF_INSTANCES {
            read[name] = json!([]);
        }
        self.token.show(&mut read);
        read
    }

    fn token(&self) -> &TokenTerms {
        &self.token
    }

    fn set_origin(&mut self, origin: Option<Origin>) {
        self.origin = origin;
    }
}

impl Role {
    /// Whether it takes a principal, without its full ARN.
    pub(super) fn takes(&self, canonical: &str, unique_id: &str) -> bool {
        if self.principal_ids.iter().any(|id| id == unique_id) {
            return true;
        }
        !self.resolve_unique_ids && self.principals.iter().any(|arn| !is_pattern(arn) && arn == canonical)
    }

    /// Whether a full ARN may tell more.
    pub(super) fn has_patterns(&self) -> bool {
        self.principals.iter().any(|arn| is_pattern(arn))
    }

    /// Whether it takes a full ARN by a pattern.
    pub(super) fn takes_full(&self, full: &str) -> bool {
        self.principals.iter().any(|arn| covers(arn, full))
    }
}
