//! Declarations to objects, for one environment: each declaration becomes the objects it stands for. Every step goes on
//! after a problem, so that one run tells all of them.

mod any_object;
mod app;
mod assert;
mod document;
mod engine;
mod guardrail;
mod iam_role;
mod kv;
mod life;
mod limits;
mod login;
mod path;
mod people;
mod policy;
mod server;
mod shared;
mod sole;
mod token_role;
mod transit;
mod trust;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use self::life::Lives;
pub use app::derived_rules;
pub use assert::requests_with;
pub(super) use guardrail::{GuardrailWord, Takes, outline as guardrail_outline};
pub(super) use policy::check_file;

use super::declared::{App, Environment, Estate, IamPrincipal, ManagedPolicy, Test};
use super::interpolate::Variables;
use super::problem::{Draft, Problem};
use super::schema::Reader;
use super::span::Span;
use super::tree::Map;
use crate::acl::Acl;
use crate::guardrail::Guardrail;
use crate::object::{self, FieldValue, Leaf, Object, OnChange, OnRotate, Place, Shared};
use crate::text::did_you_mean;

/// A secrets engine that is declared.
struct Mounted {
    /// The type that it goes by.
    mount_type: &'static str,
    /// Its default lease in seconds, 0 where none is set.
    lease: i64,
}

impl Mounted {
    /// Whether engines of its type have roles.
    fn has_roles(&self) -> bool {
        self.role_kinds().next().is_some()
    }
}

/// A role that is declared.
struct Role {
    kind: &'static object::Kind,
    /// The app that it belongs to.
    app: Option<String>,
}

/// One run of lowering: what is known so far, and what came out. What is named in messages is kept in order, so that
/// the same files are answered in the same words.
pub(super) struct Lowering<'s> {
    pub(super) reader: Reader<'s>,
    variables: Variables,
    incomplete: bool,
    /// Secrets engines by path.
    mounts: BTreeMap<String, Mounted>,
    /// Auth methods by path, with their type.
    auths: BTreeMap<String, String>,
    /// Roles by `<mount>/<role>`.
    roles: BTreeMap<String, Role>,
    /// ACL policies by name.
    policies: BTreeSet<String>,
    /// Where each object's path is declared.
    paths: HashMap<String, Span>,
    /// Policy documents by source and use, so that a file is read and checked once.
    documents: HashMap<(u32, document::Use), Option<document::Document>>,
    /// The texts of declared ACL policies, by name.
    rule_texts: HashMap<String, String>,
    /// What the policies that apps name let their tokens do together.
    acls: HashMap<Vec<String>, Option<Arc<Acl>>>,
    /// Where the rules of each ACL policy stand, by the policy's path.
    rules: HashMap<String, Vec<(String, Place)>>,
    /// Paths of the engine that policies and tests name.
    named_paths: Vec<(String, Span)>,
    /// The username templates of AWS engines.
    templates: Vec<limits::Declared>,
    /// Whether the engine is ours, as far as can be told.
    is_ours: bool,
    /// Where each ARN of a managed policy is declared.
    arns: HashMap<String, Span>,
    objects: Vec<Object>,
    /// How long declarations hold.
    lives: Lives,
    shared: Vec<Shared>,
    apps: Vec<App>,
    managed_policies: Vec<ManagedPolicy>,
    iam_roles: Vec<IamPrincipal>,
    iam_users: Vec<IamPrincipal>,
    /// Whom AWS takes each AWS engine for, by the path of its mount.
    principals: BTreeMap<String, String>,
    /// Where the fields of sessions stand, by the path of their role and the field.
    term_spans: HashMap<(String, &'static str), Span>,
    tests: Vec<Test>,
    guardrails: Vec<Guardrail>,
    /// All guardrails that are declared, by name, also those that are switched off.
    named_guardrails: Vec<(String, Place)>,
}

impl<'s> Lowering<'s> {
    /// Without the files that could not be read (`incomplete`); whether the engine is ours, as far as can be told.
    pub(super) fn new(reader: Reader<'s>, variables: Variables, incomplete: bool, is_ours: bool) -> Self {
        Self {
            reader,
            variables,
            incomplete,
            mounts: BTreeMap::new(),
            auths: BTreeMap::new(),
            roles: BTreeMap::new(),
            policies: BTreeSet::new(),
            paths: HashMap::new(),
            documents: HashMap::new(),
            rule_texts: HashMap::new(),
            acls: HashMap::new(),
            rules: HashMap::new(),
            named_paths: Vec::new(),
            templates: Vec::new(),
            is_ours,
            arns: HashMap::new(),
            objects: Vec::new(),
            lives: Lives::default(),
            shared: Vec::new(),
            apps: Vec::new(),
            managed_policies: Vec::new(),
            iam_roles: Vec::new(),
            iam_users: Vec::new(),
            principals: BTreeMap::new(),
            term_spans: HashMap::new(),
            tests: Vec::new(),
            guardrails: Vec::new(),
            named_guardrails: Vec::new(),
        }
    }

    pub(super) fn run(&mut self, declarations: &Map) {
        for block in self.reader.labelled(declarations, "audit") {
            self.living(&block, |this| this.audit(&block));
        }
        for block in self.reader.labelled(declarations, "aws") {
            self.living(&block, |this| this.aws(&block));
        }
        for block in self.reader.labelled(declarations, "kv") {
            self.living(&block, |this| this.kv(&block));
        }
        for block in self.reader.labelled(declarations, "transit") {
            self.living(&block, |this| this.transit(&block));
        }
        self.check_mount_prefixes();
        for block in self.reader.labelled(declarations, "auth") {
            self.living(&block, |this| this.auth(&block));
        }
        for block in self.reader.labelled(declarations, "policy") {
            self.living(&block, |this| this.policy(&block));
        }
        for block in self.reader.labelled(declarations, "token_role") {
            self.living(&block, |this| this.token_role(&block));
        }
        for word in object::role_words() {
            for block in self.reader.labelled(declarations, word) {
                self.living(&block, |this| this.role(&block, None));
            }
        }
        let apps = self.reader.labelled(declarations, "app");
        // Roles first: an app may name a role that another file declares.
        let roles: Vec<_> = apps.iter().map(|app| self.living(app, |this| this.app_roles(app))).collect();
        for (block, roles) in apps.iter().zip(roles) {
            self.living(block, |this| this.app(block, roles));
        }
        for block in self.reader.labelled(declarations, "managed_policy") {
            self.managed_policy(&block);
        }
        for block in self.reader.labelled(declarations, "iam_role") {
            self.iam_role(&block);
        }
        for block in self.reader.labelled(declarations, "iam_user") {
            self.iam_user(&block);
        }
        for block in self.reader.labelled(declarations, "password_policy") {
            self.living(&block, |this| this.password_policy(&block));
        }
        for block in self.reader.labelled(declarations, "quota") {
            self.living(&block, |this| this.quota(&block));
        }
        for block in self.reader.labelled(declarations, "object") {
            self.living(&block, |this| this.any_object(&block));
        }
        self.logins(declarations);
        self.people(declarations);
        self.check_lives();
        self.check_sole();
        self.check_sessions();
        self.check_trust();
        self.check_own_users();
        for block in self.reader.labelled(declarations, "test") {
            self.test(&block);
        }
        for block in self.reader.labelled(declarations, "guardrail") {
            self.guardrail(&block);
        }
        self.default_guardrail();
        self.check_named_paths();
        self.check_templates();
    }

    /// The paths of the secrets engines that have roles.
    fn role_mounts(&self) -> impl Iterator<Item = &String> {
        self.mounts.iter().filter(|(_, mounted)| mounted.has_roles()).map(|(mount, _)| mount)
    }

    /// Adds an object, unless its path is declared already.
    fn add(&mut self, object: Object, span: Span) {
        if let Some(first) = self.paths.get(&object.path) {
            let what = format!("this and another declaration both make {}", object.path);
            self.reader.report(Draft::error(span, what).label("made here too").also(*first, "made here first"));
            return;
        }
        self.paths.insert(object.path.clone(), span);
        match self.absence().cloned() {
            Some(absence) => self.gone(object, absence),
            None => self.objects.push(object),
        }
    }

    /// Whether what seems to be named and not declared may only not have been taken up.
    fn is_incomplete(&self) -> bool {
        self.incomplete || self.reader.left_out
    }

    /// An object of a declaration.
    fn object(
        &self,
        kind: &'static object::Kind,
        path: String,
        app: Option<&str>,
        span: Span,
        mut fields: std::collections::BTreeMap<&'static str, Leaf>,
    ) -> Object {
        for (name, leaf) in &mut fields {
            if let (FieldValue::Data(value), Some(field)) = (&mut leaf.value, kind.field(name)) {
                *value = kind.canonical(field, &path, value.take());
            }
        }
        Object {
            kind,
            path,
            app: app.map(str::to_owned),
            place: self.reader.place(span),
            fields,
            protect: false,
            expires: self.expires(),
            renamed_from: None,
            on_rotate: OnRotate::Seen,
            on_change: OnChange::Keep,
        }
    }

    /// Tells that something is named and not declared. Silent while files are unread.
    fn dangling<'a>(&mut self, span: Span, what: String, name: &str, known: impl Iterator<Item = &'a str>) {
        if self.is_incomplete() {
            return;
        }
        let hint = did_you_mean(name, known);
        self.reader.report(Draft::error(span, what).hint_if(hint));
    }

    /// Everything that is wrong.
    pub(super) fn finish_problems(&mut self) -> Vec<Problem> {
        let drafts = std::mem::take(&mut self.reader.problems);
        let sources = self.reader.sources;
        let unread = sources.problems.iter().cloned();
        unread.chain(drafts.into_iter().map(|draft| sources.finish(draft))).collect()
    }

    /// What was declared.
    pub(super) fn estate(self, environments: Vec<(String, Place)>, environment: Environment) -> Estate {
        let by_path = self.objects.iter().enumerate().map(|(index, object)| (object.path.clone(), index)).collect();
        Estate {
            environments,
            environment,
            objects: self.objects,
            by_path,
            absent: self.lives.absent,
            shared: self.shared,
            apps: self.apps,
            rules: self.rules,
            managed_policies: self.managed_policies,
            iam_roles: self.iam_roles,
            iam_users: self.iam_users,
            principals: self.principals,
            tests: self.tests,
            guardrails: self.guardrails,
            named_guardrails: self.named_guardrails,
            warnings: Vec::new(),
        }
    }
}

/// Whether a text is one path segment that engines take as the name of a role: word characters at both ends,
/// also `-`, `.` and `@` between them. Source: Vault's `GenericNameRegex`.
fn is_role_name(name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = name.as_bytes();
    bytes.len() <= 128
        && bytes.first().is_some_and(|byte| word(*byte))
        && bytes.last().is_some_and(|byte| word(*byte))
        && bytes.iter().all(|byte| word(*byte) || matches!(byte, b'-' | b'.' | b'@'))
}

/// Whether a text is a name that engines keep as it is: they lower the case of policies and AppRole roles.
fn is_lower_name(name: &str) -> bool {
    is_role_name(name) && !name.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'@')
}

/// Whether a text can be the path of a mount.
fn is_mount_path(path: &str) -> bool {
    path.len() <= 256 && path.split('/').all(is_role_name)
}
