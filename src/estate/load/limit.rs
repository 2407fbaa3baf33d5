//! How many objects of one kind an environment lets one apply delete.

use super::kind;
use crate::estate::blocks::LIMIT;
use crate::estate::declared::{Deletes, Limit};
use crate::estate::schema::{Block, Reader};
use crate::estate::tree::{Content, Node};
use crate::estate::value;

/// Reads the blocks `limit "KIND"` of an environment.
pub(super) fn read(reader: &mut Reader<'_>, environment: &Block<'_>) -> Vec<Limit> {
    let blocks = reader.labelled(environment.map, LIMIT.word);
    blocks.iter().filter_map(|block| one(reader, block)).collect()
}

fn one(reader: &mut Reader<'_>, block: &Block<'_>) -> Option<Limit> {
    reader.check(block, &LIMIT);
    let kind = kind::of_word(reader, block.label, block.span);
    reader.require(block, "deletes", "\"10%\"");
    let node = &block.map.get("deletes")?.value;
    match deletes(node) {
        Some(deletes) => Some(Limit { kind: kind?, deletes, place: reader.place(block.span) }),
        None => {
            let broken = matches!(node.content, Content::Broken | Content::Null);
            if !broken {
                let hint = "write a count, as in deletes = 2, or a part of what is there, as in deletes = \"10%\"";
                reader.report(value::wrong(node, "a count or a percentage").hint(hint));
            }
            None
        }
    }
}

/// A count, or a percentage up to 100.
fn deletes(node: &Node) -> Option<Deletes> {
    match &node.content {
        Content::Int(count) => Some(Deletes::Count(u32::try_from(*count).ok()?)),
        Content::Text(text) => {
            let percent: u8 = text.strip_suffix('%')?.trim_end().parse().ok()?;
            (percent <= 100).then_some(Deletes::Percent(percent))
        }
        _ => None,
    }
}
