//! Who can do a thing, and what an app can do: statement by statement, each with its place.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{App, Role, Side, Via};
use crate::estate::requests_with;
use crate::iam::compare::{Case, Proof, reach, scope};
use crate::iam::policy::{Effect, Policy, PolicySet, Scope, Statement};
use crate::object::Place;
use crate::review::describe;
use crate::review::finding::{Access, Subject};

/// A statement by which somebody may do something.
#[derive(Clone, Debug)]
pub struct Holding {
    /// Who it is; `None` for a role that nobody has.
    pub who: Option<Holder>,
    /// The role, as `mount/role`.
    pub role: String,
    /// How the app has the role.
    pub via: Option<Via>,
    /// What the statement allows.
    pub access: Access,
    /// Where it stands.
    pub place: Place,
    /// Whether something takes a part of it away again: denials, a boundary.
    pub limits: Vec<String>,
    /// A request that was asked about and is allowed, or why that can't be told.
    pub proof: Option<Proof>,
    /// How long a lease lives by default, in seconds.
    pub lease: i64,
    /// How long a credential works at most, in seconds.
    pub lifetime: i64,
}

/// Who has a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The app's name; of whoever is none, the path of what they are.
    pub name: String,
    /// What findings about it are about.
    pub subject: Subject,
}

/// The requests that a question is about. Action and resource may hold wildcards; a context key has exactly the
/// values that are given for it.
pub fn region(action: &str, resource: &str, context: &[(String, String)]) -> Statement<()> {
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in context {
        keys.entry(key.to_ascii_lowercase()).or_default().push(value.clone());
    }
    let conditions = keys.iter().flat_map(|(key, values)| requests_with(key, values));
    Statement {
        sid: None,
        effect: Effect::Allow,
        actions: scope(&[action], Case::Lowered),
        resources: scope(&[resource], Case::Kept),
        conditions: conditions.collect(),
        span: (),
    }
}

/// Everybody who may do some of what `region` covers, and by which statements: apps, logins and people first, then roles that
/// nobody has.
pub fn who(side: &Side<'_>, region: &Statement<()>) -> Vec<Holding> {
    let mut found = Vec::new();
    let mut held = Vec::new();
    for app in side.apps() {
        for (role, via) in app.roles() {
            held.push(role.object.path);
            found.append(&mut holdings(side, Some((&app, via)), role, Some(region)));
        }
    }
    for role in side.roles().filter(|role| !held.contains(&role.object.path)) {
        found.append(&mut holdings(side, None, role, Some(region)));
    }
    found
}

/// Everything that an app may do, and by which statements.
pub fn what(side: &Side<'_>, app: &App<'_, '_>) -> Vec<Holding> {
    app.roles().into_iter().flat_map(|(role, via)| holdings(side, Some((app, via)), role, None)).collect()
}

/// What is not known of roles.
#[derive(Clone, Debug, Default)]
pub struct NotKnown {
    /// As sentences.
    pub notes: Vec<String>,
    /// Whether some of it may allow more than is found.
    pub may_allow: bool,
}

impl NotKnown {
    /// What is not known of an app: of its roles, and which others its tokens may read.
    pub fn of_app(side: &Side<'_>, app: &App<'_, '_>) -> Self {
        let mut all = Self::default();
        app.roles().into_iter().for_each(|(role, _)| all.add_role(side, role));
        all.add_policies(side, app);
        for method in app.unsettled() {
            let what = "users have names there, and which name a login has only the engine knows";
            all.notes.push(format!("not known: whether the {} is one of the users: at {method} {what}", app.subject()));
            all.may_allow = true;
        }
        all
    }

    /// What is not known of anybody.
    pub fn of_all(side: &Side<'_>) -> Self {
        let mut all = Self::default();
        side.roles().for_each(|role| all.add_role(side, role));
        side.apps().for_each(|app| all.add_policies(side, &app));
        all
    }

    fn add_role(&mut self, side: &Side<'_>, role: &Role<'_>) {
        for unknown in side.unknown(role) {
            self.notes.push(format!("not known: {unknown} of the role {}", role.label()));
            self.may_allow |= !unknown.only_limits();
        }
    }

    fn add_policies(&mut self, side: &Side<'_>, app: &App<'_, '_>) {
        for name in app.undeclared_policies() {
            self.notes.push(format!("not known: what the policy {name} lets the {} read; declare it", app.subject()));
            self.may_allow = true;
        }
        // The roles are counted as read, for they may be.
        for path in app.open_paths(side) {
            let what = "which roles' credentials that is depends on who logs in, so it counts as all that it may be";
            self.notes.push(format!("the {} may read {path}: {what}", app.subject()));
        }
    }
}

fn holdings(
    side: &Side<'_>,
    app: Option<(&App<'_, '_>, Via)>,
    role: &Role<'_>,
    region: Option<&Statement<()>>,
) -> Vec<Holding> {
    let set = side.role_access(role);
    let terms = side.role_terms(role);
    let statements = set.identity.iter().flat_map(|policy| &policy.statements);
    statements
        .filter(|statement| statement.effect == Effect::Allow)
        .filter_map(|statement| {
            let proof = match region {
                Some(region) => Some(reach(&[set.only(statement)], region, &[])?),
                None => None,
            };
            Some(Holding {
                who: app.map(|(app, _)| Holder { name: app.name.to_owned(), subject: app.subject() }),
                role: role.label(),
                via: app.map(|(_, via)| via),
                access: describe::access(statement, &statement.actions, &statement.resources),
                place: statement.span.clone(),
                limits: limits(&set, statement),
                proof,
                lease: terms.default,
                lifetime: lifetime(side, app.map(|(app, _)| app), role),
            })
        })
        .collect()
}

fn lifetime(side: &Side<'_>, app: Option<&App<'_, '_>>, role: &Role<'_>) -> i64 {
    side.lifetime(role, app.into_iter().flat_map(|app| app.logins()).map(|login| side.token_terms(login)))
}

/// What takes a part of a statement away again.
fn limits(set: &PolicySet<Place>, statement: &Statement<Place>) -> Vec<String> {
    let whole = |statement: &Statement<Place>| Statement {
        sid: None,
        effect: Effect::Allow,
        actions: statement.actions.clone(),
        resources: statement.resources.clone(),
        conditions: Vec::new(),
        span: (),
    };
    let everything = || Scope { negated: true, patterns: Vec::new() };
    let bounds = [&set.boundary, &set.session].into_iter().flatten().flatten();
    let denies = set.identity.iter().chain(bounds).flat_map(|policy| &policy.statements);
    let allowed = Policy { statements: vec![statement.clone()], span: statement.span.clone() };
    let allowed = [PolicySet::identity(vec![Arc::new(allowed)])];
    let mut limits: Vec<String> = denies
        .filter(|one| one.effect == Effect::Deny && reach(&allowed, &whole(one), &[]).is_some())
        .map(|one| format!("but not what {} denies", super::assertion::statement(one)))
        .collect();
    if let Some(boundary) = &set.boundary {
        let bounded = [PolicySet::identity(boundary.clone())];
        let outside: Vec<Statement<()>> = boundary
            .iter()
            .flat_map(|policy| &policy.statements)
            .filter(|one| one.effect == Effect::Allow && one.conditions.is_empty())
            .map(whole)
            .collect();
        let all = Statement { actions: everything(), resources: everything(), ..whole(statement) };
        if reach(&allowed, &all, &outside).is_some() || reach(&bounded, &whole(statement), &[]).is_none() {
            limits.push("only within the permissions boundary".to_owned());
        }
    }
    if set.session.is_some() {
        limits.push("only within the session policy".to_owned());
    }
    limits
}
