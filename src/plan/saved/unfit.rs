//! Why a saved plan is not applied: what it was made for or from is not what is here.

use std::fmt::Write as _;

use super::{Engine, Saved};
use crate::plan::escape::{escape, short};
use crate::text::count;

/// How many files or objects a message names before it only counts.
const SHOWN_MAX: usize = 20;

/// One change that can't be carried out as it was approved.
#[derive(Debug)]
pub struct Departure {
    /// What it does, in a word.
    pub action: String,
    /// The sort of its object.
    pub kind: String,
    /// Its object.
    pub path: String,
    /// Where that is declared, or was.
    pub place: String,
    /// How it departs.
    pub how: How,
}

/// How a change departs from what was approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// There is nothing left to do of it.
    Done,
    /// The object is not as it was: each field that differs, as planned, as it is now, and as declared.
    Moved(Vec<String>),
    /// The object is gone: the same of what was not at its default.
    Gone(Vec<String>),
    /// The ledger says something else of the object.
    Recorded,
    /// Files, ledger and object are the same, and it is another change all the same.
    Other,
}

/// Why a saved plan is not applied. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It is for another environment.
    #[error("the plan is for the environment `{planned}`, and `{asked}` was asked for")]
    Environment {
        /// The plan's.
        planned: String,
        /// The other.
        asked: String,
    },
    /// It is for another engine.
    #[error("the plan was made from another engine: {}, and this is {}", named(planned), named(found))]
    Engine {
        /// The plan's.
        planned: Engine,
        /// The one that is here.
        found: Engine,
    },
    /// The estate's files say something else.
    #[error("the estate's files are not those that the plan was made from: {}", listed(changed))]
    Files {
        /// Each file, and what became of it.
        changed: Vec<(String, Became)>,
    },
    /// All of it is done.
    #[error("the plan is applied already: nothing of it is left to do")]
    Applied,
    /// Some of it is done.
    #[error("the plan is stale: {done} of {} done already", count(*of, "change"))]
    Begun {
        /// How many.
        done: usize,
        /// Of how many.
        of: usize,
        /// These, and what else departs.
        departures: Vec<Departure>,
    },
    /// Something changed since.
    #[error("the plan is stale: {} changed since it was made", count(departures.len(), "object"))]
    Stale {
        /// What.
        departures: Vec<Departure>,
    },
}

/// What became of a file since a plan was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// It has another text.
    Changed,
    /// It is not there any more.
    Gone,
    /// It was not there.
    New,
}

impl Unfit {
    /// What differs, object by object; empty where that is no answer.
    pub fn details(&self) -> String {
        let (Self::Begun { departures, .. } | Self::Stale { departures }) = self else { return String::new() };
        let mut text = String::new();
        for departure in departures.iter().take(SHOWN_MAX) {
            let Departure { action, kind, path, place, how } = departure;
            let (what, lines) = match how {
                How::Done => ("it is done already", &[][..]),
                How::Moved(lines) => ("it changed since the plan was made", lines.as_slice()),
                How::Gone(lines) => ("it is gone since the plan was made", lines.as_slice()),
                How::Recorded => ("the ledger's entry was written since the plan was made", &[][..]),
                How::Other => ("files, engine and ledger mean another change of it", &[][..]),
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "Left alone {kind} {} ({}), to {action}: {what}", escape(path), escape(place));
            for line in lines {
                let _ = writeln!(text, "    {line}");
            }
        }
        if departures.len() > SHOWN_MAX {
            let _ = writeln!(text, "... and {} more", departures.len() - SHOWN_MAX);
        }
        text
    }

    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Environment { .. } => "leave --env out, or name the plan of that environment",
            Self::Engine { .. } => {
                "name the engine that the plan was made from, or make a plan of this one; an address is no part of it, the \
                 engine's own id and the namespace are"
            }
            Self::Files { .. } => {
                "check out what the plan was made from: which commit that is does not matter, what is in the files does; or \
                 make a new plan"
            }
            Self::Applied => "a plan of the files as they stand shows what there is to do, if anything",
            Self::Begun { .. } => {
                "an apply of it was stopped, or another did a part of it: make a new plan, which holds what is left"
            }
            Self::Stale { .. } => "make a new plan: it shows what was done since",
        }
    }
}

impl Saved {
    /// Whether the estate's files are the same.
    ///
    /// # Errors
    /// [`Unfit::Files`].
    pub fn is_of_files(&self, files: &std::collections::BTreeMap<String, String>) -> Result<(), Unfit> {
        let known = self.files.iter().filter_map(|(name, digest)| match files.get(name) {
            None => Some((name.clone(), Became::Gone)),
            Some(now) => (now != digest).then(|| (name.clone(), Became::Changed)),
        });
        let new = files.keys().filter(|name| !self.files.contains_key(*name));
        let changed: Vec<_> = known.chain(new.map(|name| (name.clone(), Became::New))).collect();
        if changed.is_empty() { Ok(()) } else { Err(Unfit::Files { changed }) }
    }

    /// Whether an engine is the one that it was made from.
    ///
    /// # Errors
    /// [`Unfit::Engine`].
    pub fn is_of_engine(&self, found: &Engine) -> Result<(), Unfit> {
        let unfit = || Unfit::Engine { planned: self.engine.clone(), found: found.clone() };
        if self.engine == *found { Ok(()) } else { Err(unfit()) }
    }

    /// What it is, in a line.
    pub fn title(&self) -> String {
        let commit = self.commit.as_deref().map_or_else(|| "no commit".to_owned(), short);
        format!("the plan {} of {}, from {commit}", short(&self.digest), escape(&self.environment))
    }
}

fn named(engine: &Engine) -> String {
    let namespace =
        engine.namespace.as_deref().map_or_else(String::new, |name| format!(" (namespace {})", escape(name)));
    format!("{}{namespace}", escape(&engine.cluster_id))
}

fn listed(changed: &[(String, Became)]) -> String {
    let shown = changed.iter().take(SHOWN_MAX).map(|(name, became)| {
        let what = match became {
            Became::Changed => "has changed",
            Became::Gone => "is gone",
            Became::New => "is new",
        };
        format!("{} {what}", escape(name))
    });
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if changed.len() > SHOWN_MAX {
        // Writing to a string cannot fail.
        let _ = write!(text, " and {} more", changed.len() - SHOWN_MAX);
    }
    text
}
