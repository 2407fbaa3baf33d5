//! The claims of a JWT role: the provider takes a text with commas for several values.

use serde_json::Value;

use super::resource::Resource;

/// What an engine would answer of them. Source: provider documentation, "jwt_auth_backend_role: bound_claims", and the
/// field `disable_bound_claims_parsing`, by which a text is one value.
pub(super) fn of(resource: &Resource, claims: &Value) -> Result<Value, String> {
    let Value::Object(claims) = claims else { return Err("it is no map".to_owned()) };
    let is_whole = resource.value("disable_bound_claims_parsing") == Some(&Value::Bool(true));
    let one = |value: &Value| match value {
        Value::String(text) if !is_whole && text.contains(',') => text.split(',').map(str::trim).collect(),
        other => other.clone(),
    };
    Ok(Value::Object(claims.iter().map(|(name, value)| (name.clone(), one(value))).collect()))
}
