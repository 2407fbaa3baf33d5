//! `roles/`: what a credential may do. A write merges into what is there; validation follows the merge.

use std::sync::Arc;

use serde_json::{Value, json};

use super::credential::craft::Legacy;
use super::credential::{check, table};
use super::policy_text::{compact, go_quote};
use super::role::{Demand, Reviewed, Role, demand_key, key, load};
use super::{Aws, guard};
use crate::engine::backend::Call;
use crate::engine::backend::listing;
use crate::engine::kernel::barrier::Batch;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::{Operation, Origin};
use crate::engine::wire::response::Response;

/// What is told of a write with the parameters of before 2018.
const LEGACY_WARNING: &str =
    "Detected use of legacy role or policy parameter. Please upgrade to use the new parameters.";

/// Serves LIST `roles`.
pub(super) fn list(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    listing::of_folder(core, call, &key(call.mount, ""), shown)
}

/// Serves `roles/:name`.
pub(super) async fn handle(aws: &Aws, core: &Arc<Core>, call: Call<'_>, name: &str) -> Result<Response, Error> {
    match call.request.operation {
        Operation::Read => Ok(Response::data(shown(&load(core, call.mount, name)?.ok_or(Error::NotFound)?))),
        Operation::Delete => delete(aws, core, call, name).await,
        Operation::Write => {
            let fields = Fields(&call.request.data);
            // Two writes that merge at the same time must not lose one.
            let _turn = aws.roles.lock(&key(call.mount, name)).await;
            let legacy = legacy(fields)?;
            let is_legacy = legacy.is_some();
            let before = load(core, call.mount, name)?;
            let kept = match &before {
                Some(before) => Some(before.demand()),
                None => core.barrier.get::<Demand>(&demand_key(call.mount, name))?,
            };
            let before = before.unwrap_or_default();
            let mut role = match legacy {
                Some(role) => role,
                None => merge(before, fields)?,
            };
            check::role(&role)?;
            // A write by hand does not get rid of what the estate demands.
            (role.guardrails, role.reviewed) = match call.request.guardrails.as_deref() {
                Some(header) => (guard::decode(header)?, reviewed(&role, call.request.origin.as_ref())),
                None => kept.map(|demand| (demand.guardrails, demand.reviewed)).unwrap_or_default(),
            };
            role.origin = call.request.origin.clone();
            let mut batch = Batch::new();
            batch.delete(demand_key(call.mount, name));
            batch.put(key(call.mount, name), &role)?;
            core.barrier.commit(batch).await?;
            let legacy = is_legacy.then(|| LEGACY_WARNING.to_owned());
            let warnings = legacy.into_iter().chain(table::warnings(&role));
            Ok(warnings.fold(Response::empty(), Response::warn))
        }
        Operation::List | Operation::Patch => Err(Error::UnsupportedOperation),
    }
}

/// Takes the role away. By hand, what it is judged by stays behind: whoever makes it anew makes it under the same
/// guardrails. The estate's own write says itself what there is to be.
async fn delete(aws: &Aws, core: &Arc<Core>, call: Call<'_>, name: &str) -> Result<Response, Error> {
    let _turn = aws.roles.lock(&key(call.mount, name)).await;
    let mut batch = Batch::new();
    batch.delete(key(call.mount, name));
    match load(core, call.mount, name)? {
        _ if call.request.guardrails.is_some() => batch.delete(demand_key(call.mount, name)),
        Some(role) if !role.guardrails.is_empty() => batch.put(demand_key(call.mount, name), &role.demand())?,
        _ => {}
    }
    core.barrier.commit(batch).await?;
    Ok(Response::empty())
}

fn reviewed(role: &Role, origin: Option<&Origin>) -> Reviewed {
    Reviewed {
        app: origin.and_then(|origin| origin.app.clone()),
        policy_arns: role.policy_arns.clone().unwrap_or_default(),
        iam_groups: role.iam_groups.clone().unwrap_or_default(),
        policy_document: role.policy_document.clone(),
        permissions_boundary_arn: role.permissions_boundary_arn.clone(),
        credential_type: role.credential_type.clone(),
        role_arns: role.role_arns.clone().unwrap_or_default(),
    }
}

fn shown(role: &Role) -> Value {
    json!({
        "credential_type": role.credential_type,
        "policy_document": role.policy_document,
        "policy_arns": role.policy_arns,
        "role_arns": role.role_arns,
        "iam_groups": role.iam_groups,
        "iam_tags": role.iam_tags,
        "default_sts_ttl": role.default_sts_ttl,
        "max_sts_ttl": role.max_sts_ttl,
        "user_path": role.user_path,
        "permissions_boundary_arn": role.permissions_boundary_arn,
        "session_tags": role.session_tags,
        "external_id": role.external_id,
        "mfa_serial_number": role.mfa_serial_number,
    })
}

/// Overwrites what the request supplies.
fn merge(mut role: Role, fields: Fields<'_>) -> Result<Role, Error> {
    fn set<T>(place: &mut T, value: Option<T>) {
        if let Some(value) = value {
            *place = value;
        }
    }
    set(&mut role.credential_type, fields.string("credential_type")?);
    if let Some(document) = fields.string("policy_document")? {
        role.policy_document = compacted(&document)?;
    }
    set(&mut role.policy_arns, fields.list("policy_arns")?.map(Some));
    set(&mut role.role_arns, fields.list("role_arns")?.map(Some));
    set(&mut role.iam_groups, fields.list("iam_groups")?.map(Some));
    set(&mut role.iam_tags, fields.pairs("iam_tags")?.map(Some));
    set(&mut role.default_sts_ttl, fields.seconds("default_sts_ttl")?);
    set(&mut role.max_sts_ttl, fields.seconds("max_sts_ttl")?);
    set(&mut role.user_path, fields.string("user_path")?);
    set(&mut role.permissions_boundary_arn, fields.string("permissions_boundary_arn")?);
    set(&mut role.session_tags, fields.pairs("session_tags")?.map(Some));
    set(&mut role.external_id, fields.string("external_id")?);
    set(&mut role.mfa_serial_number, fields.string("mfa_serial_number")?);
    Ok(role)
}

fn compacted(document: &str) -> Result<String, Error> {
    if document.is_empty() {
        return Ok(String::new());
    }
    compact(document).ok_or_else(|| Error::Invalid(format!("cannot parse policy document: {}", go_quote(document))))
}

/// The role of a write with the parameters of before 2018, `arn` and `policy`; it replaces the role.
fn legacy(fields: Fields<'_>) -> Result<Option<Role>, Error> {
    const MODERN: [&str; 8] = [
        "credential_type",
        "role_arns",
        "policy_arns",
        "policy_document",
        "default_sts_ttl",
        "max_sts_ttl",
        "iam_groups",
        "iam_tags",
    ];
    let arn = fields.string("arn")?.filter(|text| !text.is_empty());
    let policy = fields.string("policy")?.filter(|text| !text.is_empty());
    let text = match (arn, policy) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(Error::Server("only one of policy or arn should be provided".to_owned())),
        (Some(text), None) | (None, Some(text)) => text,
    };
    if let Some(name) = MODERN.into_iter().find(|name| fields.has(name)) {
        let what = if name == "credential_type" { "an explicit credential_type" } else { name };
        return Err(Error::Invalid(format!("cannot supply deprecated role or policy parameters with {what}")));
    }
    let unable = || Error::Invalid(format!("unable to parse supplied data: {}", go_quote(&text)));
    let compacted;
    let given = if text.starts_with("arn:") {
        let resource = text.splitn(6, ':').nth(5).and_then(|resource| resource.split('/').next()).unwrap_or_default();
        Legacy::Arn { arn: &text, resource }
    } else {
        compacted = compact(&text).ok_or_else(unable)?;
        Legacy::Document(&compacted)
    };
    table::legacy(&given).map(Some).ok_or_else(unable)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{Role, check, legacy, merge};
    use crate::engine::backend::aws::paths::PATHS;
    use crate::engine::wire::field::Fields;

    fn write(role: Role, body: &Value) -> Result<Role, String> {
        let data: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
        let role = match legacy(Fields(&data)).map_err(|error| error.to_string())? {
            Some(role) => role,
            None => merge(role, Fields(&data)).map_err(|error| error.to_string())?,
        };
        check::role(&role).map_err(|error| error.to_string())?;
        Ok(role)
    }

    #[test]
    fn role_names_follow_the_grammar() {
        let row = PATHS.iter().find(|row| row.pattern == "roles/:name").unwrap();
        let is_name = |name: &str| row.matches(&format!("roles/{name}"));
        for name in ["a", "r1", "my.role-1@x", "_", "a__b"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "-bad", "bad-", "a/b", "a b", "é", "."] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn refusals_carry_vaults_texts() {
        for (body, part) in [
            (json!({}), "did not supply credential_type"),
            (json!({"credential_type": "foo"}), "unrecognized credential type: foo"),
            (
                json!({"credential_type": "iam_user", "default_sts_ttl": "1h"}),
                "default_sts_ttl parameter only valid for assumed_role, federation_token, and session_token credential types",
            ),
            (
                json!({"credential_type": "assumed_role", "default_sts_ttl": 7200, "max_sts_ttl": 3600}),
                r#"\"default_sts_ttl\" value must be less than or equal to \"max_sts_ttl\" value"#,
            ),
            (
                json!({"credential_type": "iam_user", "user_path": "app"}),
                "The specified value for user_path is invalid",
            ),
            (
                json!({"credential_type": "assumed_role", "user_path": "/x/"}),
                "user_path parameter only valid for iam_user credential type",
            ),
            (
                json!({"credential_type": "iam_user", "permissions_boundary_arn": "arn:aws:s3:::b"}),
                "expected a service of iam but got s3",
            ),
            (
                json!({"credential_type": "iam_user", "permissions_boundary_arn": "arn:aws:iam::1:role/x"}),
                "expected a resource type of policy but got role/x",
            ),
            (json!({"credential_type": "iam_user", "permissions_boundary_arn": "x"}), "arn: invalid prefix"),
            (json!({"credential_type": "iam_user", "permissions_boundary_arn": "arn:x"}), "arn: not enough sections"),
            (
                json!({"credential_type": "iam_user", "role_arns": "x"}),
                "cannot supply role_arns when credential_type isn't assumed_role",
            ),
            (json!({"credential_type": "iam_user", "default_sts_ttl": "-5"}), "cannot provide negative value '-5'"),
            (
                json!({"credential_type": "iam_user", "default_sts_ttl": "abc"}),
                "Field validation failed: error converting input for field \"default_sts_ttl\"",
            ),
            (json!({"policy_document": "{bad"}), "cannot parse policy document: \"{bad\""),
            (
                json!({"policy": "{}", "credential_type": "iam_user"}),
                "cannot supply deprecated role or policy parameters with an explicit credential_type",
            ),
            (json!({"policy": "{}", "arn": "arn:aws:iam::1:policy/x"}), "only one of policy or arn should be provided"),
            (json!({"arn": "arn:aws:iam::1:user/x"}), "unable to parse supplied data"),
            (
                json!({"credential_type": "session_token", "policy_arns": "a"}),
                "cannot supply policy_arns when credential_type is session_token",
            ),
        ] {
            let error = write(Role::default(), &body).expect_err(&body.to_string());
            assert!(error.contains(part), "{body}: {error}");
        }
        assert_eq!(
            write(Role::default(), &json!({})).unwrap_err(),
            r#"error(s) validating supplied role data: "1 error occurred:\n\t* did not supply credential_type\n\n""#
        );
    }

    #[test]
    fn a_write_merges_and_clears_only_what_it_names() {
        let user = json!({"credential_type": "iam_user", "policy_arns": "a, b ,a", "default_sts_ttl": 0});
        let role = write(Role::default(), &user).unwrap();
        assert_eq!(role.policy_arns.as_deref(), Some(&["a".to_owned(), "b".to_owned(), "a".to_owned()][..]));
        let role = write(role, &json!({"policy_document": "{ }", "iam_tags": ["k=v", "a=b=c"]})).unwrap();
        assert_eq!((role.policy_document.as_str(), role.policy_arns.as_ref().map(Vec::len)), ("{}", Some(3)));
        assert_eq!(role.iam_tags.as_ref().and_then(|tags| tags.get("a")).map(String::as_str), Some("b=c"));
        let cleared = json!({"policy_document": "", "policy_arns": [], "iam_tags": {}, "user_path": "/x/"});
        let role = write(role, &cleared).unwrap();
        assert_eq!((role.policy_document.as_str(), role.policy_arns), ("", Some(vec![])));
        assert_eq!((role.iam_tags.map(|tags| tags.len()), role.user_path.as_str()), (Some(0), "/x/"));
    }

    #[test]
    fn the_old_parameters_are_translated() {
        let role = write(Role::default(), &json!({"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"})).unwrap();
        assert_eq!(role.policy_arns, Some(vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()]));
        let role = write(role, &json!({"policy": "{ \"Version\": 1 }"})).unwrap();
        assert_eq!((role.policy_document.as_str(), role.policy_arns), ("{\"Version\":1}", None));
    }
}
