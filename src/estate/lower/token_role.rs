//! Token roles.

use super::{Lowering, is_role_name};
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::object::token_role::{self, TOKEN_ROLE};

impl Lowering<'_> {
    /// `token_role "name" { ... }`.
    pub(super) fn token_role(&mut self, block: &Block<'_>) {
        self.reader.check(block, &TOKEN_ROLE);
        if !is_role_name(block.label) || block.label.contains('@') {
            let draft = Draft::error(block.span, format!("`{}` can't be the name of a token role", block.label));
            self.reader.report(draft.hint("a name has letters, digits, `-`, `_` and `.`"));
        }
        let fields = self.reader.fields(block, &token_role::KIND, &TOKEN_ROLE);
        let path = token_role::KIND.path("", block.label);
        let mut object = self.object(&token_role::KIND, path, None, block.span, fields);
        object.protect = self.reader.flag(block, "protect");
        object.renamed_from = self.renamed_from(block, |name| token_role::KIND.path("", name));
        self.add(object, block.span);
    }
}
