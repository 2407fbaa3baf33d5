//! Apps and roles: what may be had, and the logins and policies that follow.
//!
//! From an app follow one ACL policy and one role for each login, all named `app-<name>`. The policy grants
//! `read` on the credential paths of the app's roles and what a token needs to look after itself, and nothing
//! else.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;

use super::document::{Document, Use};
use super::policy::quoted;
use super::{Lowering, Role, is_lower_name, is_role_name};
use crate::acl::{Acl, Capability};
use crate::estate::blocks::APP;
use crate::estate::declared::{App, Login};
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::estate::value;
use crate::object::review::{AccessFields, Way};
use crate::object::{
    FieldValue, Kind, Leaf, Leases, Object, OnChange, RolePath, acl_policy, policy_path, role_words, roles,
};

/// What every app's token may do for itself. Source: the paths of Vault's `default` policy.
const SELF_CARE: &[(&str, &str)] = &[
    ("auth/token/lookup-self", "read"),
    ("auth/token/renew-self", "update"),
    ("auth/token/revoke-self", "update"),
    ("sys/leases/renew", "update"),
];

impl Lowering<'_> {
    /// `role "reader" { ... }`, at the top level or in an app.
    pub(super) fn role(&mut self, block: &Block<'_>, app: Option<&str>) -> Option<RolePath> {
        let (kind, access) = self.role_kind(block)?;
        self.reader.check(block, kind.words);
        if !is_role_name(block.label) {
            let draft = Draft::error(block.span, format!("`{}` can't be the name of a role", block.label));
            self.reader.report(draft.hint("a name has letters, digits, `-`, `_`, `.` and `@`"));
        }
        let mut fields = self.reader.fields(block, kind, kind.words);
        let used = self.role_use(block, access, &mut fields);
        self.check_limits(block, access, used);
        if let Some((Document::Value(document), span)) = self.policy_document(block, used) {
            if used == Use::Session {
                self.check_session_size(block, access, document.wording(), span);
            }
            fields.insert(access.document, Leaf::of_document(document, self.reader.place(span)));
        }
        let mount = self.role_mount(block)?;
        let role = RolePath { kind, mount, name: block.label.to_owned() };
        let sessions = &access.sessions;
        let terms = [sessions.terms.default, sessions.terms.max];
        let kept = [sessions.roles, sessions.tags, sessions.external_id, access.standing.user];
        let kept = [&terms[..], &kept].concat();
        self.keep_terms(block, &role.path(), &kept);
        let mut object = self.object(role.kind, role.path(), app, block.span, fields);
        object.protect = self.reader.flag(block, "protect");
        object.on_change = self.choice(block, "on_change", OnChange::WORDS, OnChange::of_word);
        self.check_revocable(block, access, &object);
        // Two static roles can't have one user.
        if !access.is_standing() {
            object.renamed_from = self.renamed_from(block, |name| role.kind.path(&role.mount, name));
        }
        self.add(object, block.span);
        if self.roles.get(&role.label()).is_some_and(|other| other.kind != kind) {
            let what = format!("a `role` and a `static_role` are both {}: grants could mean either", role.label());
            self.reader.report(Draft::error(block.span, what).hint("give one of them another name"));
        }
        self.roles.insert(role.label(), Role { kind, app: app.map(str::to_owned) });
        Some(role)
    }

    /// Refuses to promise what AWS does not let anybody do: sessions work until they end.
    fn check_revocable(&mut self, block: &Block<'_>, access: &AccessFields, role: &Object) {
        let made = role.value(access.made);
        let is_user = made.as_str().and_then(|made| access.way(made)).is_none_or(|way| way == Way::User);
        let Some(entry) = block.map.get("on_change").filter(|_| role.on_change == OnChange::Revoke && !is_user) else {
            return;
        };
        let what = "sessions can't be taken back: their leases would be revoked, and they work on until they end";
        let hint = "leave it out, and let sessions be short (`max_sts_ttl`); `emergency_revocation` of the engine cuts them off by \
                    hand";
        self.reader.report(Draft::error(entry.key_span, what).hint(hint));
    }

    /// What the document of a role is for, by how its credentials are made. Where nobody says that, a role that names
    /// roles of the account opens sessions of them.
    fn role_use(&self, block: &Block<'_>, access: &AccessFields, fields: &mut BTreeMap<&'static str, Leaf>) -> Use {
        let (sessions, session) = (&access.sessions, access.word(Way::RoleSession));
        if let Some(leaf) = fields.get(access.made) {
            let FieldValue::Data(made) = &leaf.value else { return Use::Role };
            return match access.way(made.as_str().unwrap_or_default()) {
                Some(Way::RoleSession | Way::Federated) => Use::Session,
                _ => Use::Role,
            };
        }
        match block.map.get(sessions.roles) {
            Some(entry) if !block.map.contains_key(access.made) => {
                let made = FieldValue::Data(Value::from(session));
                fields.insert(access.made, Leaf::new(made, self.reader.place(entry.key_span)));
                Use::Session
            }
            _ => Use::Role,
        }
    }

    /// The kind of a role, by its word and the type of its mount; of one that is not declared, the first that there is.
    fn role_kind(&mut self, block: &Block<'_>) -> Option<(&'static Kind, &'static AccessFields)> {
        let named = self.reader.text_quietly(block, "mount").map(|(mount, _)| mount);
        let only = || self.role_mounts().next().map(String::as_str);
        let mounted = named.or_else(only).and_then(|mount| self.mounts.get(mount));
        let of_word = || roles().filter(|kind| block.name.split(' ').next() == Some(kind.words.word));
        let kind = mounted.and_then(|mounted| of_word().find(|kind| kind.mount_type() == Some(mounted.mount_type)));
        let kind = kind.or_else(|| of_word().next())?;
        Some((kind, kind.access_fields()?))
    }

    /// The mount of a role: the one that it names, or the only one that is declared.
    fn role_mount(&mut self, block: &Block<'_>) -> Option<String> {
        let mut known: Vec<String> = self.role_mounts().cloned().collect();
        known.sort_unstable();
        if block.map.contains_key("mount") {
            let (mount, span) = self.reader.text(block, "mount")?;
            if !known.iter().any(|known| known == mount) {
                let what = match self.mounts.get(mount) {
                    Some(mounted) => format!("`{mount}` has no roles: it is of the type {}", mounted.mount_type),
                    None => format!("the mount `{mount}` is not declared"),
                };
                self.dangling(span, what, mount, known.iter().map(String::as_str));
            }
            return Some(mount.to_owned());
        }
        match known.as_slice() {
            [only] if !self.is_incomplete() => return Some(only.clone()),
            _ if self.is_incomplete() => {}
            [] => {
                let draft =
                    Draft::error(block.span, format!("{} needs an AWS engine, and none is declared", block.name));
                self.reader.report(draft.hint("declare it: aws \"aws\" { region = \"...\" }"));
            }
            several => {
                let several: Vec<&str> = several.iter().map(String::as_str).collect();
                let draft = Draft::error(block.span, format!("{} needs `mount`", block.name));
                self.reader.report(draft.hint(format!("add mount = one of {}", value::listed(&several))));
            }
        }
        None
    }

    /// The roles declared in an app.
    pub(super) fn app_roles(&mut self, block: &Block<'_>) -> Vec<RolePath> {
        let roles: Vec<_> = role_words().flat_map(|word| self.reader.labelled(block.map, word)).collect();
        let lowered = roles.iter().filter_map(|role| self.living(role, |this| this.role(role, Some(block.label))));
        let lowered: Vec<RolePath> = lowered.collect();
        lowered.into_iter().filter(|role| !self.is_gone(&role.path())).collect()
    }

    /// `app "webapp" { ... }`, after all roles are known.
    pub(super) fn app(&mut self, block: &Block<'_>, roles: Vec<RolePath>) {
        self.reader.check(block, &APP);
        if !is_lower_name(block.label) {
            let draft = Draft::error(block.span, format!("`{}` can't be the name of an app", block.label));
            let hint = "a name has lower-case letters, digits, `-`, `_` and `.`: engines lower the case of what follows from it";
            self.reader.report(draft.hint(hint));
        }
        let grants = self.grants(block);
        let policies = self.app_policies(block, &roles, &grants);
        self.check_own_credentials(block, &policies, roles.iter().chain(&grants));
        let owner = self.reader.text(block, "owner").map(|(owner, _)| owner.to_owned());
        let protect = self.reader.flag(block, "protect");
        let shortest = self.shortest_lease(&roles, &grants);
        let logins = self.reader.labelled(block.map, "login");
        let logins: Vec<Login> = logins
            .iter()
            .filter_map(|login| self.living(login, |this| this.app_login(block, login, &policies, shortest)))
            .collect();
        if protect {
            let app = Some(block.label);
            self.objects
                .iter_mut()
                .filter(|object| object.app.as_deref() == app)
                .for_each(|object| object.protect = true);
        }
        if !block.map.contains_key("login") && self.reader.is_sound(block) {
            let draft = Draft::warning(block.span, format!("{} has no login: nobody can use it", block.name));
            self.reader.report(draft.hint("add login \"approle\" { ... }"));
        }
        if let Some(absence) = self.absence().cloned() {
            return self.app_gone(block.label, absence);
        }
        let place = self.reader.place(block.span);
        self.apps.push(App { name: block.label.to_owned(), owner, roles, grants, logins, policies, place });
    }

    fn grants(&mut self, block: &Block<'_>) -> Vec<RolePath> {
        let mut grants = Vec::new();
        for (grant, span) in self.reader.texts(block, "grants") {
            let Some((mount, role)) = grant.rsplit_once('/') else {
                let draft = Draft::error(span, format!("`{grant}` does not name a role"));
                let known: Vec<String> =
                    self.roles.keys().filter(|key| key.ends_with(&format!("/{grant}"))).cloned().collect();
                let hint =
                    known.first().map_or("a grant is written MOUNT/ROLE".to_owned(), |key| format!("write \"{key}\""));
                self.reader.report(draft.hint(hint));
                continue;
            };
            let path = self.roles.get(grant).map(|known| known.kind.path(mount, role));
            if path.is_some_and(|path| !self.stays(&path, span, &format!("the role `{grant}`"))) {
                continue;
            }
            let declared = self.roles.get(grant);
            let kind = declared.map(|role| role.kind).or_else(|| roles().next());
            grants.extend(kind.map(|kind| RolePath { kind, mount: mount.to_owned(), name: role.to_owned() }));
            match declared {
                None => {
                    let known: Vec<String> = self.roles.keys().cloned().collect();
                    let what = format!("the role `{grant}` is not declared");
                    self.dangling(span, what, grant, known.iter().map(String::as_str));
                }
                Some(Role { app: Some(app), .. }) if app != block.label => {
                    let draft = Draft::error(span, format!("the role `{grant}` belongs to the app `{app}`"));
                    self.reader.report(draft.hint("declare the role at the top level to share it"));
                }
                Some(_) => {}
            }
        }
        grants
    }

    /// The names of the policies of an app's tokens. Without `policies`, the one that follows from its roles.
    fn app_policies(&mut self, block: &Block<'_>, roles: &[RolePath], grants: &[RolePath]) -> Vec<String> {
        if block.map.contains_key("policies") {
            return self.named_policies(block);
        }
        let may_get = role_words().chain(["grants"]).any(|word| block.map.contains_key(word));
        if !may_get && self.reader.is_sound(block) {
            let draft = Draft::warning(block.span, format!("{} may get no credential", block.name));
            self.reader.report(draft.hint("add a role, grants, or policies"));
        }
        let name = format!("app-{}", block.label);
        let rules = derived_rules(roles.iter().chain(grants));
        let fields = BTreeMap::from([("policy", self.derived(rules, block))]);
        let object = self.object(&acl_policy::KIND, policy_path(&name), Some(block.label), block.span, fields);
        self.add(object, block.span);
        vec![name]
    }

    /// Warns of roles that the policies which an app names do not let it read.
    fn check_own_credentials<'r>(
        &mut self,
        block: &Block<'_>,
        policies: &[String],
        roles: impl Iterator<Item = &'r RolePath>,
    ) {
        let Some(entry) = block.map.get("policies") else { return };
        // Many apps name the same ones.
        if !self.acls.contains_key(policies) {
            self.acls.insert(policies.to_vec(), self.acl_of(policies));
        }
        let Some(Some(acl)) = self.acls.get(policies).cloned() else { return };
        for path in roles.map(RolePath::credentials) {
            if !acl.decide(Capability::Read, &path, &serde_json::Map::new()).allowed {
                let what =
                    format!("{} may not read `{path}` by these policies: it gets no credential of it", block.name);
                let hint =
                    format!("add path \"{path}\" {{ capabilities = [\"read\"] }} to one, or leave `policies` out");
                self.reader.report(Draft::warning(entry.value.span, what).hint(hint));
            }
        }
    }

    /// What tokens with these policies may do; none where that can't be seen.
    fn acl_of(&self, policies: &[String]) -> Option<Arc<Acl>> {
        // `default` grants no credential.
        let named = policies.iter().filter(|name| name.as_str() != "default");
        let texts = named.map(|name| Some((name.as_str(), self.rule_texts.get(name)?.as_str())));
        let texts: Vec<(&str, &str)> = texts.collect::<Option<_>>()?;
        if texts.iter().any(|(_, text)| text.contains("{{")) {
            return None;
        }
        Acl::of_texts(texts).ok().map(Arc::new)
    }

    /// The shortest default lease of the mounts of these roles, 0 when none is known.
    fn shortest_lease(&self, roles: &[RolePath], grants: &[RolePath]) -> i64 {
        let leased = |role: &&RolePath| !matches!(role.kind.leases, Leases::Unleased(_));
        let leases =
            roles.iter().chain(grants).filter(leased).filter_map(|role| Some(self.mounts.get(&role.mount)?.lease));
        leases.filter(|lease| *lease > 0).min().unwrap_or(0)
    }
}

/// The rules that follow from an app's roles: the policy that an app has which names none.
pub fn derived_rules<'a>(roles: impl Iterator<Item = &'a RolePath>) -> String {
    let mut paths: Vec<String> = roles.map(RolePath::credentials).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut text = String::new();
    let credentials = paths.iter().map(|path| (path.as_str(), "read"));
    for (path, capability) in credentials.chain(SELF_CARE.iter().copied()) {
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "path {} {{\n  capabilities = [\"{capability}\"]\n}}", quoted(path));
    }
    text.truncate(text.trim_end().len());
    text
}
