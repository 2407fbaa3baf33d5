//! Logins: of apps, in them, and of people and of whatever else is no app, at the top level.
//!
//! Both have the words of their method. An app's login has the app's name and the app's policies, and goes without the
//! policy `default`; another has a name of its own and the policies that it names, beside those that who logs in has by
//! being who they are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Lowering, is_lower_name};
use crate::estate::blocks::LOGIN;
use crate::estate::declared::Login;
use crate::estate::problem::Draft;
use crate::estate::schema::{Block, number};
use crate::estate::span::Span;
use crate::estate::tree::{Map, lacks_label};
use crate::object::words::{Declared, LIFE};
use crate::object::{FieldValue, Kind, Leaf, Origin, login_of, methods, policy_path};
use crate::text::{did_you_mean, nearest};
use crate::units::duration;

impl Lowering<'_> {
    /// `login "approle" { ... }` in an app.
    pub(super) fn app_login(
        &mut self,
        app: &Block<'_>,
        login: &Block<'_>,
        policies: &[String],
        lease: i64,
    ) -> Option<Login> {
        let (mount, span) = self.login_mount(login.label, login);
        let (method, kind) = self.method(login.label, &mount, span);
        if let Some(kind) = kind {
            self.reader.check_with(login, kind.words, &LIFE, &[]);
        }
        // Which keys a login of an unknown sort has is not known either.
        let kind = kind.filter(|_| method.is_some() || !self.is_incomplete())?;
        let mut fields = self.reader.fields(login, kind, kind.words);
        self.check_login(login, &fields, lease);
        fields.insert("token_policies", self.derived(sorted(policies), login));
        let implied = || Leaf {
            origin: Origin::Implied,
            ..Leaf::new(FieldValue::Data(json!(true)), self.reader.place(login.span))
        };
        fields.entry("token_no_default_policy").or_insert_with(implied);
        let role_name = self.login_name(app, login);
        let path = kind.path(&mount, &role_name);
        let declared = Declared { name: &login.name, written: &[], kind, fields: &fields };
        let way = kind.login_words().and_then(|words| (words.way)(&declared));
        let mut object = self.object(kind, path.clone(), Some(app.label), login.span, fields);
        object.protect = self.reader.flag(login, "protect");
        object.renamed_from = self.renamed_from(login, |name| kind.path(&mount, name));
        self.add(object, login.span);
        if self.is_gone(&path) {
            return None;
        }
        let place = self.reader.place(login.span);
        let method = method?;
        Some(Login { method: way.map_or(method, str::to_owned), mount, role_name, place })
    }

    /// All of `login "oidc" "people" { ... }` at the top level.
    pub(super) fn logins(&mut self, declarations: &Map) {
        for outer in self.reader.labelled(declarations, LOGIN.word) {
            if outer.map.is_empty() || lacks_label(LOGIN.word, outer.map) {
                let draft = Draft::error(outer.span, format!("{} needs a second label: its name", outer.name));
                self.reader.report(draft.hint(format!("write {} \"people\" {{ ... }}", outer.name)));
                continue;
            }
            for (label, entry) in outer.map {
                if let Some(login) = self.reader.block(&outer.name, label, entry) {
                    self.living(&login, |this| this.login(outer.label, &login));
                }
            }
        }
    }

    fn login(&mut self, at: &str, login: &Block<'_>) {
        let (mount, span) = self.login_mount(at, login);
        let (method, kind) = self.method(at, &mount, span);
        let Some(kind) = kind.filter(|_| method.is_some() || !self.is_incomplete()) else { return };
        self.reader.check_with(login, kind.words, &LOGIN, &["name"]);
        if !is_lower_name(login.label) {
            let draft = Draft::error(login.span, format!("`{}` can't be the name of a login", login.label));
            self.reader.report(draft.hint("a name has lower-case letters, digits, `-`, `_` and `.`"));
        }
        let policies = self.policies_of_people(login);
        let mut fields = self.reader.fields(login, kind, kind.words);
        self.check_login(login, &fields, 0);
        if let Some(entry) = login.map.get("policies") {
            let place = self.reader.place(entry.value.span);
            fields.insert("token_policies", Leaf::new(FieldValue::Data(sorted(&policies)), place));
        }
        let mut object = self.object(kind, kind.path(&mount, login.label), None, login.span, fields);
        object.protect = self.reader.flag(login, "protect");
        object.renamed_from = self.renamed_from(login, |name| kind.path(&mount, name));
        self.add(object, login.span);
    }

    /// The policies that people's block names, which may be those that follow from apps; apps are lowered before.
    pub(super) fn policies_of_people(&mut self, block: &Block<'_>) -> Vec<String> {
        let derived = self.apps.iter().map(|app| format!("app-{}", app.name));
        let derived: BTreeSet<String> =
            derived.filter(|policy| self.paths.contains_key(&policy_path(policy))).collect();
        self.policies_of(block, &derived)
    }

    /// The policies that a block names; those that are not declared are told.
    pub(super) fn named_policies(&mut self, block: &Block<'_>) -> Vec<String> {
        self.policies_of(block, &BTreeSet::new())
    }

    fn policies_of(&mut self, block: &Block<'_>, derived: &BTreeSet<String>) -> Vec<String> {
        let named = self.reader.texts(block, "policies");
        for (policy, span) in &named {
            if !self.policies.contains(*policy) && !derived.contains(*policy) && *policy != "default" {
                let known: Vec<String> = self.policies.union(derived).cloned().collect();
                let what = format!("the policy `{policy}` is not declared");
                self.dangling(*span, what, policy, known.iter().map(String::as_str));
            }
        }
        let stays =
            |(policy, span): &(&str, Span)| self.stays(&policy_path(policy), *span, &format!("the policy `{policy}`"));
        named.into_iter().filter(stays).map(|(policy, _)| policy.to_owned()).collect()
    }

    /// The type of the method at a mount, and the kind of its logins; `label` is what stands in the place of the method.
    /// A method that is not declared is told, and its kind may be known all the same.
    fn method(&mut self, label: &str, mount: &str, span: Span) -> (Option<String>, Option<&'static Kind>) {
        let method = self.auths.get(mount).cloned();
        // Of a method that is not declared, its label may be the type, or nearly the name of one.
        let known: Vec<String> =
            self.auths.keys().cloned().chain(methods().map(str::to_owned)).filter(|known| known != mount).collect();
        let near = || nearest(mount, known.iter().map(String::as_str));
        let of_near = || near().and_then(|near| login_of(self.auths.get(near).map_or(near, String::as_str)));
        let kind = match &method {
            Some(method) => login_of(method),
            None => login_of(label).or_else(of_near),
        };
        if method.is_none() && !self.is_incomplete() {
            let what = format!("the auth method `{mount}` is not declared");
            let types =
                || kind.and_then(|kind| kind.mount_type()).map_or_else(|| methods().collect(), |only| vec![only]);
            let of_type = if mount == label { self.methods_of(label) } else { Vec::new() };
            let hint = match of_type.as_slice() {
                [] => did_you_mean(mount, known.iter().map(String::as_str)).unwrap_or_else(|| {
                    format!("declare it: auth \"{mount}\" {{ type = \"{}\" }}", types().join("\" or \""))
                }),
                several => format!("say at which it is: mount = \"{}\"", several.join("\" or \"")),
            };
            self.reader.report(Draft::error(span, what).hint(hint));
        }
        (method, kind)
    }

    /// Where a login is, as far as that is said: its label may be the type of the only method of that type.
    fn login_mount(&mut self, label: &str, login: &Block<'_>) -> (String, Span) {
        match self.reader.text(login, "mount") {
            Some((mount, span)) => (mount.to_owned(), span),
            None => match self.methods_of(label).as_slice() {
                [only] => (only.clone(), login.span),
                _ => (label.to_owned(), login.span),
            },
        }
    }

    /// The declared auth methods of a login that names its type alone: none where a method has that name.
    fn methods_of(&self, label: &str) -> Vec<String> {
        let is_of = |kind: &str| login_of(label).is_some_and(|wanted| login_of(kind) == Some(wanted));
        let named = self.auths.contains_key(label);
        self.auths.iter().filter(|(_, kind)| !named && is_of(kind)).map(|(mount, _)| mount.clone()).collect()
    }

    /// The role's name at its auth method: as the author says, for one that is there already, or of the app.
    fn login_name(&mut self, app: &Block<'_>, login: &Block<'_>) -> String {
        match self.reader.text(login, "name") {
            Some((name, _)) if is_lower_name(name) => name.to_owned(),
            Some((name, span)) => {
                let draft = Draft::error(span, format!("`{name}` can't be the name of a login"));
                self.reader.report(draft.hint("a name has lower-case letters, digits, `-`, `_` and `.`"));
                format!("app-{}", app.label)
            }
            None => format!("app-{}", app.label),
        }
    }

    fn check_login(&mut self, login: &Block<'_>, fields: &BTreeMap<&'static str, Leaf>, lease: i64) {
        self.check_order(login, fields, ["token_ttl", "token_max_ttl"], ["token_ttl", "token_max_ttl"]);
        let token_ttl = number(fields, "token_ttl");
        let lives = token_ttl.max(number(fields, "token_max_ttl")).max(number(fields, "token_period"));
        if let Some(entry) = login.map.get("token_ttl").filter(|_| token_ttl > 0 && lives < lease) {
            let what = format!(
                "a lease ends with its token: tokens live {}, leases {}",
                duration::shown(lives),
                duration::shown(lease)
            );
            let hint = format!("set token_ttl = \"{}\" or more", duration::shown(lease));
            self.reader.report(Draft::warning(entry.value.span, what).hint(hint));
        }
    }
}

fn sorted(names: &[String]) -> Value {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    Value::from(names)
}
