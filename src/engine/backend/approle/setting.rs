//! `role/<name>/<setting>`: single settings of a role.

use std::sync::Arc;

use serde_json::{Value, json};

use super::role::{Role, turn};
use crate::engine::backend::Call;
use crate::engine::backend::login::policies;
use crate::engine::lease::core::Core;
use crate::engine::wire::cidr;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;

/// Serves one setting.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>, name: &str, setting: &str) -> Result<Response, Error> {
    match (call.request.operation, setting) {
        (Operation::Read, _) => {
            let role = Role::load(core, call.mount, name)?.ok_or(Error::NotFound)?;
            Ok(Response::data(read(&role, setting)))
        }
        (Operation::Write | Operation::Delete, _) => {
            let _turn = turn(call.mount).await;
            let mut role = Role::load(core, call.mount, name)?
                .ok_or_else(|| Error::Missing(format!("role {name:?} does not exist")))?;
            let previous = role.role_id.clone();
            if call.request.operation == Operation::Write {
                write(&mut role, setting, Fields(&call.request.data))?;
            } else {
                reset(&mut role, setting);
            }
            role.check()?;
            role.origin = call.request.origin.clone();
            role.save(core, call.mount, Some(&previous)).await?;
            Ok(Response::empty())
        }
        (Operation::List | Operation::Patch, _) => Err(call.forgotten()),
    }
}

fn read(role: &Role, setting: &str) -> Value {
    let token = &role.token;
    match setting {
        "role-id" => json!({ "role_id": role.role_id }),
        // Both names, for clients of either age.
        "policies" => json!({ "policies": token.policies, "token_policies": token.policies }),
        "period" => json!({ "period": token.period, "token_period": token.period }),
        "bound-cidr-list" => json!({ "bound_cidr_list": role.secret_id_bound_cidrs }),
        "secret-id-bound-cidrs" => json!({ "secret_id_bound_cidrs": role.secret_id_bound_cidrs }),
        "token-bound-cidrs" => json!({ "token_bound_cidrs": token.bound_cidrs }),
        "bind-secret-id" => json!({ "bind_secret_id": role.bind_secret_id }),
        "secret-id-num-uses" => json!({ "secret_id_num_uses": role.secret_id_num_uses }),
        "secret-id-ttl" => json!({ "secret_id_ttl": role.secret_id_ttl }),
        "token-num-uses" => json!({ "token_num_uses": token.num_uses }),
        "token-ttl" => json!({ "token_ttl": token.ttl }),
        "token-max-ttl" => json!({ "token_max_ttl": token.max_ttl }),
        _ => json!({ "local_secret_ids": role.local_secret_ids }),
    }
}

fn write(role: &mut Role, setting: &str, fields: Fields<'_>) -> Result<(), Error> {
    let missing = |name: &str| Error::Invalid(format!("missing {name}"));
    let seconds = |name: &str| fields.seconds(name)?.ok_or_else(|| missing(name));
    let int = |name: &str| fields.int(name)?.ok_or_else(|| missing(name));
    let list = |name: &str| fields.list(name)?.ok_or_else(|| missing(name));
    match setting {
        "role-id" => {
            role.role_id = fields.string("role_id")?.filter(|id| !id.is_empty()).ok_or_else(|| missing("role_id"))?;
        }
        "policies" => {
            let list = match fields.list("token_policies")? {
                Some(list) => list,
                None => fields.list("policies")?.ok_or_else(|| missing("token_policies"))?,
            };
            role.token.policies = policies(&list)?;
        }
        "period" => {
            role.token.period = match fields.seconds("token_period")? {
                Some(period) => period,
                None => fields.seconds("period")?.ok_or_else(|| missing("token_period"))?,
            };
        }
        "bound-cidr-list" => {
            role.secret_id_bound_cidrs = Some(cidr::check("bound_cidr_list", &list("bound_cidr_list")?)?);
        }
        "secret-id-bound-cidrs" => {
            let networks = list("secret_id_bound_cidrs")?;
            role.secret_id_bound_cidrs = Some(cidr::check("secret_id_bound_cidrs", &networks)?);
        }
        "token-bound-cidrs" => {
            role.token.bound_cidrs = cidr::normalise("token_bound_cidrs", &list("token_bound_cidrs")?)?;
        }
        "bind-secret-id" => {
            role.bind_secret_id = fields.bool("bind_secret_id")?.ok_or_else(|| missing("bind_secret_id"))?;
        }
        "secret-id-num-uses" => role.secret_id_num_uses = int("secret_id_num_uses")?,
        "secret-id-ttl" => role.secret_id_ttl = seconds("secret_id_ttl")?,
        "token-num-uses" => role.token.num_uses = int("token_num_uses")?,
        "token-ttl" => role.token.ttl = seconds("token_ttl")?,
        _ => role.token.max_ttl = seconds("token_max_ttl")?,
    }
    Ok(())
}

fn reset(role: &mut Role, setting: &str) {
    match setting {
        "policies" => role.token.policies.clear(),
        "period" => role.token.period = 0,
        "bound-cidr-list" | "secret-id-bound-cidrs" => role.secret_id_bound_cidrs = None,
        "token-bound-cidrs" => role.token.bound_cidrs.clear(),
        "bind-secret-id" => role.bind_secret_id = true,
        "secret-id-num-uses" => role.secret_id_num_uses = 0,
        "secret-id-ttl" => role.secret_id_ttl = 0,
        "token-num-uses" => role.token.num_uses = 0,
        "token-ttl" => role.token.ttl = 0,
        _ => role.token.max_ttl = 0,
    }
}
