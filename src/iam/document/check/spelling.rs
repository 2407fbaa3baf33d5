//! Texts that their author means as policy variables and IAM takes literally, or the other way round.
//!
//! Source: IAM User Guide, "IAM policy elements: Variables and tags": a variable is `${key}`, and nothing else is.

use super::Checker;

/// How other languages write what is replaced, up to the name.
const OPENINGS: &[&str] =
    &["{{", "&{", "%{", "#{", "@{", "$(", "$[", "$aws:", "{aws:", "<aws:", "[aws:", "(aws:", "%aws:"];

impl<S: Clone> Checker<S> {
    /// Warns of what looks like a variable and is none, and of variables whose key AWS does not have.
    pub(super) fn spelling(&mut self, span: &S, text: &str) {
        let (keys, literal) = variables(text);
        for key in keys {
            let raw = key.split_once(',').map_or(key, |(name, _)| name);
            let name = raw.trim();
            // Escapes, and what has been told as no variable at all.
            if matches!(name, "*" | "?" | "$" | "") || name.contains(char::is_whitespace) {
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
            self.warn(
                "INVALID_VARIABLE_NAME",
                span,
                what,
                Some("a variable is named SERVICE:KEY, as in ${aws:username}".to_owned()),
            );
        }
        if let Some(opening) = OPENINGS.iter().find(|opening| literal.contains(**opening)) {
            let what = format!("`{text}` has `{opening}`, which IAM takes literally: it is no policy variable");
            let hint = Some("a variable is written ${key}, as in ${aws:username}".to_owned());
            self.warn("VARIABLE_TAKEN_LITERALLY", span, what, hint);
        }
        if text.contains("$${") {
            let what = format!("`{text}` has a `$` before a variable, which IAM takes literally");
            self.warn(
                "VARIABLE_TAKEN_LITERALLY",
                span,
                what,
                Some("write `${`, or `${$}` for the character".to_owned()),
            );
        }
    }
}

/// What stands inside `${...}`, and the text without these.
fn variables(text: &str) -> (Vec<&str>, String) {
    let (mut keys, mut literal, mut rest) = (Vec::new(), String::new(), text);
    while let Some((before, inner)) = rest.split_once("${") {
        literal.push_str(before);
        let Some((key, after)) = inner.split_once('}') else { break };
        keys.push(key);
        rest = after;
    }
    literal.push_str(rest);
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
