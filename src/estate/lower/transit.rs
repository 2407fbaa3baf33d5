//! `transit "transit" { key "orders" { ... } }`: an engine that encrypts and signs, and its keys.

use super::{Lowering, Mounted, is_role_name};
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::object::mount;
use crate::object::transit_key::{self, KEY, TRANSIT, TYPE};

impl Lowering<'_> {
    /// All of `transit "transit" { ... }`. A shared one may have keys of this estate.
    pub(super) fn transit(&mut self, block: &Block<'_>) {
        self.reader.check(block, &TRANSIT);
        self.engine_path(block);
        self.mounts.insert(block.label.to_owned(), Mounted { mount_type: TYPE, lease: 0 });
        if self.is_shared(block, &[KEY.word]) {
            self.refer(block, &mount::KIND, TYPE);
        } else {
            self.engine_mount(block, &TRANSIT, TYPE, std::collections::BTreeMap::new());
        }
        for key in self.reader.labelled(block.map, KEY.word) {
            self.living(&key, |this| this.transit_key(block.label, &key));
        }
    }

    fn transit_key(&mut self, mount: &str, key: &Block<'_>) {
        self.reader.check(key, &KEY);
        if !is_role_name(key.label) {
            let draft = Draft::error(key.span, format!("`{}` can't be the name of a key", key.label));
            self.reader
                .report(draft.hint("a name has letters, digits and `_` at its ends, and `-` and `.` between them"));
        }
        let fields = self.reader.fields(key, &transit_key::KIND, &KEY);
        let path = transit_key::KIND.path(mount, key.label);
        let mut object = self.object(&transit_key::KIND, path, None, key.span, fields);
        object.protect = self.reader.flag(key, "protect");
        self.add(object, key.span);
    }
}
