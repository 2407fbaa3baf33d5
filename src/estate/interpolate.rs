//! `${var.x}` and `${env.name}`, the only things that are replaced in texts; `$${` is a plain `${`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::problem::Draft;
use super::span::Span;
use super::tree::{Content, Map, Node};
use crate::iam::json::{Content as JsonContent, Json};
use crate::text::did_you_mean;

/// What texts may name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables {
    /// The environment's name; `None` when there is none to ask, and every reference counts as known.
    pub(crate) environment: Option<String>,
    /// Its `var` block.
    pub(crate) vars: BTreeMap<String, String>,
    /// Variables that are there and whose value is no good, which has been told.
    pub(crate) broken: BTreeSet<String>,
}

/// What came of replacing.
#[derive(Debug, Default)]
pub(crate) struct Replaced {
    /// What is wrong.
    pub(crate) problems: Vec<Draft>,
    /// Texts with a part that is not known. What else seems wrong with them follows from that.
    pub(crate) unknown: HashSet<Span>,
}

impl Replaced {
    fn wrong(&mut self, span: Span, (what, hint): (String, Option<String>)) {
        self.unknown.insert(span);
        self.problems.push(Draft::error(span, what).hint_if(hint));
    }
}

impl Variables {
    /// Whether a text names what is not known though nothing is wrong with the text.
    fn is_unknown(&self, text: &str) -> bool {
        text.split("${").skip(1).any(|rest| {
            let name = rest.split('}').next().unwrap_or_default().trim();
            match self.environment {
                None => name.starts_with("var.") || name == "env.name",
                Some(_) => name.strip_prefix("var.").is_some_and(|name| self.broken.contains(name)),
            }
        })
    }

    fn get(&self, name: &str) -> Result<Cow<'_, str>, (String, Option<String>)> {
        let Some(environment) = &self.environment else { return Ok(Cow::Borrowed("x")) };
        if name == "env.name" {
            return Ok(Cow::Borrowed(environment));
        }
        if let Some(var) = name.strip_prefix("var.") {
            return self.vars.get(var).map(|value| Cow::Borrowed(value.as_str())).ok_or_else(|| {
                let known = self.vars.keys().map(String::as_str);
                let hint = did_you_mean(var, known)
                    .unwrap_or_else(|| format!("set it: environment \"{environment}\" {{ var {{ {var} = ... }} }}"));
                (format!("the environment `{environment}` has no variable `{var}`"), Some(hint))
            });
        }
        let hint = if name.contains(':') {
            format!("an IAM policy variable is written $${{{name}}} here")
        } else {
            "only ${var.NAME} and ${env.name} are replaced; a plain `${` is written `$${`".to_owned()
        };
        Err((format!("`${{{name}}}` is not known"), Some(hint)))
    }

    /// The text with everything replaced.
    fn replace(&self, text: &str) -> Result<String, (String, Option<String>)> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if rest[..at].ends_with('$') {
                out.push_str(&rest[..at - 1]);
                out.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            out.push_str(&rest[..at]);
            let Some(end) = rest[at..].find('}') else {
                return Err(("this `${` has no `}`".to_owned(), Some("a plain `${` is written `$${`".to_owned())));
            };
            out.push_str(&self.get(rest[at + 2..at + end].trim())?);
            rest = &rest[at + end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Replaces in every text of a map, in place.
    pub(crate) fn apply(&self, map: &mut Map, came: &mut Replaced) {
        for (key, entry) in map {
            if key.contains("${var.") || key.contains("${env.") {
                came.problems.push(in_key(entry.key_span));
            }
            self.apply_node(&mut entry.value, came);
        }
    }

    fn apply_node(&self, node: &mut Node, came: &mut Replaced) {
        match &mut node.content {
            Content::Text(text) if text.contains("${") => {
                if self.is_unknown(text) {
                    came.unknown.insert(node.span);
                }
                match self.replace(text) {
                    Ok(replaced) => *text = replaced,
                    Err(wrong) => came.wrong(node.span, wrong),
                }
            }
            Content::List(items) => items.iter_mut().for_each(|item| self.apply_node(item, came)),
            Content::Map(map) => self.apply(map, came),
            _ => {}
        }
    }

    /// Replaces in the strings of a policy document that stands in a file of its own. There `${aws:username}`
    /// and its like belong to IAM and stay; only the two forms that can't be IAM's are replaced, and `$${` is a `${` as
    /// everywhere.
    pub(crate) fn apply_json(&self, json: &mut Json<Span>, came: &mut Replaced) {
        match &mut json.content {
            JsonContent::Text(text) if ["${var.", "${env.", "$${"].iter().any(|one| text.contains(one)) => {
                if self.is_unknown(text) {
                    came.unknown.insert(json.span);
                }
                let mut out = String::with_capacity(text.len());
                let mut rest = text.as_str();
                while let Some(at) = rest.find("${") {
                    if rest[..at].ends_with('$') {
                        out.push_str(&rest[..at - 1]);
                        out.push_str("${");
                        rest = &rest[at + 2..];
                        continue;
                    }
                    out.push_str(&rest[..at]);
                    let end = rest[at..].find('}').map(|end| at + end);
                    match end.map(|end| (&rest[at + 2..end], end)) {
                        Some((name, end)) if name.starts_with("var.") || name.starts_with("env.") => {
                            match self.get(name) {
                                Ok(value) => out.push_str(&value),
                                Err(wrong) => came.wrong(json.span, wrong),
                            }
                            rest = &rest[end + 1..];
                        }
                        _ => {
                            out.push_str("${");
                            rest = &rest[at + 2..];
                        }
                    }
                }
                out.push_str(rest);
                *text = out;
            }
            JsonContent::List(items) => items.iter_mut().for_each(|item| self.apply_json(item, came)),
            JsonContent::Map(members) => {
                for member in members {
                    if member.key.contains("${var.") || member.key.contains("${env.") {
                        came.problems.push(in_key(member.key_span));
                    }
                    self.apply_json(&mut member.value, came);
                }
            }
            _ => {}
        }
    }
}

fn in_key(span: Span) -> Draft {
    Draft::error(span, "nothing is replaced in keys and labels").hint("write the name out")
}

#[cfg(test)]
mod tests {
    use super::Variables;

    fn variables() -> Variables {
        Variables {
            environment: Some("prod".to_owned()),
            vars: [("account".to_owned(), "111122223333".to_owned())].into(),
            ..Variables::default()
        }
    }

    #[test]
    fn references_are_replaced_and_escapes_are_taken_off() {
        for (text, replaced) in [
            ("plain", "plain"),
            ("arn:aws:iam::${var.account}:role/${env.name}", "arn:aws:iam::111122223333:role/prod"),
            ("${ var.account }", "111122223333"),
            ("$${aws:username}/${env.name}", "${aws:username}/prod"),
            ("cost $5 {}", "cost $5 {}"),
        ] {
            assert_eq!(variables().replace(text).as_deref(), Ok(replaced), "{text}");
        }
    }

    #[test]
    fn unknown_references_are_told_with_a_way_out() {
        for (text, hint) in [
            ("${var.acount}", "did you mean `account`?"),
            ("${var.region}", "set it: environment \"prod\" { var { region = ... } }"),
            ("${aws:username}", "an IAM policy variable is written $${aws:username} here"),
            ("${upper(x)}", "only ${var.NAME} and ${env.name} are replaced; a plain `${` is written `$${`"),
            ("${var.account", "a plain `${` is written `$${`"),
        ] {
            assert_eq!(variables().replace(text).expect_err(text).1.as_deref(), Some(hint));
        }
    }
}
