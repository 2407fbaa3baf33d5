//! Texts that their author means as policy variables and IAM takes literally, or the other way round.
//!
//! Source: IAM User Guide, "IAM policy elements: Variables and tags": a variable is `${key}`, and nothing else is.

use super::Checker;
use crate::iam::catalogue::Catalogue;
use crate::iam::pattern::{Place, places};

/// How other languages write what is replaced, up to the name; nobody means these literally.
const OPENINGS: &[&str] = &["{{", "&{", "%{", "#{", "@{", "$(", "$["];

/// What may stand before a name that is meant as a variable, where the name is that of a key.
const MARKS: &[char] = &['$', '{', '<', '[', '(', '%'];

impl<S: Clone> Checker<S> {
    /// Warns of what looks like a variable and is none, and of variables whose key AWS does not have.
    pub(super) fn spelling(&mut self, span: &S, text: &str) {
        let (keys, literal) = variables(text);
        for key in keys {
            let raw = key.split_once(',').map_or(key, |(name, _)| name);
            let name = raw.trim();
            // Escapes, and what has been told as no variable at all.
            let told = name.contains(char::is_whitespace) || name.contains(['$', '{', '*', '?', '\'']);
            if matches!(name, "*" | "?" | "$" | "") || told {
                continue;
            }
            if raw != name {
                let what = format!("`${{{key}}}` has a blank around its name: AWS does not say what it stands for");
                self.warn("UNSUPPORTED_SPACE_IN_VARIABLE", span, what, Some(format!("write ${{{name}}}")));
            }
            let shaped = name
                .split_once(':')
                .is_some_and(|(service, key)| !service.is_empty() && !key.is_empty() && !key.starts_with(':'));
            if shaped {
                self.known_key(span, name);
                continue;
            }
            let what = format!("`${{{key}}}` is no policy variable of IAM's: nothing ever stands for it");
            self.warn("INVALID_VARIABLE_NAME", span, what, Some(instead(name)));
        }
        if let Some((written, key)) = meant(&literal) {
            let what = format!("`{text}` has `{written}`, which IAM takes literally: it is no policy variable");
            let example = key.unwrap_or("aws:username");
            let hint = Some(format!("a variable is written ${{key}}, as in ${{{example}}}"));
            self.warn("VARIABLE_TAKEN_LITERALLY", span, what, hint);
        }
        for (before, hint) in [("$", "write `${`, or `${$}` for the character"), ("\\", "write `${` alone")] {
            if text.contains(&format!("{before}${{")) {
                let what = format!("`{text}` has a `{before}` before a variable, which IAM takes literally");
                self.warn("VARIABLE_TAKEN_LITERALLY", span, what, Some(hint.to_owned()));
            }
        }
    }
}

/// What to write for the name of a variable that has another form than IAM's.
fn instead(name: &str) -> String {
    match name {
        "AWS::AccountId" => {
            "write the account's id, or ${aws:PrincipalAccount} behind the fifth colon of an ARN".to_owned()
        }
        "AWS::Region" => "write the region, or ${aws:RequestedRegion} behind the fifth colon of an ARN".to_owned(),
        "AWS::Partition" => "write the partition: aws, aws-cn or aws-us-gov".to_owned(),
        _ => {
            let near = name.replacen(['.', '/', '_'], ":", 1);
            let example = if near.to_ascii_lowercase().starts_with("aws:") { near.as_str() } else { "aws:username" };
            format!("a variable is named SERVICE:KEY, as in ${{{example}}}")
        }
    }
}

/// A text that is meant as a variable, with the key that it names if it names one.
fn meant(literal: &str) -> Option<(&str, Option<&str>)> {
    let name_at = |at: usize| {
        let rest = literal.get(at..).unwrap_or_default();
        let rest = rest.trim_start_matches(|c: char| MARKS.contains(&c) || matches!(c, '&' | '#' | '@' | ' '));
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, ':' | '/' | '.' | '-' | '_'));
        let name = &rest[..end.unwrap_or(rest.len())];
        // Behind a `/` stands the name of a tag, or the rest of a path.
        let name = match name.split_once('/') {
            Some((key, tag)) if tag.is_empty() || !key.to_ascii_lowercase().ends_with("tag") => key,
            _ => name,
        };
        let name = name.trim_end_matches(['/', '.', '-', '_']);
        is_key(name).then_some(name)
    };
    let opened = OPENINGS.iter().find_map(|opening| Some((*opening, literal.find(opening)?)));
    if let Some((opening, at)) = opened {
        return Some((opening, name_at(at)));
    }
    let marks = literal.char_indices().filter(|(_, c)| MARKS.contains(c));
    marks
        .filter_map(|(at, mark)| {
            let inside = literal.get(at + mark.len_utf8()..)?;
            let name = name_at(at)?;
            // Nothing stands between the mark and the name.
            let written = literal.get(at..at + mark.len_utf8() + name.len())?;
            inside.starts_with(name).then_some((written, Some(name)))
        })
        .next()
}

/// Whether a text is the name of a condition key: of all services, of one that there is, or of SAML.
fn is_key(text: &str) -> bool {
    let Some((service, name)) = text.split_once(':') else { return false };
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.contains(':');
    let service = service.to_ascii_lowercase();
    named && (matches!(service.as_str(), "aws" | "saml") || Catalogue::current().has_service(&service))
}

/// What stands inside `${...}`, and the text without these.
fn variables(text: &str) -> (Vec<&str>, String) {
    let (mut keys, mut literal, mut from) = (Vec::new(), String::new(), 0);
    for Place { at, inside } in places(text) {
        literal.push_str(&text[from..at]);
        // One that is not closed has been told.
        let Some(key) = inside else { return (keys, literal) };
        keys.push(key);
        from = at + key.len() + 3;
    }
    literal.push_str(&text[from..]);
    (keys, literal)
}

#[cfg(test)]
mod tests {
    use crate::iam::document::check_resource;

    #[test]
    fn what_people_mean_as_variables_is_told() {
        for text in [
            "$aws:username",
            "{aws:username}",
            "${aws.username}",
            "$(aws:username)",
            "{{aws:username}}",
            "%{aws:username}",
            "<aws:username>",
            "${AWS::AccountId}",
            "&{aws:username}",
            "$${aws:username}",
            "${aws:usrname}",
            "${aws:username",
            "${ aws:username }",
        ] {
            let found = check_resource(&format!("arn:aws:s3:::b/{text}/*"));
            assert!(!found.is_empty() && found.iter().all(|finding| !finding.fatal), "{text}: {found:?}");
        }
        for text in ["${aws:username}", "${aws:PrincipalTag/team, 'none'}", "a$b", "${*}", "${saml:sub}", "x{y}"] {
            assert_eq!(check_resource(&format!("arn:aws:s3:::b/{text}/*")), [], "{text}");
        }
    }
}
