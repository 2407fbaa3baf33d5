//! `shared = true`: what somebody else declares, or makes by hand.

use super::Lowering;
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::object::{Kind, Shared};

impl Lowering<'_> {
    /// Whether something is only referred to. What else is written about it, but for `known`, is its owner's to say.
    pub(super) fn is_shared(&mut self, block: &Block<'_>, known: &[&str]) -> bool {
        if !self.reader.flag(block, "shared") {
            return false;
        }
        for (key, entry) in block.map {
            if key != "shared" && !known.contains(&key.as_str()) {
                let what = format!("`{key}` of {} is for whoever has it to say: it is shared", block.name);
                let hint = "leave it out; if it is this estate's, leave `shared` out";
                self.reader.report(Draft::error(entry.key_span, what).hint(hint));
            }
        }
        true
    }

    /// Refers to it; a mount has to be of this type.
    pub(super) fn refer(&mut self, block: &Block<'_>, kind: &'static Kind, mount_type: &str) {
        let (path, place) = (kind.path("", block.label), self.reader.place(block.span));
        self.shared.push(Shared { kind, path, mount_type: mount_type.to_owned(), place });
    }
}
