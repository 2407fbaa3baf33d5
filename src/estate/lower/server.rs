//! What an engine has for itself, beside mounts: password policies and quotas.

use serde_json::Value;

use super::document::unread;
use super::{Lowering, is_lower_name};
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::object::password_policy::{self, PASSWORD_POLICY};
use crate::object::quota::{self, QUOTA};
use crate::object::{FieldValue, Leaf};

impl Lowering<'_> {
    /// `password_policy "db" { policy = "..." }`, or `"file:NAME"`.
    pub(super) fn password_policy(&mut self, block: &Block<'_>) {
        self.reader.check(block, &PASSWORD_POLICY);
        self.server_name(block);
        let protect = self.reader.flag(block, "protect");
        if !self.reader.require(block, "policy", "\"file:passwords/NAME.txt\"") {
            return;
        }
        let Some((text, span)) = self.reader.text(block, "policy") else { return };
        let read = match text.strip_prefix("file:") {
            None => Some(text.to_owned()),
            Some(name) => match self.reader.sources.reference(name) {
                Ok(index) => self.reader.sources.get(index).map(|source| source.text.clone()),
                Err(why) => return self.reader.report(unread(name, span, why)),
            },
        };
        let Some(rules) = read else { return };
        if !rules.contains("length") || !rules.contains("rule") {
            let draft = Draft::error(span, "a password policy has a length and rules, and this has not");
            let hint = "write length = 20 and, for each set of characters, rule \"charset\" { charset = \"abc...\" }";
            return self.reader.report(draft.hint(hint));
        }
        let leaf = Leaf::new(FieldValue::Data(Value::from(rules.trim())), self.reader.place(span));
        let path = password_policy::KIND.path("", block.label);
        let mut object = self.object(&password_policy::KIND, path, None, block.span, [("policy", leaf)].into());
        object.protect = protect;
        self.add(object, block.span);
    }

    /// `quota "logins" { rate = 10, path = "auth/approle" }`.
    pub(super) fn quota(&mut self, block: &Block<'_>) {
        self.reader.check(block, &QUOTA);
        self.server_name(block);
        let fields = self.reader.fields(block, &quota::KIND, &QUOTA);
        if let Some((path, span)) = self.reader.text_quietly(block, "path")
            && (path.starts_with('/') || path.ends_with('/'))
        {
            let draft = Draft::error(span, "the path of a quota begins and ends with a name");
            self.reader.report(draft.hint(format!("write path = \"{}\"", path.trim_matches('/'))));
        }
        let path = quota::KIND.path("", block.label);
        let mut object = self.object(&quota::KIND, path, None, block.span, fields);
        object.protect = self.reader.flag(block, "protect");
        self.add(object, block.span);
    }

    fn server_name(&mut self, block: &Block<'_>) {
        if !is_lower_name(block.label) {
            let draft = Draft::error(block.span, format!("`{}` can't be a name here", block.label));
            self.reader.report(draft.hint("a name has lower-case letters, digits, `-`, `_` and `.`"));
        }
    }
}
