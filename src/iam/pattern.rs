//! Patterns of the policy language: text with `*`, `?` and policy variables.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Resource" and "Policy elements: Variables and tags".

/// A pattern, as a sequence of parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// The text as its author wrote it.
    pub text: String,
    /// Its parts, in order.
    pub parts: Vec<Part>,
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// These characters, literally.
    Literal(String),
    /// `*`: any characters, also none.
    Any,
    /// `?`: one character.
    One,
    /// `${key}` or `${key, 'default'}`: the value of a context key, literally.
    Variable {
        /// The key, in lower case.
        key: String,
        /// What stands for it when the request does not have it.
        default: Option<String>,
    },
}

/// What a pattern's special characters mean where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syntax {
    /// Whether `*` and `?` are wildcards.
    pub wildcards: bool,
    /// Whether `${...}` is a policy variable: not in the language of 2008, and not everywhere.
    pub variables: bool,
}

impl Pattern {
    /// Reads a text as a pattern. `${*}`, `${?}` and `${$}` are the characters themselves; a `${` without its
    /// `}` is literal.
    pub fn new(text: &str, syntax: Syntax) -> Self {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let special = match c {
                '*' if syntax.wildcards => Some((Part::Any, 1)),
                '?' if syntax.wildcards => Some((Part::One, 1)),
                '$' if syntax.variables => variable(rest),
                _ => None,
            };
            let length = match special {
                Some((Part::Literal(escaped), length)) => {
                    literal.push_str(&escaped);
                    length
                }
                // Two `*` in a row say what one says.
                Some((Part::Any, length)) if literal.is_empty() && parts.last() == Some(&Part::Any) => length,
                Some((part, length)) => {
                    if !literal.is_empty() {
                        parts.push(Part::Literal(std::mem::take(&mut literal)));
                    }
                    parts.push(part);
                    length
                }
                None => {
                    literal.push(c);
                    c.len_utf8()
                }
            };
            rest = rest.get(length..).unwrap_or_default();
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Self { text: text.to_owned(), parts }
    }

    /// Whether it holds a policy variable.
    pub fn has_variable(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Variable { .. }))
    }

    /// The only text that it matches, if it has neither wildcards nor variables.
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }
}

/// The variable or escape at the start of a text, and its length in bytes.
fn variable(text: &str) -> Option<(Part, usize)> {
    let inner = text.strip_prefix("${")?;
    let end = inner.find('}')?;
    let (inside, length) = (&inner[..end], end + 3);
    if matches!(inside, "*" | "?" | "$") {
        return Some((Part::Literal(inside.to_owned()), length));
    }
    let (key, default) = match inside.split_once(',') {
        Some((key, default)) => (key, Some(default.trim().trim_matches('\'').to_owned())),
        None => (inside, None),
    };
    Some((Part::Variable { key: key.trim().to_ascii_lowercase(), default }, length))
}

#[cfg(test)]
mod tests {
    use super::{Part, Pattern, Syntax};

    const ALL: Syntax = Syntax { wildcards: true, variables: true };

    #[test]
    fn texts_become_parts() {
        let literal = |text: &str| Part::Literal(text.to_owned());
        let variable = |key: &str, default: Option<&str>| Part::Variable {
            key: key.to_owned(),
            default: default.map(str::to_owned),
        };
        for (text, parts) in [
            ("", vec![]),
            ("a*b?", vec![literal("a"), Part::Any, literal("b"), Part::One]),
            ("**", vec![Part::Any]),
            ("a${*}b", vec![literal("a*b")]),
            ("${$}{x}", vec![literal("${x}")]),
            ("h/${aws:UserName}/*", vec![literal("h/"), variable("aws:username", None), literal("/"), Part::Any]),
            ("${aws:x, 'none'}", vec![variable("aws:x", Some("none"))]),
            ("${open", vec![literal("${open")]),
            ("*${*}*", vec![Part::Any, literal("*"), Part::Any]),
        ] {
            assert_eq!(Pattern::new(text, ALL).parts, parts, "{text}");
        }
    }

    #[test]
    fn where_nothing_is_special_everything_is_literal() {
        let none = Syntax { wildcards: false, variables: false };
        assert_eq!(Pattern::new("a*${b}?", none).literal(), Some("a*${b}?"));
    }
}
