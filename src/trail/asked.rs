//! What is asked about an object, what is kept of it while files are read, and what they tell.
//!
//! Of writes the newest, the first after ours and how many there were: who writes often hides nothing by it.

use std::collections::BTreeSet;

use serde::Serialize;
use time::{Duration, OffsetDateTime};

/// What is asked about an object.
#[derive(Clone, Debug)]
pub struct Question {
    /// Its path.
    pub path: String,
    /// Another path that it is written at.
    pub also: Option<String>,
    /// How many bytes at the end of these are a name that engines take in any case.
    pub folds: usize,
    /// Whether it is not there: then nothing but what takes it away made it so.
    pub is_gone: bool,
    /// Where its credentials are read, of a role.
    pub creds: Vec<String>,
    /// When we wrote it last, as far as that is known: in the second that begins here, or before.
    pub ours: Option<OffsetDateTime>,
}

/// One write of an object, as a line says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Write {
    /// When it was answered (RFC 3339).
    pub time: String,
    /// `create`, `update`, `patch` or `delete`.
    pub operation: String,
    /// The path that was written: the object's own, or one that is about it.
    pub path: String,
    /// What the token was called.
    pub display_name: String,
    /// Whom it belonged to.
    pub entity_id: String,
    /// Its accessor, as the file has it: hashed, as a rule.
    pub accessor: String,
    /// Where the request came from.
    pub remote_address: String,
    /// The request's id.
    pub request_id: String,
}

/// What files tell of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The write that made it what it is: the last one that is surely not ours, else the last that may be none of ours.
    pub write: Option<Write>,
    /// How many before that one are surely not ours, or, where it is not known when we wrote it last, may be none of ours; as far
    /// as files go back.
    pub earlier: usize,
    /// Since when it is not as we left it, by the first of these; none where `write` itself may be ours.
    pub since: Option<String>,
    /// How many writes were in the second in which our last apply of it ended: ours among them, as a rule.
    pub may_be_ours: usize,
    /// Of an object that is gone: the last move of a mount since. Files do not tell which mount was moved.
    pub moved: Option<Write>,
    /// How many credentials were issued since.
    pub issued: usize,
    /// How many of them have ended, as the files tell.
    pub ended: usize,
    /// To whom, as far as it is known.
    pub apps: BTreeSet<String>,
    /// When the last of those that have not ended does (RFC 3339); none where files don't tell.
    pub until: Option<String>,
}

/// What became of a lease.
#[derive(Debug, Default)]
pub(super) struct Fate {
    pub(super) has_ended: bool,
    pub(super) until: Option<String>,
}

/// A credential of a role.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) at: OffsetDateTime,
    pub(super) app: Option<String>,
    pub(super) fate: Fate,
}

/// Writes of one sort.
#[derive(Debug, Default)]
struct Writes {
    first: Option<(OffsetDateTime, String)>,
    last: Option<(OffsetDateTime, Write)>,
    count: usize,
}

/// What is kept of an object.
#[derive(Debug, Default)]
pub(super) struct Asked {
    ours: Option<OffsetDateTime>,
    is_gone: bool,
    /// Surely not ours; all of them, where it is not known when we wrote it last.
    others: Writes,
    /// In the second in which our last apply of it ended: histories have whole seconds.
    unsure: Writes,
    moved: Writes,
    pub(super) issued: Vec<Issued>,
}

impl Writes {
    fn add(&mut self, at: OffsetDateTime, write: impl FnOnce() -> Write) {
        self.count += 1;
        let is_last = self.last.as_ref().is_none_or(|(last, _)| at >= *last);
        let is_first = self.first.as_ref().is_none_or(|(first, _)| at < *first);
        if is_last || is_first {
            let write = write();
            if is_first {
                self.first = Some((at, write.time.clone()));
            }
            if is_last {
                self.last = Some((at, write));
            }
        }
    }
}

impl Asked {
    pub(super) fn of(question: &Question) -> Self {
        Self { ours: question.ours, is_gone: question.is_gone, ..Self::default() }
    }

    /// A write of it, which may take it away.
    pub(super) fn wrote(&mut self, at: OffsetDateTime, takes_away: bool, write: impl FnOnce() -> Write) {
        if self.is_gone && !takes_away {
            return;
        }
        match self.ours {
            Some(ours) if at < ours => {}
            Some(ours) if at - ours < Duration::SECOND => self.unsure.add(at, write),
            _ => self.others.add(at, write),
        }
    }

    /// A move of some mount.
    pub(super) fn moved(&mut self, at: OffsetDateTime, write: impl FnOnce() -> Write) {
        if self.is_gone && self.ours.is_none_or(|ours| at >= ours) {
            self.moved.add(at, write);
        }
    }

    pub(super) fn answer(self) -> Answer {
        let Self { ours, others, unsure, moved, issued, .. } = self;
        let may_be_ours = unsure.count;
        let newest = others.last.as_ref().or(unsure.last.as_ref()).map(|(at, _)| *at);
        let moved = moved.last.filter(|(at, _)| newest.is_none_or(|newest| newest <= *at)).map(|(_, write)| write);
        let (Some((last, write)), Some(first)) = (others.last, others.first) else {
            let write = unsure.last.map(|(_, write)| write);
            return Answer { write, may_be_ours, moved, ..Answer::default() };
        };
        // Where it is not known when we wrote it last, those before may be ours.
        let (begin, since) = if ours.is_some() { first } else { (last, write.time.clone()) };
        let under: Vec<&Issued> = issued.iter().filter(|issued| issued.at >= begin).collect();
        let open = || under.iter().filter(|issued| !issued.fate.has_ended);
        let known = open().all(|issued| issued.fate.until.is_some());
        Answer {
            write: Some(write),
            earlier: others.count - 1,
            since: Some(since),
            may_be_ours,
            moved,
            issued: under.len(),
            ended: under.iter().filter(|issued| issued.fate.has_ended).count(),
            apps: under.iter().filter_map(|issued| issued.app.clone()).collect(),
            // Times of one form have the order of their texts.
            until: open().filter_map(|issued| issued.fate.until.clone()).max().filter(|_| known),
        }
    }
}
