//! What an environment says of drift: what is not counted as not ours, and how much what is found matters.

use super::kind;
use crate::estate::blocks::{DRIFT, IGNORE, LEVELS, SEVERITY};
use crate::estate::declared::{DriftRules, Ignored, Level, Weighed};
use crate::estate::problem::Draft;
use crate::estate::schema::{Block, Reader};
use crate::object::{FieldValue, Kind, Shape};

/// Reads the block `drift` of an environment.
pub(super) fn read(reader: &mut Reader<'_>, environment: &Block<'_>) -> DriftRules {
    let Some(block) = reader.inner(environment, DRIFT.word) else { return DriftRules::default() };
    reader.check(&block, &DRIFT);
    let ignored = reader.labelled(block.map, IGNORE.word);
    let weighed = reader.labelled(block.map, SEVERITY.word);
    DriftRules {
        ignored: ignored.iter().filter_map(|block| ignore(reader, block)).collect(),
        weighed: weighed.iter().filter_map(|block| severity(reader, block)).collect(),
    }
}

fn ignore(reader: &mut Reader<'_>, block: &Block<'_>) -> Option<Ignored> {
    reader.check(block, &IGNORE);
    let (pattern, kind) = about(reader, block)?;
    reader.require(block, "reason", "\"why it is none of ours\"");
    let (reason, span) = reader.text(block, "reason")?;
    if reason.trim().is_empty() {
        reader.report(Draft::error(span, "say why it is ignored: somebody will ask"));
        return None;
    }
    Some(Ignored { pattern, kind, reason: reason.to_owned(), place: reader.place(block.span) })
}

fn severity(reader: &mut Reader<'_>, block: &Block<'_>) -> Option<Weighed> {
    reader.check(block, &SEVERITY);
    let (pattern, kind) = about(reader, block)?;
    reader.require(block, "level", "\"note\"");
    let (level, _) = reader.value(block, "level", Shape::OneOf(LEVELS))?;
    let FieldValue::Data(level) = level else { return None };
    let level = Level::of_word(level.as_str()?)?;
    Some(Weighed { pattern, kind, level, place: reader.place(block.span) })
}

/// The objects that a block is about: a pattern of their paths, and their kind, if it says one.
fn about(reader: &mut Reader<'_>, block: &Block<'_>) -> Option<(String, Option<&'static Kind>)> {
    if block.label.is_empty() {
        reader.report(Draft::error(block.span, "the pattern is empty; `*` is every object"));
        return None;
    }
    let kind = match reader.text(block, "kind") {
        Some((word, span)) => Some(kind::of_word(reader, word, span)?),
        None => None,
    };
    Some((block.label.to_owned(), kind))
}
