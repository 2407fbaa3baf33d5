//! `kv "secret" { version = 2 ... }`: a key-value engine, and what one of version 2 begins its secrets with.

use serde_json::Value;

use super::{Lowering, Mounted};
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::object::kv_config::{self, KV};
use crate::object::kv_version::{PLAIN, TYPE, VERSIONED};
use crate::object::{FieldValue, Leaf, mount};

impl Lowering<'_> {
    /// All of `kv "secret" { ... }`.
    pub(super) fn kv(&mut self, block: &Block<'_>) {
        self.reader.check(block, &KV);
        let version = self.version(block);
        let is_plain = version.as_ref().is_some_and(|(version, _)| *version == 1);
        let mount_type = if is_plain { PLAIN } else { VERSIONED };
        self.engine_path(block);
        self.mounts.insert(block.label.to_owned(), Mounted { mount_type, lease: 0 });
        if self.is_shared(block, &["version"]) {
            self.refer(block, &mount::KIND, mount_type);
            return;
        }
        let own = version.map(|(_, leaf)| ("version", leaf)).into_iter().collect();
        self.engine_mount(block, &KV, TYPE, own);
        let fields = self.reader.fields(block, &kv_config::KIND, &KV);
        if is_plain {
            for (key, _) in KV.fields_of(&kv_config::KIND) {
                if let Some(entry) = block.map.get(key) {
                    let what = format!("`{key}` is for version 2: version 1 keeps one value of each secret");
                    self.reader.report(Draft::error(entry.key_span, what).hint("leave it out, or write version = 2"));
                }
            }
        } else if !fields.is_empty() {
            let path = kv_config::KIND.path(block.label, "");
            let object = self.object(&kv_config::KIND, path, None, block.span, fields);
            self.add(object, block.span);
        }
    }

    /// Which version it has: servers take it for 1 where nobody says, and command lines for 2.
    fn version(&mut self, block: &Block<'_>) -> Option<(i64, Leaf)> {
        if !self.reader.require(block, "version", "2") {
            return None;
        }
        let (version, span) = self.reader.int(block, "version")?;
        if !matches!(version, 1 | 2) {
            let draft = Draft::error(span, format!("there is no version {version} of key-value engines"));
            self.reader.report(draft.hint("version = 2 keeps versions of each secret, version = 1 the last alone"));
            return None;
        }
        let leaf = Leaf::new(FieldValue::Data(Value::from(version)), self.reader.place(span));
        Some((version, leaf))
    }
}
