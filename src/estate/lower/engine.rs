//! What an engine has before there are apps: audit devices, AWS engines, auth methods.

use std::collections::BTreeMap;

use serde_json::Value;

use super::limits::Declared;
use super::{Lowering, Mounted, is_mount_path};
use crate::estate::problem::Draft;
use crate::estate::schema::{Block, number};
use crate::estate::tree::Content;
use crate::estate::value;
use crate::object::audit_device::{self, AUDIT};
use crate::object::auth_mount::{self, AUTH, LOCKOUT};
use crate::object::aws_lease::{self, LEASE};
use crate::object::aws_root::{self, AWS, ROOT};
use crate::object::home::METHODS;
use crate::object::{Class, FieldValue, Leaf, Mount, OnRotate, login_of, methods, mount, words};
use crate::text::did_you_mean;

/// The type of the engines that `aws` declares.
const MOUNT_TYPE: &str = "aws";

impl Lowering<'_> {
    /// `aws "aws" { ... }`: the mount, its root configuration, its lease terms.
    pub(super) fn aws(&mut self, block: &Block<'_>) {
        self.reader.check(block, &AWS);
        self.engine_path(block);
        if self.is_shared(block, &["principal_arn"]) {
            self.principal(block);
            self.refer(block, &mount::KIND, MOUNT_TYPE);
            self.mounts.insert(block.label.to_owned(), Mounted { mount_type: MOUNT_TYPE, lease: 0 });
            return;
        }
        let mount_default = self.engine_mount(block, &AWS, MOUNT_TYPE, BTreeMap::new());
        self.root(block);
        let lease = self.lease(block);
        let lease = if lease > 0 { lease } else { mount_default };
        self.mounts.insert(block.label.to_owned(), Mounted { mount_type: MOUNT_TYPE, lease });
    }

    /// What is wrong with the path of a secrets engine.
    pub(super) fn engine_path(&mut self, block: &Block<'_>) {
        self.mount_path(block, mount::KIND.is_built_in(&mount::KIND.path("", block.label)));
    }

    /// The mount of a secrets engine of a type, by the words of its block and these fields; answers its default lease in
    /// seconds, 0 where none is set.
    pub(super) fn engine_mount(
        &mut self,
        block: &Block<'_>,
        words: &words::Block,
        mount_type: &str,
        own: BTreeMap<&'static str, Leaf>,
    ) -> i64 {
        let mut fields = self.reader.fields(block, &mount::KIND, words);
        self.check_order(
            block,
            &fields,
            ["default_lease_ttl", "max_lease_ttl"],
            ["default_lease_ttl", "max_lease_ttl"],
        );
        fields.insert("type", self.derived(mount_type, block));
        fields.extend(own);
        let lease = number(&fields, "default_lease_ttl");
        let mut object = self.object(&mount::KIND, mount::KIND.path("", block.label), None, block.span, fields);
        object.protect = self.reader.flag(block, "protect");
        self.add(object, block.span);
        lease
    }

    fn root(&mut self, block: &Block<'_>) {
        let mut fields = self.reader.fields(block, &aws_root::KIND, &AWS);
        self.check_root(block);
        self.principal(block);
        let root = self.reader.inner(block, "root");
        let mut on_rotate = OnRotate::default();
        if let Some(root) = &root {
            self.reader.check(root, &ROOT);
            on_rotate = self.on_rotate(root);
            let both = self.reader.require(root, "access_key", "\"secret:env:AWS_ROOT_ACCESS_KEY_ID\"")
                & self.reader.require(root, "secret_key", "\"secret:env:AWS_ROOT_SECRET_ACCESS_KEY\"");
            if both {
                self.access_key(root, &mut fields);
                fields.extend(self.reader.fields(root, &aws_root::KIND, &ROOT));
            }
        }
        let span = root.as_ref().map_or(block.span, |root| root.span);
        if !fields.is_empty() {
            let mut object = self.object(&aws_root::KIND, aws_root::KIND.path(block.label, ""), None, span, fields);
            object.on_rotate = on_rotate;
            self.add(object, span);
        }
    }

    /// What becomes of the declared key once the engine has another.
    fn on_rotate(&mut self, block: &Block<'_>) -> OnRotate {
        self.choice(block, "on_rotate", OnRotate::WORDS, OnRotate::of_word)
    }

    /// One of a few words; the default where there is none, or another.
    pub(super) fn choice<T: Default>(
        &mut self,
        block: &Block<'_>,
        key: &str,
        words: &[&str],
        of_word: fn(&str) -> Option<T>,
    ) -> T {
        let Some((word, span)) = self.reader.text(block, key) else { return T::default() };
        of_word(word).unwrap_or_else(|| {
            let what = format!("{key} is not `{word}`");
            let hint = did_you_mean(word, words.iter().copied())
                .unwrap_or_else(|| format!("it is one of: {}", value::listed(words)));
            self.reader.report(Draft::error(span, what).hint(hint));
            T::default()
        })
    }

    fn check_root(&mut self, block: &Block<'_>) {
        let single = ["iam_endpoint", "sts_endpoint"].map(|key| self.reader.text_quietly(block, key));
        let fallbacks = self.reader.texts_quietly(block, "sts_fallback_endpoints");
        for (endpoint, span) in single.into_iter().flatten().chain(fallbacks) {
            if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
                let draft = Draft::error(span, format!("`{endpoint}` is not an endpoint"));
                self.reader.report(draft.hint("an endpoint is written https://HOST"));
            }
        }
        if let Some((region, span)) = self.reader.text_quietly(block, "region") {
            let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if !region.bytes().all(word) || !region.contains('-') {
                let draft = Draft::error(span, format!("`{region}` is not an AWS region"));
                self.reader.report(draft.hint("a region is written eu-west-1"));
            }
        }
        if let Some((text, span)) = self.reader.text_quietly(block, "username_template")
            && !text.is_empty()
        {
            let (mount, text) = (block.label.to_owned(), text.to_owned());
            self.templates.push(Declared { mount, text, span });
        }
        if let Some(entry) = block.map.get("max_retries")
            && matches!(entry.value.content, Content::Int(retries) if !(-1..=100).contains(&retries))
        {
            self.reader.report(Draft::error(entry.value.span, "max_retries is between -1, the SDK's default, and 100"));
        }
    }

    /// An access key id is not a secret, and is told by the engine; it may stand in the file or be a reference.
    fn access_key(&mut self, root: &Block<'_>, fields: &mut std::collections::BTreeMap<&'static str, Leaf>) {
        let Some(entry) = root.map.get("access_key") else { return };
        let is_key = |text: &str| {
            text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        };
        let value = match value::secret(&entry.value) {
            Ok(reference) => FieldValue::Unresolved(reference),
            Err(draft) => match value::text(&entry.value) {
                Ok(text) if is_key(text) => FieldValue::Data(Value::from(text)),
                _ => {
                    self.reader.report(draft);
                    return;
                }
            },
        };
        fields.insert("access_key", Leaf::new(value, self.reader.place(entry.value.span)));
    }

    /// The lease terms; answers the default lease in seconds, 0 when there is none.
    fn lease(&mut self, block: &Block<'_>) -> i64 {
        let Some(lease) = self.reader.inner(block, "lease") else { return 0 };
        self.reader.check(&lease, &LEASE);
        let fields = self.reader.fields(&lease, &aws_lease::KIND, &LEASE);
        if lease.map.is_empty() {
            self.reader.report(Draft::error(lease.span, "this lease has no terms").hint("add default = \"1h\""));
            return 0;
        }
        self.check_order(&lease, &fields, ["default", "max"], ["lease", "lease_max"]);
        let default = number(&fields, "lease");
        let object = self.object(&aws_lease::KIND, aws_lease::KIND.path(block.label, ""), None, lease.span, fields);
        self.add(object, lease.span);
        default
    }

    /// Tells that a duration is longer than the one that bounds it.
    pub(super) fn check_order(
        &mut self,
        block: &Block<'_>,
        fields: &std::collections::BTreeMap<&'static str, Leaf>,
        keys: [&str; 2],
        names: [&str; 2],
    ) {
        let [small, large] = names.map(|name| number(fields, name));
        let [Some(first), Some(second)] = keys.map(|key| block.map.get(key)) else { return };
        if small > large && large > 0 {
            let draft = Draft::error(first.value.span, format!("`{}` is longer than `{}`", keys[0], keys[1]));
            self.reader.report(draft.also(second.value.span, "the limit"));
        }
    }

    /// Two mounts can't be one below the other.
    pub(super) fn check_mount_prefixes(&mut self) {
        let mut paths: Vec<&String> = self.mounts.keys().collect();
        paths.sort_unstable();
        let mut drafts = Vec::new();
        for pair in paths.windows(2) {
            let (outer, inner) = (pair[0], pair[1]);
            if inner.strip_prefix(outer.as_str()).is_some_and(|rest| rest.starts_with('/')) {
                let span = |path: &str| self.paths.get(&mount::KIND.path("", path)).copied();
                if let (Some(inner_span), Some(outer_span)) = (span(inner), span(outer)) {
                    let what = format!("`{inner}` is inside the mount `{outer}`");
                    drafts.push(Draft::error(inner_span, what).also(outer_span, "the outer mount"));
                }
            }
        }
        drafts.into_iter().for_each(|draft| self.reader.report(draft));
    }

    /// `auth "approle" { ... }`.
    pub(super) fn auth(&mut self, block: &Block<'_>) {
        let path = auth_mount::KIND.path("", block.label);
        self.mount_path(block, auth_mount::KIND.is_built_in(&path));
        let (kind, span) = self.reader.text(block, "type").unwrap_or((block.label, block.span));
        if login_of(kind).is_none() {
            let draft = Draft::error(span, format!("`{kind}` is not an auth method that can be declared"));
            let known: Vec<&str> = methods().collect();
            self.reader.report(draft.hint(match (block.map.contains_key("type"), known.as_slice()) {
                (true, [only]) => format!("known is `{only}`"),
                (true, several) => format!("known are {}", value::listed(several)),
                (false, several) => format!("add type = \"{}\"", several.join("\" or \"")),
            }));
        }
        if self.is_shared(block, &["type"]) {
            self.refer(block, &auth_mount::KIND, kind);
            self.auths.insert(block.label.to_owned(), kind.to_owned());
            return;
        }
        let mut fields = self.reader.fields(block, &auth_mount::KIND, &AUTH);
        self.check_order(
            block,
            &fields,
            ["default_lease_ttl", "max_lease_ttl"],
            ["default_lease_ttl", "max_lease_ttl"],
        );
        fields.insert("type", self.derived(kind, block));
        self.lockout(block, kind, &mut fields);
        let mut object = self.object(&auth_mount::KIND, path, None, block.span, fields);
        object.protect = self.reader.flag(block, "protect");
        self.add(object, block.span);
        self.auth_settings(block, kind);
        self.auths.insert(block.label.to_owned(), kind.to_owned());
    }

    /// When whoever fails has to wait.
    fn lockout(&mut self, block: &Block<'_>, mount_type: &str, fields: &mut BTreeMap<&'static str, Leaf>) {
        let Some(inner) = self.reader.inner(block, LOCKOUT.word) else { return };
        self.reader.check(&inner, &LOCKOUT);
        fields.extend(self.reader.fields(&inner, &auth_mount::KIND, &LOCKOUT));
        if login_of(mount_type).is_some_and(|login| !login.special.locks_out) {
            let draft = Draft::error(inner.span, format!("logins of the type `{mount_type}` lock nobody out"));
            self.reader.report(draft.hint("leave `lockout` out: nobody can guess what they take"));
        }
    }

    /// The settings of an auth method, each in a block of its own, what it has several of, each in one with a label, and what
    /// is known in the declaration with them.
    fn auth_settings(&mut self, block: &Block<'_>, mount_type: &str) {
        let mount = Mount { table: &METHODS, mount_type: mount_type.to_owned(), name: block.label };
        let settings: Vec<_> = mount.settings().collect();
        let several: Vec<_> =
            mount.folders().map(|(kind, _)| kind).filter(|kind| kind.class == Class::Config).collect();
        let own = settings.iter().map(|(kind, _)| kind).chain(&several);
        let known: Vec<&str> = AUTH.words().chain(own.map(|kind| kind.words.word)).collect();
        self.reader.check_keys(block, &known);
        for (kind, path) in settings {
            let Some(inner) = self.reader.inner(block, kind.words.word) else { continue };
            self.reader.check(&inner, kind.words);
            let mut fields = self.reader.fields(&inner, kind, kind.words);
            let mut on_rotate = OnRotate::default();
            if kind.key().is_some() {
                self.access_key(&inner, &mut fields);
                on_rotate = self.on_rotate(&inner);
            }
            let mut object = self.object(kind, path, None, inner.span, fields);
            object.on_rotate = on_rotate;
            self.add(object, inner.span);
        }
        for kind in several {
            for one in self.reader.labelled(block.map, kind.words.word) {
                self.reader.check(&one, kind.words);
                let fields = self.reader.fields(&one, kind, kind.words);
                let object = self.object(kind, kind.path(block.label, one.label), None, one.span, fields);
                self.add(object, one.span);
            }
        }
    }

    /// `audit "NAME" { ... }`.
    pub(super) fn audit(&mut self, block: &Block<'_>) {
        self.reader.check(block, &AUDIT);
        let path = audit_device::KIND.path("", block.label);
        self.mount_path(block, audit_device::KIND.is_built_in(&path));
        self.of_type(block);
        let fields = self.reader.fields(block, &audit_device::KIND, &AUDIT);
        if let Some((mode, span)) = self.reader.text_quietly(block, "mode")
            && !(mode.len() <= 5 && !mode.is_empty() && mode.bytes().all(|byte| (b'0'..=b'7').contains(&byte)))
        {
            self.reader.report(Draft::error(span, format!("`{mode}` is not a mode")).hint("a mode is octal: \"0600\""));
        }
        if let Some((file, span)) = self.reader.text_quietly(block, "file_path")
            && !file.starts_with('/')
        {
            let draft = Draft::error(span, "file_path is an absolute path on the engine's machine");
            self.reader.report(match file {
                "stdout" | "discard" => {
                    draft.hint(format!("a trail that is kept needs a file; `{file}` keeps nothing"))
                }
                _ => draft,
            });
        }
        if let Some((prefix, span)) = self.reader.text_quietly(block, "prefix")
            && prefix.contains(|c: char| c == '{' || c.is_control())
        {
            let draft = Draft::error(span, "a prefix holds no `{` and no line ends or other control characters");
            self.reader.report(draft.hint("readers of the trail find the JSON of a line at its first `{`"));
        }
        let mut object = self.object(&audit_device::KIND, path, None, block.span, fields);
        object.protect = self.reader.flag(block, "protect");
        self.add(object, block.span);
    }

    /// Demands what a device of its type needs, and refuses what is another's.
    fn of_type(&mut self, block: &Block<'_>) {
        let said = self.reader.text_quietly(block, "type").map(|(kind, _)| kind);
        let kind = said.unwrap_or("file");
        match kind {
            "file" => self.reader.require(block, "file_path", "\"/var/log/leasehold/audit.log\""),
            "socket" => self.reader.require(block, "address", "\"siem.example:9090\""),
            _ => true,
        };
        let others = audit_device::OF_TYPES.iter().filter(|(other, _)| *other != kind);
        for (other, key) in others.flat_map(|(other, keys)| keys.iter().map(move |key| (other, key))) {
            if let Some(entry) = block.map.get(*key) {
                let what = format!("`{key}` is of a device with `type = \"{other}\"`, and this one is a {kind}");
                self.reader.report(Draft::error(entry.value.span, what));
            }
        }
    }

    fn mount_path(&mut self, block: &Block<'_>, reserved: bool) {
        let first = block.label.split('/').next().unwrap_or_default();
        if !is_mount_path(block.label) {
            let draft = Draft::error(block.span, format!("`{}` can't be the path of a mount", block.label));
            self.reader.report(draft.hint("a path has letters, digits, `-`, `_`, `.` and `/` between them"));
        } else if reserved || matches!(first, "sys" | "auth" | "cubbyhole" | "identity") {
            self.reader.report(Draft::error(block.span, format!("`{}` belongs to the engine itself", block.label)));
        }
    }

    /// A field that follows from the declaration as a whole.
    pub(super) fn derived(&self, value: impl Into<Value>, block: &Block<'_>) -> Leaf {
        Leaf::new(FieldValue::Data(value.into()), self.reader.place(block.span))
    }
}
