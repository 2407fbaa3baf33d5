//! A plan as a value.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, Summary, Unmanaged, lasting};
use super::configured::Configured;
use super::escape::short;
use super::kept::{Kept, Standing};
use super::refusal::Refusal;
use super::selection::{LeftOut, Selected};
use crate::object::{Object, Place, fingerprint};
use crate::review;
use crate::text::count;

/// What would change, and why it may not.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The environment it is for.
    pub environment: String,
    /// The estate's commit, with `-dirty` if its files are changed; `None` outside git.
    pub commit: Option<String>,
    /// The changes, in the order in which they are made.
    pub changes: Vec<Change>,
    /// What is to be written in the server's configuration, since it takes that from there alone.
    pub configured: Vec<Configured>,
    /// How many declared objects already are as declared, of those that are selected.
    pub unchanged: usize,
    /// What a selection left out, and what it took along; `None` where all changes are made.
    pub selected: Option<Selected>,
    /// Keys that stay as the engine has them.
    pub kept: Vec<Kept>,
    /// Objects of the engine that are neither declared nor ours.
    pub unmanaged: Vec<Unmanaged>,
    /// The guardrails that it is judged by.
    pub guardrails: Vec<String>,
    /// Why this plan may not be applied.
    pub refusals: Vec<Refusal>,
    /// Who gains and loses what by it; `None` if nothing changes, or before it was looked at.
    pub review: Option<review::Environment>,
    /// The digest of that: it goes with every write.
    pub review_digest: Option<String>,
    /// What could not be looked at, and what that means.
    pub notes: Vec<String>,
    /// Its digest, once it is reviewed; of a saved one that of when it was made.
    pub settled: Option<String>,
    /// Of one that puts back what was applied last.
    pub put_back: Option<PutBack>,
    /// Of a saved one: how much was left to the server's configuration when it was made, which is not looked at again.
    pub left_there: usize,
}

/// What a plan is of that puts back what was applied last.
#[derive(Clone, Debug, PartialEq)]
pub struct PutBack {
    /// The commit that each of its objects was written from.
    pub commits: BTreeMap<String, Option<String>>,
    /// What was changed and is not put back: its path, and why.
    pub left: Vec<(String, &'static str)>,
}

impl Plan {
    /// Refuses the plan because a mount would leave the AWS account in which it has leases out: `None` if the token
    /// may not know how many.
    pub fn refuse_account_change(&mut self, path: &str, place: &Place, leases: Option<usize>) {
        let (path, place) = (path.to_owned(), place.clone());
        self.refusals.push(Refusal::AccountChange { path, place, leases });
    }

    /// Refuses the plan because its files came before those of an earlier apply.
    pub fn refuse_older(&mut self, newer: &str, example: &str) {
        let (newer, example) = (newer.to_owned(), example.to_owned());
        let commit = self.commit.clone().unwrap_or_default();
        self.refusals.push(Refusal::Older { commit, newer, example });
    }

    /// Refuses the plan because the environment demands more of what is applied to it.
    pub fn refuse_demanded(&mut self, unmet: Vec<String>) {
        let environment = self.environment.clone();
        self.refusals.push(Refusal::Demanded { environment, unmet });
    }

    /// Notes what the environment will demand when it is applied.
    pub fn note_demanded(&mut self, unmet: &[String]) {
        let environment = &self.environment;
        self.notes.extend(
            unmet.iter().map(|what| format!("the environment `{environment}` does not take this as it is: {what}")),
        );
    }

    /// Notes that an object was applied from a commit that the files do not come after, as far as is known.
    pub fn note_apart(&mut self, path: &str, commit: &str) {
        self.notes.push(format!(
            "{path} was applied from {}, which these files do not come after, as far as this clone tells: what only that \
             commit says is taken back",
            short(commit)
        ));
    }

    /// Refuses the plan because a shallow clone does not tell whether its files came before those of an earlier apply.
    pub fn refuse_shallow(&mut self, applied: &str, example: &str) {
        let (applied, example) = (applied.to_owned(), example.to_owned());
        let commit = self.commit.clone().unwrap_or_default();
        self.refusals.push(Refusal::Shallow { commit, applied, example });
    }

    /// The SHA-256 of what it would do, in hexadecimal digits: the changes, the live objects that they were computed
    /// from, and what they mean for access. It does not depend on commits and places, nor on what they do to people: how
    /// many leases are out changes by the minute, and not every token may know.
    ///
    /// Of a saved plan it is that of when it was made: what could not be compared there is no part of it.
    pub fn digest(&self) -> String {
        if let Some(digest) = &self.settled {
            return digest.clone();
        }
        let mut plan = self.facts();
        for change in plan["changes"].as_array_mut().into_iter().flatten() {
            lasting(change);
        }
        let facts = serde_json::json!({
            "environment": plan["environment"].take(),
            "changes": plan["changes"].take(),
            "review": self.review_digest,
        });
        fingerprint::of_value(&facts)
    }

    /// Takes [`Plan::refuse_account_change`] back: somebody said that it is meant.
    pub fn allow_account_change(&mut self) {
        self.refusals.retain(|refusal| !matches!(refusal, Refusal::AccountChange { .. }));
    }

    /// Says that it puts back what was applied last, and from which commit each object was written. It is from that commit,
    /// if there is one of all.
    pub fn puts_back(&mut self, commits: BTreeMap<String, Option<String>>) {
        let all: BTreeSet<&Option<String>> = commits.values().collect();
        self.commit = if all.len() == 1 { all.first().and_then(|commit| (*commit).clone()) } else { None };
        self.put_back = Some(PutBack { commits, left: Vec::new() });
    }

    /// Says what was changed and is not put back.
    pub fn leaves(&mut self, objects: Vec<(String, &'static str)>) {
        if let Some(put_back) = &mut self.put_back {
            put_back.left = objects;
        }
    }

    /// The commit that an object is written from.
    pub fn commit_of(&self, path: &str) -> Option<&str> {
        match &self.put_back {
            Some(PutBack { commits, .. }) => commits.get(path)?.as_deref(),
            None => self.commit.as_deref(),
        }
    }

    /// What is not done, since it is not selected.
    pub fn left_out(&self) -> &[LeftOut] {
        self.selected.as_ref().map_or(&[], |selected| &selected.left_out)
    }

    /// How much that is, in words; `None` if it is nothing.
    pub fn left_out_words(&self) -> Option<String> {
        let words = self.selected.as_ref().and_then(Selected::words)?;
        Some(match &self.put_back {
            Some(_) => words.replacen("not selected", "not applied yet, and left so", 1),
            None => words,
        })
    }

    /// How much is to be written in the server's configuration, in words; `None` if nothing.
    pub fn configured_words(&self) -> Option<String> {
        let number = self.configured.len();
        let verb = if number == 1 { "is" } else { "are" };
        (number > 0).then(|| format!("{} {verb} to be written in the server's configuration.", count(number, "object")))
    }

    /// How much it does.
    pub fn summary(&self) -> Summary {
        Summary::of_changes(self.changes.iter())
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The exit code of `leasehold plan`: 0 all is as declared, 2 changes, here or in the server's configuration, 3 refused.
    pub fn exit_code(&self) -> u8 {
        match (self.refusals.is_empty(), self.changes.is_empty()) {
            (false, _) => 3,
            (true, false) => 2,
            (true, true) => self.exit_code_without_changes(),
        }
    }

    /// The same once the changes are made; 1 where something can't be put back.
    pub fn exit_code_without_changes(&self) -> u8 {
        match (self.configured.is_empty() && self.left_there == 0, &self.put_back) {
            (false, _) => 2,
            (true, Some(PutBack { left, .. })) if !left.is_empty() => 1,
            (true, _) => 0,
        }
    }

    /// The key of an object that stays as the engine has it.
    pub fn kept(&self, path: &str) -> Option<&Kept> {
        self.kept.iter().find(|kept| kept.path == path)
    }

    /// What the ledger remembers of the key of an object that is written, or that stays; `None` of kinds without one.
    pub fn keys_of(&self, object: &Object) -> Option<Vec<String>> {
        let key = object.kind.key()?;
        if let Some(kept) = self.kept(&object.path) {
            return Some(kept.written.iter().cloned().collect());
        }
        let declared = object.value(key.id);
        Some(declared.as_str().filter(|key| !key.is_empty()).map(str::to_owned).into_iter().collect())
    }

    /// The key that an engine has once an object is settled, empty if none, as far as it is ours or meant; `None` of kinds
    /// without keys.
    pub fn key_of(&self, object: &Object) -> Option<String> {
        let declared = object.value(object.kind.key()?.id).as_str().unwrap_or_default().to_owned();
        Some(match self.kept(&object.path) {
            Some(kept) if kept.standing == Standing::Untold => kept.written.clone().unwrap_or_default(),
            Some(kept) => kept.live.clone(),
            None => declared,
        })
    }

    /// An object as it is to be if a key of it stays.
    pub fn with_kept(&self, object: &Object) -> Option<Object> {
        Some(self.kept(&object.path)?.object(object))
    }
}
