//! `auth/token/create` and `auth/token/create-orphan`.

use std::sync::Arc;

use indexmap::IndexMap;

use super::role::{Role, lesser};
use crate::engine::backend::Call;
use crate::engine::identity::LoginAlias;
use crate::engine::lease::core::Core;
use crate::engine::lease::{self, Terms, ttl};
use crate::engine::policy;
use crate::engine::token::{NewToken, Token, TokenType};
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::response::Response;
use crate::secret::Secret;

/// How a token is asked for.
#[derive(Clone, Copy)]
pub(super) enum Way<'a> {
    /// As the caller's child, unless it asks for none.
    Plain,
    /// As nobody's.
    Orphan,
    /// As a role says.
    Role(&'a Role),
}

impl<'a> Way<'a> {
    fn role(self) -> Option<&'a Role> {
        match self {
            Self::Role(role) => Some(role),
            Self::Plain | Self::Orphan => None,
        }
    }
}

fn invalid(text: &str) -> Error {
    Error::Invalid(text.to_owned())
}

pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>, caller: &Token, way: Way<'_>) -> Result<Response, Error> {
    let fields = Fields(&call.request.data);
    let role = way.role();
    if matches!(way, Way::Orphan) && !call.sudo {
        return Err(Error::Denied);
    }
    if caller.is_batch() {
        return Err(invalid("batch tokens cannot create more tokens"));
    }
    if caller.num_uses != 0 {
        return Err(invalid("restricted use token cannot generate child tokens"));
    }
    let asked_max = fields.seconds("explicit_max_ttl")?.unwrap_or(0);
    let asked_period = fields.seconds("period")?.unwrap_or(0);
    let asked_uses = fields.int("num_uses")?.unwrap_or(0);
    let kind = kind(fields, role, [asked_max, asked_period, asked_uses])?;
    if asked_uses < 0 {
        return Err(invalid("number of uses cannot be negative"));
    }
    let orphan = match way {
        Way::Plain => fields.bool("no_parent")?.unwrap_or(false),
        Way::Orphan => true,
        Way::Role(role) => role.orphan,
    };
    for (asked, right) in [
        (orphan && role.is_none(), "create orphan token"),
        (asked_period > 0, "create periodic token"),
        (fields.string("id")?.is_some_and(|id| !id.is_empty()), "specify token id"),
    ] {
        if asked && !call.sudo {
            return Err(Error::Invalid(format!("root or sudo privileges required to {right}")));
        }
    }
    let policies = policies(fields, caller, call.sudo, role)?;
    policy::assignable(&policies)?;
    if kind == TokenType::Batch && policies == ["root"] {
        // Nothing could end it.
        return Err(invalid("batch tokens cannot be root tokens"));
    }
    // Of what the caller and the role say, the narrower counts.
    let narrower = |asked: i64, of_role: fn(&Role) -> i64| lesser(asked, role.map_or(0, of_role));
    let explicit_max_ttl = narrower(asked_max, |role| role.explicit_max_ttl);
    let period = narrower(asked_period, |role| role.period);
    let wanted = fields.seconds("ttl")?.or(fields.seconds("lease")?).unwrap_or(0);
    let (seconds, mut warnings) = lifetime(core, call, caller, &policies, [wanted, period, explicit_max_ttl])?;
    for name in &policies {
        if !core.policies.exists(core, name)? {
            warnings.push(format!("Policy {name:?} does not exist"));
        }
    }
    let new = NewToken {
        kind,
        id: chosen_id(fields)?,
        parent: (!orphan).then(|| caller.hash.clone()),
        policies,
        entity_id: entity_id(core, call, caller, role, orphan).await?,
        role: role.map(|role| role.name.clone()),
        meta: fields.pairs("meta")?.unwrap_or_default(),
        kept: IndexMap::new(),
        display_name: display_name(fields)?,
        path: path(call, role),
        num_uses: narrower(asked_uses, |role| role.num_uses),
        ttl: seconds,
        explicit_max_ttl,
        period,
        max_ttl: 0,
        // A root token that never ends has nothing to be renewed.
        renewable: kind == TokenType::Service
            && seconds > 0
            && fields.bool("renewable")?.unwrap_or(true)
            && role.is_none_or(|role| role.renewable),
        bound_cidrs: match role {
            Some(role) => role.bound_cidrs.clone(),
            // A child is no way around the networks of its parent (Vault 1.0.2).
            None => caller.bound_cidrs.clone(),
        },
        origin: caller.origin.clone().or_else(|| role?.origin.clone()),
    };
    // With one of root's somebody can still look what there are too many of.
    let _turn = match new.policies.iter().any(|policy| policy == "root") {
        true => None,
        false => core.quotas.leases.admit(core, &new.path).await?,
    };
    let (secret, token) = core.tokens.create(core, new).await?;
    let token = token.known(core, &core.identity)?;
    Ok(Response {
        auth: Some(token.auth_block(&secret)),
        warnings,
        given: lease::given(core, &token),
        ..Response::default()
    })
}

/// The path that the token counts as made at.
fn path(call: Call<'_>, role: Option<&Role>) -> String {
    match role.map(|role| role.path_suffix.as_str()).filter(|suffix| !suffix.is_empty()) {
        Some(suffix) => format!("{}/{suffix}", call.request.path),
        None => call.request.path.clone(),
    }
}

/// The entity that the token is of: the one that it asks for by a role, or the caller's. An orphan is nobody's child,
/// and nobody.
async fn entity_id(
    core: &Core,
    call: Call<'_>,
    caller: &Token,
    role: Option<&Role>,
    orphan: bool,
) -> Result<String, Error> {
    let Some(name) = call.fields().string("entity_alias")?.filter(|alias| !alias.is_empty()) else {
        return Ok(if orphan { String::new() } else { caller.entity_id.clone() });
    };
    let role = role.ok_or_else(|| invalid("'entity_alias' is only allowed in combination with token role"))?;
    if !role.takes_alias(&name) {
        return Err(invalid("invalid 'entity_alias' value"));
    }
    let alias = LoginAlias { name, ..LoginAlias::default() };
    let person = core.identity.at_login(core, call.mount, &alias).await?;
    if person.disabled {
        return Err(Error::Unauthenticated);
    }
    Ok(person.id.clone())
}

/// What the token is to be: as its role demands, else as it is asked for, else as the role has it.
fn kind(
    fields: Fields<'_>,
    role: Option<&Role>,
    [explicit_max_ttl, period, num_uses]: [i64; 3],
) -> Result<TokenType, Error> {
    let asked = fields.string("type")?.unwrap_or_default();
    let kind = match role.map_or("", |role| role.kind.as_str()) {
        demanded @ ("service" | "batch") => demanded,
        "default-batch" if asked.is_empty() => "batch",
        _ => asked.as_str(),
    };
    match kind {
        "" | "service" | "default" => return Ok(TokenType::Service),
        "batch" => {}
        _ => return Err(invalid("invalid 'token_type' value")),
    }
    let of_role = |limit: fn(&Role) -> i64| role.map_or(0, limit) != 0;
    for (set, name) in [
        (explicit_max_ttl != 0, "explicit_max_ttl"),
        (num_uses != 0 || of_role(|role| role.num_uses), "num_uses"),
        (period != 0 || of_role(|role| role.period), "period"),
        (fields.string("id")?.is_some_and(|id| !id.is_empty()), "id"),
    ] {
        if set {
            return Err(Error::Invalid(format!("batch tokens cannot have {name:?} set")));
        }
    }
    Ok(TokenType::Batch)
}

/// The new token's policies: never more than the caller may give, or its role.
fn policies(fields: Fields<'_>, caller: &Token, sudo: bool, role: Option<&Role>) -> Result<Vec<String>, Error> {
    let asked = policy::named(fields, "policies")?;
    let no_default = fields.bool("no_default_policy")?.unwrap_or(false);
    if let Some(role) = role.filter(|role| role.limits_policies()) {
        let policies = role.policies(asked, caller, no_default)?;
        if policies == ["root"] && !caller.is_root() {
            return Err(invalid("root tokens may not be created without parent token being root"));
        }
        return Ok(policies);
    }
    let no_default = no_default || role.is_some_and(Role::is_without_default);
    let inherited = asked.is_none();
    let mut policies = asked.unwrap_or_else(|| caller.policies.clone());
    let root = policies == ["root"];
    if root && !caller.is_root() {
        return Err(invalid("root tokens may not be created without parent token being root"));
    }
    if !sudo && !policies.iter().all(|name| caller.policies.contains(name)) {
        return Err(invalid("child policies must be subset of parent"));
    }
    // `default` is not a way to gain what the parent lacks (Vault 0.6.4).
    let may_have_default = sudo || caller.policies.iter().any(|name| name == "default");
    if no_default {
        if inherited {
            policies.retain(|name| name != "default");
        }
    } else if !root && may_have_default {
        policies.push("default".to_owned());
        policies = policy::sanitise(&policies);
    }
    Ok(policies)
}

/// The TTL, in seconds, by the rules of leases; 0, for ever, only for a root token from one that is so.
fn lifetime(
    core: &Core,
    call: Call<'_>,
    caller: &Token,
    policies: &[String],
    [increment, period, explicit_max]: [i64; 3],
) -> Result<(i64, Vec<String>), Error> {
    if policies == ["root"] && [increment, period, explicit_max] == [0; 3] {
        return match caller.expire_time {
            None => Ok((0, vec![])),
            Some(_) => Err(invalid("expiring root tokens cannot create non-expiring root tokens")),
        };
    }
    let now = core.clock.now().unix_timestamp();
    let terms = Terms {
        increment,
        period,
        explicit_max,
        issue_time: now,
        mount_default: call.mount.default_ttl(),
        mount_max: call.mount.max_ttl(),
        ..Terms::default()
    };
    ttl(&terms, now)
}

fn chosen_id(fields: Fields<'_>) -> Result<Option<Secret>, Error> {
    let Some(id) = fields.string("id")?.filter(|id| !id.is_empty()) else { return Ok(None) };
    let reserved = ["s.", "b.", "r.", "hvs.", "hvb.", "hvr."];
    if reserved.iter().any(|prefix| id.starts_with(prefix)) {
        return Err(invalid("custom token ID cannot have the 's.', 'b.', 'hvs.' or 'hvb.' prefix"));
    }
    if id.contains('.') {
        return Err(invalid("custom token ID cannot contain '.'"));
    }
    Ok(Some(Secret::new(id)))
}

fn display_name(fields: Fields<'_>) -> Result<String, Error> {
    let given = fields.string("display_name")?.unwrap_or_default();
    if given.is_empty() {
        return Ok("token".to_owned());
    }
    let plain: String = given.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' }).collect();
    Ok(format!("token-{plain}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{display_name, policies};
    use crate::engine::token::Token;
    use crate::engine::wire::field::Fields;

    fn caller(names: &[&str]) -> Token {
        let record = json!({
            "hash": "", "accessor": "", "policies": names, "display_name": "", "path": "",
            "creation_time": 0, "creation_ttl": 0, "renewable": true,
        });
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn a_child_never_has_more_than_its_parent_may_give() {
        let subset = Err("child policies must be subset of parent".to_owned());
        let root = Err("root tokens may not be created without parent token being root".to_owned());
        let ok = |names: &[&str]| Ok(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        for (parent, sudo, request, expected) in [
            (vec!["a", "default"], false, json!({}), ok(&["a", "default"])),
            (vec!["a", "default"], false, json!({"policies": ["A "]}), ok(&["a", "default"])),
            (vec!["a", "default"], false, json!({"policies": "a", "no_default_policy": true}), ok(&["a"])),
            (vec!["a", "default"], false, json!({"no_default_policy": true}), ok(&["a"])),
            (vec!["a"], false, json!({"policies": ["a"]}), ok(&["a"])),
            (vec!["a"], false, json!({}), ok(&["a"])),
            (vec!["a"], false, json!({"policies": ["default"]}), subset.clone()),
            (vec!["a"], false, json!({"policies": ["b"]}), subset),
            (vec!["a"], true, json!({"policies": ["b"]}), ok(&["b", "default"])),
            (vec!["a"], true, json!({"policies": [" Root"]}), root.clone()),
            (vec!["a"], false, json!({"policies": ["root", "a"]}), root),
            (vec!["root"], true, json!({}), ok(&["root"])),
            (vec!["root"], true, json!({"policies": ["a", "root"]}), ok(&["root"])),
            (vec!["root"], true, json!({"policies": ["nope"]}), ok(&["default", "nope"])),
            (vec!["root"], true, json!({"policies": null}), ok(&["root"])),
            (vec!["root"], true, json!({"policies": [""]}), ok(&["default"])),
            (vec!["root"], true, json!({"policies": " , "}), ok(&["default"])),
            (vec!["root"], true, json!({"policies": [], "no_default_policy": true}), ok(&[])),
            (vec!["a"], false, json!({"policies": [" "]}), ok(&[])),
        ] {
            let serde_json::Value::Object(data) = &request else { panic!("an object") };
            let got = policies(Fields(data), &caller(&parent), sudo, None).map_err(|error| error.to_string());
            assert_eq!(got, expected, "{parent:?} {request}");
        }
    }

    #[test]
    fn display_names_are_made_plain() {
        for (given, expected) in [("", "token"), ("a b/c", "token-a-b-c"), ("ci-1", "token-ci-1")] {
            let serde_json::Value::Object(data) = json!({ "display_name": given }) else { panic!("an object") };
            assert_eq!(display_name(Fields(&data)).unwrap(), expected);
        }
    }
}
