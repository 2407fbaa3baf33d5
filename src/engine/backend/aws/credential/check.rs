//! What is wrong with a role: with its type, with the fields that only some types take, and with their values. Vault's
//! checks, in its order and with its texts.

use super::craft::CredentialType;
use super::table;
use crate::engine::backend::aws::policy_text::go_quote;
use crate::engine::backend::aws::role::Role;
use crate::engine::wire::error::Error;

/// The pattern of `user_path`, as its error text shows it.
const USER_PATH_PATTERN: &str = r"^\/([\x21-\x7F]{0,510}\/)?$";

/// A field of a role that not every type takes.
struct Field {
    name: &'static str,
    /// Whether the role has it.
    is_given: fn(&Role) -> bool,
    /// How a role of another type is refused, as the field's name and the types that take it are.
    refusal: fn(&str, &str) -> String,
    /// What is wrong with its value, whatever the type.
    check: fn(&Role) -> Result<(), Wrong>,
}

/// What is wrong with a value.
enum Wrong {
    /// Told with all else.
    Too(String),
    /// Told instead of all else.
    Alone(String),
}

const FIELDS: &[Field] = &[
    Field { name: "default_sts_ttl", is_given: |role| role.default_sts_ttl != 0, refusal: only_for, check: |_| Ok(()) },
    Field {
        name: "max_sts_ttl",
        is_given: |role| role.max_sts_ttl != 0,
        refusal: only_for,
        check: |role| match role.max_sts_ttl > 0 && role.default_sts_ttl > role.max_sts_ttl {
            true => Err(Wrong::Too(
                r#""default_sts_ttl" value must be less than or equal to "max_sts_ttl" value"#.to_owned(),
            )),
            false => Ok(()),
        },
    },
    Field {
        name: "user_path",
        is_given: |role| !role.user_path.is_empty(),
        refusal: only_for_one,
        check: |role| match role.user_path.is_empty() || is_user_path(&role.user_path) {
            true => Ok(()),
            false => Err(Wrong::Too(format!(
                "The specified value for user_path is invalid. It must match {USER_PATH_PATTERN:?} regexp"
            ))),
        },
    },
    Field {
        name: "permissions_boundary_arn",
        is_given: |role| !role.permissions_boundary_arn.is_empty(),
        refusal: cannot_supply,
        check: |role| match role.permissions_boundary_arn.as_str() {
            "" => Ok(()),
            arn => check_boundary(arn)
                .map_err(|detail| Wrong::Alone(format!("invalid permissions_boundary_arn parameter: {detail}"))),
        },
    },
    Field {
        name: "role_arns",
        is_given: |role| role.role_arns.as_ref().is_some_and(|arns| !arns.is_empty()),
        refusal: cannot_supply,
        check: |_| Ok(()),
    },
    Field {
        name: "session_tags",
        is_given: |role| role.session_tags.as_ref().is_some_and(|tags| !tags.is_empty()),
        refusal: cannot_supply,
        check: |_| Ok(()),
    },
    Field {
        name: "external_id",
        is_given: |role| !role.external_id.is_empty(),
        refusal: cannot_supply,
        check: |_| Ok(()),
    },
    Field {
        name: "mfa_serial_number",
        is_given: |role| !role.mfa_serial_number.is_empty(),
        refusal: cannot_supply,
        check: |_| Ok(()),
    },
];

fn only_for(field: &str, types: &str) -> String {
    format!("{field} parameter only valid for {types} credential types")
}

fn only_for_one(field: &str, types: &str) -> String {
    format!("{field} parameter only valid for {types} credential type")
}

fn cannot_supply(field: &str, types: &str) -> String {
    format!("cannot supply {field} when credential_type isn't {types}")
}

impl Field {
    /// The types that take it, as texts name them.
    fn types(&self) -> String {
        let takes: Vec<&str> = table::told().filter(|one| self.is_of(one)).map(|one| one.name).collect();
        match takes.as_slice() {
            [first, rest @ .., last] if !rest.is_empty() => format!("{first}, {}, and {last}", rest.join(", ")),
            _ => takes.join(" and "),
        }
    }

    fn is_of(&self, one: &CredentialType) -> bool {
        one.fields.contains(&self.name)
    }
}

/// Refuses a role with which anything is wrong, and then one of a type that is not issued: only what can be is stored.
///
/// # Errors
/// [`Error::Invalid`] with all that is wrong, in Vault's words.
pub(in crate::engine::backend::aws) fn role(role: &Role) -> Result<(), Error> {
    let problems = problems(role);
    if !problems.is_empty() {
        let plural = if problems.len() == 1 { "error" } else { "errors" };
        let list: String = problems.iter().map(|problem| format!("\t* {problem}\n")).collect();
        let text = go_quote(&format!("{} {plural} occurred:\n{list}\n", problems.len()));
        return Err(Error::Invalid(format!("error(s) validating supplied role data: {text}")));
    }
    table::issued(&role.credential_type).map(drop)
}

/// What is wrong with a role, each with a sentence.
fn problems(role: &Role) -> Vec<String> {
    let found = table::of(&role.credential_type);
    let mut problems = match (role.credential_type.as_str(), found) {
        ("", _) => vec!["did not supply credential_type".to_owned()],
        (other, None) => vec![format!("unrecognized credential type: {other}")],
        (_, Some(_)) => Vec::new(),
    };
    for field in FIELDS {
        if (field.is_given)(role) && !found.is_some_and(|one| field.is_of(one)) {
            problems.push((field.refusal)(field.name, &field.types()));
        }
        match (field.check)(role) {
            Ok(()) => {}
            Err(Wrong::Too(text)) => problems.push(text),
            Err(Wrong::Alone(text)) => return vec![text],
        }
    }
    problems.extend(found.into_iter().flat_map(|one| (one.problems)(role)));
    problems
}

fn is_user_path(path: &str) -> bool {
    const INNER_MAX: usize = 510;
    match path.strip_prefix('/') {
        Some("") => true,
        Some(rest) => rest
            .strip_suffix('/')
            .is_some_and(|inner| inner.len() <= INNER_MAX && inner.bytes().all(|byte| (0x21..=0x7f).contains(&byte))),
        None => false,
    }
}

fn check_boundary(arn: &str) -> Result<(), String> {
    if !arn.starts_with("arn:") {
        return Err("arn: invalid prefix".to_owned());
    }
    let sections: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, _, service, _, _, resource] = sections[..] else {
        return Err("arn: not enough sections".to_owned());
    };
    if service != "iam" {
        return Err(format!("expected a service of iam but got {service}"));
    }
    if !resource.starts_with("policy/") {
        return Err(format!("expected a resource type of policy but got {resource}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::FIELDS;
    use crate::engine::backend::aws::credential::table;

    #[test]
    fn types_take_fields_that_there_are_and_each_is_taken() {
        let known = |name: &str| FIELDS.iter().any(|field| field.name == name);
        for one in table::all() {
            assert!(one.fields.iter().all(|name| known(name)), "{}: {:?}", one.name, one.fields);
        }
        for field in FIELDS {
            assert!(table::told().any(|one| field.is_of(one)), "{} is nobody's", field.name);
        }
        for (index, one) in table::all().enumerate() {
            assert!(!table::all().skip(index + 1).any(|other| other.name == one.name), "{} twice", one.name);
        }
    }
}
