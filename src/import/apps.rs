//! Which logins are apps: those whose policies name the paths at which credentials of roles are issued.
//!
//! A role that one app alone may have is the app's; one that several may have stays at the top level and is granted. An app
//! whose only policy says just what would follow from its roles needs none; others name theirs, which stay as they are. Who
//! may have a role only because a policy is about all of them, as an operator's, is no app. Nor is who has the policy that
//! follows from an app of these files: only that app and logins of their own name such a policy.

use std::collections::{BTreeMap, BTreeSet};

use super::known::Known;
use crate::acl::document::parse_with_templates;
use crate::acl::{Acl, Capability};
use crate::estate::derived_rules;
use crate::object::{Class, Live, RolePath, policy_path};

/// An app.
pub(super) struct App<'a> {
    pub(super) name: String,
    pub(super) logins: Vec<&'a Live>,
    /// Its own roles.
    pub(super) roles: Vec<&'a Live>,
    /// The shared roles that it may have, as `MOUNT/ROLE`.
    pub(super) grants: Vec<String>,
    /// The policies of its tokens; `None` where the one that they have follows from its roles.
    pub(super) policies: Option<Vec<String>>,
}

impl App<'_> {
    /// The path of the policy that follows from its roles, if it has that one.
    pub(super) fn derived(&self) -> Option<String> {
        self.policies.is_none().then(|| policy_path(&format!("app-{}", self.name)))
    }
}

/// A role that can be named.
struct Role<'a> {
    path: RolePath,
    /// It, where it is new.
    new: Option<&'a Live>,
    /// Whether it is declared in an app, and so can't be granted to another.
    is_taken: bool,
}

/// The roles that there are, and who reaches which.
struct Roles<'a, 'k> {
    known: &'k Known<'k>,
    all: Vec<Role<'a>>,
    /// Where credentials are issued, to their role's place in the list.
    issued: BTreeMap<String, usize>,
    reached: BTreeMap<Vec<String>, BTreeSet<usize>>,
}

/// The apps among what is to be said.
pub(super) fn apps<'a>(objects: &BTreeMap<&'a str, &'a Live>, known: &Known<'_>) -> Vec<App<'a>> {
    let mut roles = Roles::of(objects, known);
    // By the name that each would have and the policies of its tokens.
    let mut groups: BTreeMap<(String, Vec<String>), Vec<&'a Live>> = BTreeMap::new();
    for &live in objects.values().filter(|live| live.kind.class == Class::Login) {
        let Some(name) = live.kind.name_of(&live.path) else { continue };
        let name = name.strip_prefix("app-").unwrap_or(name);
        let policies = live.policies();
        if !roles.reach(&policies).is_empty() {
            groups.entry((name.to_owned(), policies)).or_default().push(live);
        }
    }
    let mut users: BTreeMap<usize, usize> = BTreeMap::new();
    for (_, policies) in groups.keys() {
        for role in roles.reach(policies) {
            *users.entry(role).or_default() += 1;
        }
    }
    let mut names: BTreeSet<String> = known.declared.apps.iter().map(|app| app.name.clone()).collect();
    let mut apps = Vec::new();
    for ((name, policies), logins) in groups {
        if policies.iter().any(|policy| follows_from_app(policy, known)) {
            continue;
        }
        let Some(name) = free_name(&name, &logins, &mut names, known) else { continue };
        let reached = roles.reach(&policies);
        let (own, shared): (Vec<usize>, Vec<usize>) =
            reached.into_iter().partition(|role| users.get(role) == Some(&1) && roles.all[*role].new.is_some());
        let shared: Vec<usize> = shared.into_iter().filter(|role| !roles.all[*role].is_taken).collect();
        let path = |role: &usize| &roles.all[*role].path;
        let grants = shared.iter().map(|role| path(role).label()).collect();
        let follows = derived_rules(own.iter().chain(&shared).map(path));
        let is_derived = is_derived(&name, &policies, &logins, &follows, known);
        let own = own.iter().filter_map(|role| roles.all[*role].new).collect();
        let policies = (!is_derived).then_some(policies);
        apps.push(App { name, logins, roles: own, grants, policies });
    }
    apps
}

/// Whether a policy follows from the roles of an app that the files declare.
fn follows_from_app(policy: &str, known: &Known<'_>) -> bool {
    known.declared.object(&policy_path(policy)).is_some_and(|object| object.app.is_some())
}

/// A name that no other app has: with that of the method behind it, if need be.
fn free_name(name: &str, logins: &[&Live], names: &mut BTreeSet<String>, known: &Known<'_>) -> Option<String> {
    let mount = logins.first().and_then(|live| live.kind.mount_of(&live.path))?;
    let other = format!("{name}-{}", mount.replace('/', "-"));
    let mut names_of = [name.to_owned(), other].into_iter();
    // In one app a method has one login.
    let mut methods = logins.iter().map(|live| live.kind.mount_of(&live.path));
    let is_one_each = methods.by_ref().collect::<BTreeSet<_>>().len() == logins.len();
    let free = names_of.find(|name| is_one_each && !names.contains(name) && !known.no_apps.contains(name))?;
    names.insert(free.clone());
    Some(free)
}

/// Whether the policy of an app's tokens is the one that would follow from its roles, and nobody else has it.
fn is_derived(name: &str, policies: &[String], logins: &[&Live], follows: &str, known: &Known<'_>) -> bool {
    let [only] = policies else { return false };
    let text = known.rules.get(only.as_str());
    let users = known.users.get(only.as_str()).copied().unwrap_or_default();
    *only == format!("app-{name}")
        && text.is_some_and(|text| *text == follows)
        && users == logins.len()
        && known.is_new(&policy_path(only))
}

impl<'a, 'k> Roles<'a, 'k> {
    fn of(objects: &BTreeMap<&'a str, &'a Live>, known: &'k Known<'k>) -> Self {
        let owned = |path: RolePath<&str>| RolePath {
            kind: path.kind,
            mount: path.mount.to_owned(),
            name: path.name.to_owned(),
        };
        let new = objects.values().filter_map(|&live| {
            let path = owned(RolePath::of(live.kind, &live.path)?);
            Some(Role { path, new: Some(live), is_taken: false })
        });
        let declared = known.declared.objects.iter().filter_map(|object| {
            let path = owned(RolePath::of(object.kind, &object.path)?);
            Some(Role { path, new: None, is_taken: object.app.is_some() })
        });
        let all: Vec<Role<'a>> = new.chain(declared).collect();
        let issued = all.iter().enumerate();
        let issued =
            issued.flat_map(|(index, role)| role.path.issued_at().map(move |path| (path, index)).collect::<Vec<_>>());
        let issued = issued.collect();
        Self { known, all, issued, reached: BTreeMap::new() }
    }

    /// The roles whose credentials tokens with these policies get because one of the policies names them.
    fn reach(&mut self, policies: &[String]) -> BTreeSet<usize> {
        if let Some(reached) = self.reached.get(policies) {
            return reached.clone();
        }
        let reached = self.reach_anew(policies).unwrap_or_default();
        self.reached.insert(policies.to_vec(), reached.clone());
        reached
    }

    /// `None` where what policies say can't be read.
    fn reach_anew(&self, policies: &[String]) -> Option<BTreeSet<usize>> {
        // What a template allows depends on who asks: such a policy makes no app, and takes nothing away from the others.
        let texts = policies.iter().filter_map(|name| Some((name.as_str(), *self.known.rules.get(name.as_str())?)));
        let texts: Vec<(&str, &str)> = texts.filter(|(_, text)| !text.contains("{{")).collect();
        let acl = Acl::of_texts(texts.iter().copied()).ok()?;
        let mut reached = BTreeSet::new();
        for (_, text) in texts {
            for rule in parse_with_templates(text).ok()? {
                let start = rule.path.strip_suffix('*').unwrap_or(&rule.path);
                let is_glob = start.len() < rule.path.len();
                let range = self.issued.range(start.to_owned()..).take_while(|(path, _)| path.starts_with(start));
                // A pattern that ends where the names begin is about all of them.
                let named = range.filter(|(path, _)| if is_glob { !is_whole(path, start) } else { *path == start });
                reached.extend(named.filter(|(path, _)| may_have(&acl, path)).map(|(_, role)| *role));
            }
        }
        Some(reached)
    }
}

/// Whether a start of a path has nothing of the name at its end.
fn is_whole(path: &str, start: &str) -> bool {
    path.rsplit_once('/').is_none_or(|(folder, _)| start.len() <= folder.len() + 1)
}

/// Whether credentials are issued to whoever this is about. Source: Vault API, "AWS secrets engine": by a read, or by an
/// update, which takes a TTL.
fn may_have(acl: &Acl, path: &str) -> bool {
    let none = serde_json::Map::new();
    [Capability::Read, Capability::Update].into_iter().any(|capability| acl.decide(capability, path, &none).allowed)
}
