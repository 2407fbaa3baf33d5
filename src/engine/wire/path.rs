//! The paths of a backend as a table: what is served where, by which operations, with which parameters, and what the
//! pipeline has to know of it before anybody acts. Routing, the warnings about unknown parameters, `sudo`, and the paths
//! that need no token read the same rows.
//!
//! A pattern is a path below the mount. `:name` is one segment, `*name` all that is left, or left before the segments
//! that follow it. A path that ends in a slash is a list's; a pattern means it only if it ends in `/` (lists alone) or
//! in `/?` (both), or if its `*name` takes the slash.

use super::request::Operation;

/// How much a path asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// A valid token whose policies allow the request.
    Guarded,
    /// The same, and a wrapping token, its own or one in its body: told before all else where it is none.
    Unwrapping,
    /// A token is looked at if one came; the handler decides what it shows.
    Ajar,
    /// No token: logins.
    Open,
    /// Answered before all else, without lines in the trail, and while sealed.
    Unaudited,
}

/// What a parameter may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One segment of the path, or a text: word characters at both ends, and these besides between.
    Word(&'static str),
    /// The same, read in any case: the path has it in lower case.
    LowerWord(&'static str),
    /// Any segment of the path.
    Segment,
    /// The rest of the path, as it is written.
    Rest,
    /// The rest of the path, or a text, read in any case: the path has it in lower case.
    LowerRest,
    /// A text.
    Text,
    /// A whole number.
    Int,
    /// True or false.
    Bool,
    /// A duration, in seconds or with units.
    Seconds,
    /// Texts: an array, or one text with commas.
    List,
    /// Names with texts.
    Pairs,
    /// A JSON object.
    Object,
    /// JSON objects, in an array.
    Objects,
}

impl Shape {
    fn admits(self, segment: &str) -> bool {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match self {
            Self::Word(also) | Self::LowerWord(also) => {
                segment.starts_with(word)
                    && segment.ends_with(word)
                    && segment.chars().all(|c| word(c) || also.contains(c))
            }
            _ => !segment.is_empty(),
        }
    }

    /// Whether a body has no such parameter.
    fn is_in_path_only(self) -> bool {
        matches!(self, Self::Segment | Self::Rest)
    }

    fn is_folded(self) -> bool {
        matches!(self, Self::LowerWord(_) | Self::LowerRest)
    }
}

/// One parameter, of the path or of the body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it may be.
    pub(crate) shape: Shape,
    /// What is taken where it is not given; empty where nothing is.
    pub(crate) default: &'static str,
    /// One line of help.
    pub(crate) about: &'static str,
}

/// A parameter without a default.
pub(crate) const fn takes(name: &'static str, shape: Shape, about: &'static str) -> Parameter {
    Parameter { name, shape, default: "", about }
}

impl Parameter {
    /// The same, with what is taken where it is not given.
    pub(crate) const fn or(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }
}

/// One path of a backend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// What it matches.
    pub(crate) pattern: &'static str,
    /// What it takes. None of them: the path is not served, and what is said here of it holds all the same.
    pub(crate) operations: &'static [Operation],
    /// One line of help.
    pub(crate) about: &'static str,
    /// Of the path and of the body.
    pub(crate) parameters: &'static [Parameter],
    /// What it asks of its caller.
    pub(crate) door: Door,
    /// Whether it takes `sudo` beside the operation's own capability (Vault: root-protected paths).
    pub(crate) sudo: bool,
    /// Whether a write is `create` or `update`, by what is there.
    pub(crate) creates: bool,
    /// Whether it hands out a credential, so that nothing is done before the trail has the request.
    pub(crate) issues: bool,
    /// Whether a read of it changes something, so that it waits for its request line as a write does.
    pub(crate) acts: bool,
    /// Whether a write of it changes nothing, but where it creates: it waits for no line of its own, as a read does not.
    pub(crate) still: bool,
}

impl Row {
    /// A path that asks for a token and has no parameters.
    pub(crate) const fn new(pattern: &'static str, operations: &'static [Operation], about: &'static str) -> Self {
        let (sudo, creates, issues, acts, still) = (false, false, false, false, false);
        Self { pattern, operations, about, parameters: &[], door: Door::Guarded, sudo, creates, issues, acts, still }
    }

    /// With these parameters.
    pub(crate) const fn with(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters = parameters;
        self
    }

    /// With another door.
    pub(crate) const fn door(mut self, door: Door) -> Self {
        self.door = door;
        self
    }

    /// Needs `sudo`.
    pub(crate) const fn sudo(mut self) -> Self {
        self.sudo = true;
        self
    }

    /// Tells `create` from `update`.
    pub(crate) const fn creates(mut self) -> Self {
        self.creates = true;
        self
    }

    /// Hands out a credential.
    pub(crate) const fn issues(mut self) -> Self {
        self.issues = true;
        self
    }

    /// Changes something also when it is read.
    pub(crate) const fn acts(mut self) -> Self {
        self.acts = true;
        self
    }

    /// Changes nothing when it is written to, but where it creates.
    pub(crate) const fn still(mut self) -> Self {
        self.still = true;
        self
    }

    /// Whether it means a path below its mount.
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.walk(path, &mut |_, _| {})
    }

    /// What the path, which it means, has for a parameter.
    pub(crate) fn captured<'p>(&self, path: &'p str, name: &str) -> Option<&'p str> {
        let mut found = None;
        self.walk(path, &mut |other, part| {
            if other == name {
                found = Some(part);
            }
        });
        found
    }

    fn walk<'p>(&self, path: &'p str, each: &mut dyn FnMut(&'static str, &'p str)) -> bool {
        let (pattern, path) = match self.pattern.strip_suffix("/?") {
            Some(pattern) => (pattern, path.strip_suffix('/').unwrap_or(path)),
            None => (self.pattern, path),
        };
        let (mut expected, mut left) = (Some(pattern), Some(path));
        while let Some(pattern) = expected {
            let Some(path) = left else { return false };
            let (segment, behind) = pattern.split_once('/').map_or((pattern, None), |(one, rest)| (one, Some(rest)));
            if let Some(name) = segment.strip_prefix('*') {
                let rest = match behind {
                    None => Some(path),
                    Some(tail) => path.strip_suffix(tail).and_then(|path| path.strip_suffix('/')),
                };
                rest.into_iter().for_each(|rest| each(name, rest));
                return rest.is_some_and(|rest| !rest.is_empty());
            }
            let (part, rest) = path.split_once('/').map_or((path, None), |(one, rest)| (one, Some(rest)));
            let fits = match segment.strip_prefix(':') {
                Some(name) => {
                    each(name, part);
                    self.parameter(name).is_some_and(|parameter| parameter.shape.admits(part))
                }
                None => segment == part,
            };
            if !fits {
                return false;
            }
            (expected, left) = (behind, rest);
        }
        left.is_none()
    }

    fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// Whether a request may give a parameter beside the path.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|parameter| !parameter.shape.is_in_path_only())
    }

    /// Whether a text may stand for one of its parameters in its path.
    pub(crate) fn admits(&self, name: &str, text: &str) -> bool {
        self.parameter(name).is_some_and(|parameter| parameter.shape.admits(text))
    }

    /// Which segments name an object in any case: what is ahead of them, and whether they are all that follow.
    pub(crate) fn fold(&self) -> Option<Fold> {
        let mut ahead = Vec::new();
        for segment in self.pattern.split('/') {
            match segment.strip_prefix([':', '*']) {
                Some(name) => {
                    let shape = self.parameter(name)?.shape;
                    let rest = segment.starts_with('*');
                    return shape.is_folded().then_some(Fold { ahead, rest });
                }
                None => ahead.push(segment),
            }
        }
        None
    }
}

/// Where names are that are read in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fold {
    /// The segments ahead of them.
    pub(crate) ahead: Vec<&'static str>,
    /// Whether it is one segment, or all of them to the end.
    pub(crate) rest: bool,
}

#[cfg(test)]
mod tests {
    use super::{Fold, Row, Shape, takes};

    #[test]
    fn patterns_match_as_written() {
        const NAMES: &[super::Parameter] = &[
            takes("name", Shape::Word("-.@"), ""),
            takes("role", Shape::LowerWord("-."), ""),
            takes("rest", Shape::Rest, ""),
        ];
        for (pattern, path, expected) in [
            ("config/root", "config/root", true),
            ("config/root", "config/root/", false),
            ("config/root", "config", false),
            ("roles/?", "roles", true),
            ("roles/?", "roles/", true),
            ("roles/", "roles", false),
            ("roles/", "roles/", true),
            ("roles/:name", "roles/a-b@c", true),
            ("roles/:name", "roles/a/b", false),
            ("roles/:name", "roles/-a", false),
            ("roles/:name", "roles/", false),
            ("role/:role/x/?", "role/a.b/x/", true),
            ("role/:role/x/?", "role/a@b/x", false),
            ("data/*rest", "data/a/b/", true),
            ("data/*rest", "data/", false),
            ("data/*rest", "data", false),
            ("mounts/*rest/tune", "mounts/a/b/tune", true),
            ("mounts/*rest/tune", "mounts/tune", false),
            ("*rest", "a", true),
            ("*rest", "", false),
        ] {
            assert_eq!(Row::new(pattern, &[], "").with(NAMES).matches(path), expected, "{pattern} {path}");
        }
        let row = Row::new("mounts/*rest/tune", &[], "").with(NAMES);
        assert_eq!(row.captured("mounts/a/b/tune", "rest"), Some("a/b"));
        let row = Row::new("role/:role/x/?", &[], "").with(NAMES);
        assert_eq!(row.captured("role/a/x/", "role"), Some("a"));
        assert_eq!(row.fold(), Some(Fold { ahead: vec!["role"], rest: false }));
        assert_eq!(Row::new("roles/:name", &[], "").with(NAMES).fold(), None);
        assert!(row.knows("role") && !row.knows("rest") && !row.knows("x"));
    }
}
