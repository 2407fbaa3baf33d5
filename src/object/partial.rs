//! An object that is made by several calls, of which only some have arrived. Pure.

use super::fingerprint;
use super::kind::object::Object;

/// The digests of what is there when only the first calls that make an object have arrived, whichever is the last of them.
///
/// No kind says which of its fields go with which call: a field goes with a later one if the first are the same without it.
pub fn partial(object: &Object) -> Vec<String> {
    let calls = (object.kind.write)(object, None);
    let mut digests: Vec<String> = (1..calls.len())
        .map(|first| {
            let mut part = object.clone();
            for name in object.fields.keys() {
                let mut without = object.clone();
                without.fields.remove(name);
                if (object.kind.write)(&without, None).get(..first) == calls.get(..first) {
                    part.fields.remove(name);
                }
            }
            fingerprint::of(&part)
        })
        .collect();
    digests.dedup();
    digests
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::partial;
    use crate::object::testing::object;
    use crate::object::{acl_policy, auth_mount, fingerprint};

    #[test]
    fn what_the_first_of_several_calls_makes_lacks_what_goes_with_the_others() {
        let method = |more: &[(&'static str, Value)]| {
            let fields: Vec<_> = [("type", json!("approle"))].into_iter().chain(more.iter().cloned()).collect();
            object(&auth_mount::KIND, "sys/auth/apps", &fields)
        };
        let whole = method(&[("description", json!("d")), ("token_type", json!("service"))]);
        let made = partial(&whole);
        assert!(!made.contains(&fingerprint::of(&whole)));
        assert_eq!(made.last(), Some(&fingerprint::of(&method(&[("description", json!("d"))]))), "{made:?}");
        // What one call makes is there whole, or not at all.
        let policy = object(&acl_policy::KIND, "sys/policies/acl/p", &[("policy", json!("path \"a\" {}"))]);
        assert_eq!(partial(&policy), Vec::<String>::new());
    }
}
