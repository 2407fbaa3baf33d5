//! What a lease holds of its credential: the value of the credential's type, and which type that is.
//!
//! A lease of the one type that there was first holds its value as it is; all others hold
//! `{"credential_type": …, "made": …}`.

use serde_json::{Value, json};

use super::craft::{Craft, CredentialType};
use super::table::{self, UNNAMED};

const TYPE: &str = "credential_type";
const MADE: &str = "made";

/// The value of a lease.
pub(super) fn close(of: &CredentialType, made: Value) -> Value {
    if of.name == UNNAMED.name { made } else { json!({ TYPE: of.name, MADE: made }) }
}

/// How what a lease holds was made, and the type's own value.
///
/// # Errors
/// The name of a type that this engine does not issue.
pub(super) fn open(value: &Value) -> Result<(&'static dyn Craft, &Value), String> {
    let craft = craft(value)?;
    Ok((craft, value.get(TYPE).and_then(|_| value.get(MADE)).unwrap_or(value)))
}

/// The same, for what ends it to note what it saw.
///
/// # Errors
/// As those of [`open`].
pub(super) fn open_mut(value: &mut Value) -> Result<(&'static dyn Craft, &mut Value), String> {
    let craft = craft(value)?;
    let is_named = value.get(TYPE).is_some() && value.get(MADE).is_some();
    Ok((craft, if is_named { &mut value[MADE] } else { value }))
}

fn craft(value: &Value) -> Result<&'static dyn Craft, String> {
    let name = value.get(TYPE).and_then(Value::as_str).unwrap_or(UNNAMED.name);
    let craft = table::of(name).and_then(|one| one.craft);
    craft.ok_or_else(|| format!("a lease holds a credential of the type {name:?}, which this engine does not know"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{close, open, open_mut};
    use crate::engine::backend::aws::credential::table::{UNNAMED, all};

    #[test]
    fn what_a_type_stores_is_what_it_reads() {
        for one in all().filter(|one| one.craft.is_some()) {
            let mut stored = close(one, json!({ "name": "x" }));
            assert_eq!(open(&stored).map(|(_, made)| made.clone()), Ok(json!({ "name": "x" })), "{}", one.name);
            if let Ok((_, made)) = open_mut(&mut stored) {
                made["name"] = json!("y");
            }
            assert_eq!(stored, close(one, json!({ "name": "y" })), "{}", one.name);
        }
    }

    #[test]
    fn a_lease_that_names_no_type_is_as_it_always_was() {
        assert_eq!(close(UNNAMED, json!({ "name": "x" })), json!({ "name": "x" }));
        for (value, known) in [(json!({ "name": "x" }), true), (json!({ "credential_type": "foo", "made": 1 }), false)]
        {
            assert_eq!(open(&value).is_ok(), known, "{value}");
        }
        assert_eq!(open(&Value::Null).map(|(_, made)| made.clone()), Ok(Value::Null));
    }
}
