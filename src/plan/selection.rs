//! Which of the changes that there are a plan makes: those that somebody asked for, what these can't do without, and
//! nothing else (`select`).
//!
//! Everything that judges a plan sees the changes that it makes, and no others; what is left out is counted and listed, so
//! that nobody takes a part for the whole.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::change::{ChangeAction, Summary};
use crate::guardrail::Names;
use crate::object::{Absent, Kind, Object, Owned};
use crate::text;

/// What somebody asked for, as it was said. All of it has to be so of a change; what was not said leaves nothing out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The paths of the objects that are meant, with wildcards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target: Vec<String>,
    /// The paths of those that are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// The apps whose objects are meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_app: Vec<String>,
}

impl Asked {
    /// Whether nothing was asked for, so that all changes are made.
    pub fn is_all(&self) -> bool {
        self.target.is_empty() && self.exclude.is_empty() && self.only_app.is_empty()
    }

    /// Looks that everything that was asked for is something, and that something is meant at all.
    ///
    /// # Errors
    /// [`Unknown`]: a typo would leave out what is meant, or do what is not.
    pub fn check(&self, owned: &BTreeMap<String, Owned>, desired: &[Object], absent: &[Absent]) -> Result<(), Unknown> {
        if self.is_all() {
            return Ok(());
        }
        let mut objects: BTreeMap<&str, Option<&str>> =
            owned.iter().map(|(path, Owned { app, .. })| (path.as_str(), app.as_deref())).collect();
        objects.extend(absent.iter().map(|absent| (absent.path.as_str(), absent.app.as_deref())));
        objects.extend(desired.iter().map(|object| (object.path.as_str(), object.app.as_deref())));
        let known: BTreeSet<&str> = objects.values().copied().flatten().collect();
        let paths: Vec<&str> = objects.keys().copied().collect();
        for (flag, sort, patterns, of) in [
            ("--target", "object", &self.target, &paths),
            ("--exclude", "object", &self.exclude, &paths),
            ("--only-app", "app", &self.only_app, &known.into_iter().collect()),
        ] {
            are_of(flag, sort, patterns, of)?;
        }
        let chooser = Chooser::new(self);
        if !objects.iter().any(|(path, app)| chooser.has(path, *app)) {
            let flags = [("--target", &self.target), ("--only-app", &self.only_app), ("--exclude", &self.exclude)];
            let said = flags.iter().filter(|(_, patterns)| !patterns.is_empty());
            return Err(Unknown::Together(said.map(|(flag, _)| *flag).collect::<Vec<_>>().join(", ")));
        }
        Ok(())
    }
}

/// Looks that each pattern is like one of these at least.
///
/// # Errors
/// [`Unknown::Pattern`].
pub(super) fn are_of(flag: &'static str, sort: &'static str, patterns: &[String], of: &[&str]) -> Result<(), Unknown> {
    for pattern in patterns {
        let names = Names::new(std::slice::from_ref(pattern));
        if !of.iter().any(|name| names.has(name)) {
            let bare = of.iter().filter_map(|path| path.rsplit('/').next()).filter(|_| !pattern.contains('/'));
            let near = text::did_you_mean(pattern, of.iter().copied().chain(bare));
            return Err(Unknown::Pattern { flag, pattern: pattern.clone(), sort, near });
        }
    }
    Ok(())
}

/// Which changes are made.
#[derive(Clone, Copy, Debug)]
pub enum Selection<'a> {
    /// All.
    All,
    /// Those that somebody asked for, and what they need.
    Asked {
        /// What was asked for.
        asked: &'a Asked,
        /// What is granted to apps: who logs in as one shall find it.
        grants: &'a Grants,
    },
    /// Those of these objects: a saved plan's, which was selected when it was made.
    Just(&'a BTreeSet<String>),
}

/// The paths of the shared roles that are granted to apps, by the apps' names.
pub type Grants = BTreeMap<String, Vec<String>>;

/// What a selection left of the changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// What was asked for.
    pub asked: Asked,
    /// What is not done.
    pub left_out: Vec<LeftOut>,
    /// What is done though nobody asked for it.
    pub along: Vec<Along>,
}

/// A change that is not made, since it is not selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// What would be done.
    pub action: ChangeAction,
    /// The object's sort.
    pub kind: &'static Kind,
    /// The object.
    pub path: String,
}

/// A change that comes along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Along {
    /// The object.
    pub path: String,
    /// The selected one for which it is made.
    pub with: String,
}

/// Something that was asked for and that nothing is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// No object is like a pattern.
    #[error("{flag} `{pattern}` matches nothing: neither the files nor the ledger have such {sort}")]
    Pattern {
        /// Where it was said.
        flag: &'static str,
        /// What was said.
        pattern: String,
        /// What was looked for.
        sort: &'static str,
        /// What may have been meant.
        near: Option<String>,
    },
    /// Each word is about something, and all of them together about nothing.
    #[error("nothing is selected: no object is meant by all of {0}")]
    Together(String),
}

impl Unknown {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Pattern { near: Some(near), .. } => near.clone(),
            Self::Pattern { sort: "app", .. } => "`leasehold plan` without it names the apps".to_owned(),
            Self::Pattern { .. } => {
                "a pattern is an object's path, as `leasehold plan` and `leasehold ledger show` print it, or the last part of \
                 one; * is any text and ? one character"
                    .to_owned()
            }
            Self::Together(_) => "--exclude takes away from what --target and --only-app name, and of these an object has to \
                                  meet both"
                .to_owned(),
        }
    }
}

/// What was asked for, ready to be asked.
struct Chooser {
    target: Names,
    exclude: Names,
    only_app: Names,
}

impl Chooser {
    fn new(asked: &Asked) -> Self {
        let Asked { target, exclude, only_app } = asked;
        Self { target: Names::new(target), exclude: Names::new(exclude), only_app: Names::new(only_app) }
    }

    fn has(&self, path: &str, app: Option<&str>) -> bool {
        (self.target.is_empty() || self.target.has(path))
            && (self.only_app.is_empty() || app.is_some_and(|app| self.only_app.has(app)))
            && !self.exclude.has(path)
    }
}

impl<'s> Selection<'s> {
    /// Says of an object, by its path and the app that it is of, whether somebody asked for it.
    pub fn chooser(self) -> impl Fn(&str, Option<&str>) -> bool + 's {
        let chooser = match self {
            Self::Asked { asked, .. } => Some(Chooser::new(asked)),
            Self::All | Self::Just(_) => None,
        };
        move |path, app| match self {
            Self::All => true,
            Self::Asked { .. } => chooser.as_ref().is_none_or(|chooser| chooser.has(path, app)),
            Self::Just(paths) => paths.contains(path),
        }
    }
}

impl Selected {
    /// How much is not done, in words; `None` if nothing is left out.
    pub(super) fn words(&self) -> Option<String> {
        let more = match self.left_out.len() {
            0 => return None,
            1 => "1 more change is not selected".to_owned(),
            many => format!("{} more changes are not selected", text::thousands(many)),
        };
        let counts = Summary::of(self.left_out.iter().map(|one| one.action)).counts();
        Some(format!("{more}: {counts}."))
    }
}
