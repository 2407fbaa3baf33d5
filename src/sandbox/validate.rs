//! The rules that IAM has for names, paths and tags.
//!
//! # Source
//! IAM API reference (parameter patterns) and "IAM and AWS STS quotas".

use super::error::Refusal;
use super::params::Params;
use super::state::Tag;
use crate::text::tag;

/// Tags on one resource.
const TAGS_MAX: usize = 50;

/// A user, group or policy name, `[\w+=,.@-]{1,max}`.
pub(super) fn name<'a>(params: &'a Params, parameter: &str, max: usize) -> Result<&'a str, Refusal> {
    let value = params.need(parameter)?;
    check_name(parameter, value, max).map(|()| value)
}

/// Checks a name that is at hand.
pub(super) fn check_name(parameter: &str, value: &str, max: usize) -> Result<(), Refusal> {
    let parameter = lower_first(parameter);
    if value.is_empty() {
        return Err(Refusal::constraint(&parameter, value, "Member must have length greater than or equal to 1"));
    }
    if value.chars().count() > max {
        let constraint = format!("Member must have length less than or equal to {max}");
        return Err(Refusal::constraint(&parameter, value, &constraint));
    }
    if !value.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) {
        return Err(Refusal::validation(format!(
            "The specified value for {parameter} is invalid. It must contain only alphanumeric characters and/or the \
             following: +=,.@_-"
        )));
    }
    Ok(())
}

/// The `Path` of a new entity; `/` when it is not given.
pub(super) fn path(params: &Params) -> Result<String, Refusal> {
    let Some(path) = params.get("Path") else { return Ok("/".to_owned()) };
    check_path(path)?;
    Ok(path.to_owned())
}

/// Checks a path: begins and ends with `/`, printable ASCII, at most 512 characters.
pub(super) fn check_path(path: &str) -> Result<(), Refusal> {
    let fits = path == "/" || (path.len() > 2 && path.starts_with('/') && path.ends_with('/') && !path.contains("//"));
    if !fits || path.len() > 512 || !path.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
        return Err(Refusal::validation(
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
             characters and/or / characters.",
        ));
    }
    Ok(())
}

/// The tags of a request.
pub(super) fn tags(params: &Params) -> Result<Vec<Tag>, Refusal> {
    let keys = params.members("Tags", Some("Key"));
    let tags: Result<Vec<Tag>, Refusal> = keys
        .into_iter()
        .enumerate()
        .map(|(index, key)| {
            let value = params.need(&format!("Tags.member.{}.Value", index + 1))?;
            check_tag(index + 1, key, value)?;
            Ok(Tag { key: key.to_owned(), value: value.to_owned() })
        })
        .collect();
    let tags = tags?;
    for (index, tag) in tags.iter().enumerate() {
        if tags[..index].iter().any(|before| before.key.eq_ignore_ascii_case(&tag.key)) {
            return Err(Refusal::invalid_input(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
    }
    within_limit(&tags)?;
    Ok(tags)
}

/// Merges new tags over old ones, as TagUser does.
pub(super) fn merge_tags(tags: &mut Vec<Tag>, new: Vec<Tag>) -> Result<(), Refusal> {
    let mut merged = tags.clone();
    merged.retain(|old| !new.iter().any(|new| new.key.eq_ignore_ascii_case(&old.key)));
    merged.extend(new);
    within_limit(&merged)?;
    *tags = merged;
    Ok(())
}

fn within_limit(tags: &[Tag]) -> Result<(), Refusal> {
    if tags.len() > TAGS_MAX {
        return Err(Refusal::limit(format!("The number of tags has reached the maximum limit of {TAGS_MAX}.")));
    }
    Ok(())
}

fn check_tag(index: usize, key: &str, value: &str) -> Result<(), Refusal> {
    // [\p{L}\p{Z}\p{N}_.:/=+\-@]
    let at = |field: &str| format!("tags.{index}.member.{field}");
    if key.is_empty() || key.chars().count() > 128 {
        let constraint = "Member must have length between 1 and 128";
        return Err(Refusal::constraint(&at("key"), key, constraint));
    }
    if value.chars().count() > 256 {
        return Err(Refusal::constraint(&at("value"), value, "Member must have length less than or equal to 256"));
    }
    for (field, text) in [("key", key), ("value", value)] {
        if !text.chars().all(tag::takes) {
            let constraint = "Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*";
            return Err(Refusal::constraint(&at(field), text, constraint));
        }
    }
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Err(Refusal::invalid_input("Tag keys beginning with aws: are reserved for system use."));
    }
    Ok(())
}

fn lower_first(parameter: &str) -> String {
    let mut chars = parameter.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::{check_name, check_path, tags};
    use crate::sandbox::params::Params;

    #[test]
    fn names_follow_iams_pattern() {
        for (name, fits) in [
            ("vault-root-webapp-1700000000-Ab_+=,.@-", true),
            (&"x".repeat(64), true),
            (&"x".repeat(65), false),
            ("", false),
            ("a b", false),
            ("a/b", false),
            ("é", false),
        ] {
            assert_eq!(check_name("UserName", name, 64).is_ok(), fits, "{name}");
        }
    }

    #[test]
    fn paths_begin_and_end_with_a_slash() {
        for (path, fits) in [
            ("/", true),
            ("/a/", true),
            ("/a/b-c/", true),
            ("a/", false),
            ("/a", false),
            ("//", false),
            ("/a b/", false),
        ] {
            assert_eq!(check_path(path).is_ok(), fits, "{path}");
        }
    }

    #[test]
    fn tags_are_checked() {
        let check = |form: &str| tags(&Params::parse(form).unwrap());
        assert_eq!(check("Tags.member.1.Key=leasehold:app&Tags.member.1.Value=").unwrap().len(), 1);
        assert!(check("Tags.member.1.Key=k").is_err());
        assert!(check("Tags.member.1.Key=aws:x&Tags.member.1.Value=v").is_err());
        assert!(check("Tags.member.1.Key=k;&Tags.member.1.Value=v").is_err());
        let twice = "Tags.member.1.Key=k&Tags.member.1.Value=v&Tags.member.2.Key=K&Tags.member.2.Value=v";
        assert_eq!(check(twice).unwrap_err().code, "InvalidInput");
        let many: String = (1..=51).map(|n| format!("Tags.member.{n}.Key=k{n}&Tags.member.{n}.Value=v&")).collect();
        assert_eq!(check(&many).unwrap_err().code, "LimitExceeded");
    }
}
