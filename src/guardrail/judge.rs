//! Roles and apps judged by guardrails.
//!
//! Denied access is searched for, so that what passes is proved. Each role answers for itself; an app answers for
//! its logins, and for what only its roles together can do. A violation is introduced by a change if the access
//! that breaks the rule is gained by it, or, where a rule is not about access, if it was kept before.

use super::escalation::{self, PASS_ROLE, Path, Step};
use super::{Deny, Exception, Guardrail, Require, Rule, Severity, Violation, Wildcard, names};
use crate::iam::catalogue::{self, Catalogue};
use crate::iam::compare::{Case, Proof, gain_within, reach, scope};
use crate::iam::pattern::{Part, Pattern, Syntax};
use crate::iam::policy::{Condition, Effect, Operator, PolicySet, Scope, Statement, Test};
use crate::iam::request::Request;
use crate::units::duration;

/// How many actions of a level are asked about in one search.
const ACTIONS_AT_ONCE: usize = 40;

/// What is judged: one role, or one app.
#[derive(Clone, Debug)]
pub struct Subject<'a, S> {
    /// `aws/deploy`, or the app's name.
    pub name: &'a str,
    /// Its roles as `mount/role`: itself, if it is one.
    pub roles: Vec<String>,
    /// The apps that have the role: itself, if it is one.
    pub apps: Vec<String>,
    /// What it may do: one set for each of its roles.
    pub access: &'a [PolicySet<S>],
    /// What a role says besides; `None` for an app.
    pub terms: Option<Terms>,
    /// The logins of an app.
    pub logins: Vec<Login>,
    /// Where it is declared: `file:line`.
    pub place: Option<String>,
}

/// What a role says besides its policies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Its permissions boundary; empty is none.
    pub permissions_boundary: String,
    /// The IAM path of its users; empty and `/` are the engine's own.
    pub user_path: String,
    /// Its credential type.
    pub credential_type: String,
    /// How long a credential lives at most, in seconds.
    pub max_ttl: i64,
}

/// What a login says. Times are in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// Its path: `auth/approle/role/app-webapp`.
    pub path: String,
    /// How long its tokens live at most; `None` is for ever.
    pub max_token_ttl: Option<i64>,
    /// How long a secret id lives; 0 is for ever.
    pub secret_id_ttl: i64,
    /// Whether a login needs a secret id.
    pub bind_secret_id: bool,
    /// Whether logins, or the tokens that come of them, are bound to networks.
    pub bound_cidrs: bool,
    /// Where it is declared.
    pub place: Option<String>,
}

/// A violation, and whether it was there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What is violated.
    pub violation: Violation,
    /// Whether it was not violated in this way before.
    pub introduced: bool,
}

impl<S> Subject<'_, S> {
    fn title(&self) -> String {
        let kind = if self.terms.is_some() { "role" } else { "app" };
        format!("{kind} {}", self.name)
    }

    /// Whether a guardrail is about the subject and no exception frees it from it `today`.
    pub fn is_bound(&self, guardrail: &Guardrail, today: &str) -> bool {
        self.is_selected(guardrail) && !guardrail.exceptions.iter().any(|exception| self.is_exempt(exception, today))
    }

    fn is_selected(&self, guardrail: &Guardrail) -> bool {
        let any =
            |patterns: &[String], own: &[String]| patterns.is_empty() || own.iter().any(|name| names(patterns, name));
        any(&guardrail.roles, &self.roles) && any(&guardrail.apps, &self.apps)
    }

    fn is_exempt(&self, exception: &Exception, today: &str) -> bool {
        // Days in this form have the order of their texts.
        today <= exception.expires.as_str() && {
            let roles = !exception.roles.is_empty() && self.roles.iter().all(|role| names(&exception.roles, role));
            let apps = !exception.apps.is_empty() && self.apps.iter().any(|app| names(&exception.apps, app));
            match (exception.roles.is_empty(), exception.apps.is_empty()) {
                (false, false) => roles && apps,
                _ => roles || apps,
            }
        }
    }
}

/// Judges a subject by all guardrails. `before` is the same subject before the change, if it was there. `today` is
/// a day as `2026-11-25`; `place` says where a statement stands.
pub fn judge<S: Clone>(
    guardrails: &[Guardrail],
    before: Option<&Subject<'_, S>>,
    after: &Subject<'_, S>,
    today: &str,
    place: &dyn Fn(&S) -> Option<String>,
) -> Vec<Judged> {
    let mut judged = Vec::new();
    for guardrail in guardrails {
        if !after.is_bound(guardrail, today) {
            continue;
        }
        let case = Trial { guardrail, before, after, place };
        for rule in &guardrail.rules {
            match rule {
                Rule::Deny(deny) if after.terms.is_some() => case.deny(deny, &mut judged),
                Rule::Require(require) => case.require(require, &mut judged),
                Rule::Escalation(part) => {
                    for path in escalation::chosen(part) {
                        case.escalation(path, &mut judged);
                    }
                }
                Rule::Deny(_) => {}
            }
        }
    }
    judged
}

/// The exceptions that have ended: each with its guardrail.
pub fn expired<'g>(guardrails: &'g [Guardrail], today: &str) -> Vec<(&'g Guardrail, &'g Exception)> {
    let all = guardrails.iter().flat_map(|one| one.exceptions.iter().map(move |exception| (one, exception)));
    all.filter(|(_, exception)| today > exception.expires.as_str()).collect()
}

/// One guardrail and one subject.
struct Trial<'c, 's, S> {
    guardrail: &'c Guardrail,
    before: Option<&'c Subject<'s, S>>,
    after: &'c Subject<'s, S>,
    place: &'c dyn Fn(&S) -> Option<String>,
}

impl<S: Clone> Trial<'_, '_, S> {
    fn violation(&self, rule: &str, what: String) -> Violation {
        let subject = self.after.title();
        Violation {
            guardrail: self.guardrail.name.clone(),
            severity: self.guardrail.severity,
            key: format!("{}|{subject}|{rule}", self.guardrail.name),
            subject,
            what,
            witness: None,
            fix: None,
            place: self.after.place.clone(),
        }
    }

    fn deny(&self, deny: &Deny, judged: &mut Vec<Judged>) {
        for set in self.after.access {
            for statement in set.allowing().filter(|statement| is_written(statement, &deny.wildcards)) {
                let alone = [set.only(statement)];
                let found = regions(deny, statement)
                    .into_iter()
                    .find_map(|region| Some((reach(&alone, &region, &[])?, region)));
                let Some((proof, region)) = found else { continue };
                let old = self.before.map_or(&[][..], |before| before.access);
                let introduced = self.before.is_none() || gain_within(old, &alone, &region).is_some();
                let mut violation =
                    self.violation(&format!("deny {}", words(deny)), format!("{} is allowed", words(deny)));
                violation.fix = Some(fix(deny));
                violation.place = (self.place)(&statement.span).or(violation.place);
                violation.witness = witness(&proof);
                // One rule, one line: the statement that brings it in, if one does.
                match judged.iter_mut().find(|known| known.violation.key == violation.key) {
                    Some(known) if introduced && !known.introduced => *known = Judged { violation, introduced },
                    Some(_) => {}
                    None => judged.push(Judged { violation, introduced }),
                }
            }
        }
    }

    fn require(&self, require: &Require, judged: &mut Vec<Judged>) {
        let was = self.before.map(|before| broken(require, before)).unwrap_or_default();
        for (rule, what, fix, place) in broken(require, self.after) {
            let introduced = !was.iter().any(|(known, ..)| *known == rule);
            let mut violation = self.violation(&rule, what);
            violation.fix = Some(fix);
            violation.place = place.or(violation.place);
            judged.push(Judged { violation, introduced });
        }
    }

    /// How much a way weighs that was found.
    fn weight(&self, path: &Path, found: &[Step]) -> Severity {
        let named_role = || path.all_of.iter().zip(found).any(|(action, step)| action == PASS_ROLE && !step.wide);
        match path.needs_target {
            true => Severity::Low.min(self.guardrail.severity),
            // Only named roles can be passed on: worth a look, and no open door.
            false if named_role() => Severity::Warn.min(self.guardrail.severity),
            false => self.guardrail.severity,
        }
    }

    fn escalation(&self, path: &Path, judged: &mut Vec<Judged>) {
        let Some(found) = path.found(self.after.access) else { return };
        let severity = self.weight(path, &found);
        // What one role can do alone is told of the role.
        let alone = |set: &PolicySet<S>| {
            path.found(std::slice::from_ref(set)).is_some_and(|found| self.weight(path, &found) >= severity)
        };
        if self.after.terms.is_none() && self.after.access.iter().any(alone) {
            return;
        }
        let introduced = self.before.is_none_or(|before| match path.found(before.access) {
            // A way that was open by one reading, or as far as a doubt goes, may not have been.
            Some(was) if self.weight(path, &was) >= severity => {
                !path.is_sure(before.access, &was) && path.gains(before.access, self.after.access, &found)
            }
            _ => true,
        });
        let actions: Vec<String> = found.iter().map(|step| step.request.action.clone()).collect();
        let together = if self.after.terms.is_none() { ", by its roles together" } else { "" };
        let verb = if actions.len() == 1 { "is allowed" } else { "are all allowed" };
        let what = format!("{} ({}): {} {verb}{together}", path.title, path.id, actions.join(" + "));
        let mut violation = self.violation(&format!("escalation {}", path.id), what);
        violation.severity = severity;
        violation.fix = Some(path.fix(self.after.access, &found));
        violation.witness = found.into_iter().next().map(|step| step.request);
        let statement = violation.witness.as_ref().and_then(|request| {
            let sets = self.after.access.iter();
            sets.flat_map(|set| set.evaluate(request, crate::iam::reading::Reading::CROSSING).by).next()
        });
        violation.place = statement.and_then(|statement| (self.place)(&statement.span)).or(violation.place);
        judged.push(Judged { violation, introduced });
    }
}

fn witness(proof: &Proof) -> Option<Request> {
    match proof {
        Proof::Witness(request) => Some(request.clone()),
        Proof::CannotTell(_) => None,
    }
}

/// Whether a statement is written as widely as all of these say.
fn is_written<S>(statement: &Statement<S>, wildcards: &[Wildcard]) -> bool {
    let wild =
        |parts: &[Part]| parts.contains(&Part::Any) && parts.iter().all(|part| matches!(part, Part::Any | Part::One));
    // `*`, and an ARN that leaves off before it names a resource.
    let bare = |pattern: &Pattern| match pattern.parts.as_slice() {
        [Part::Literal(text), rest @ ..] => text.starts_with("arn:") && text.matches(':').count() < 5 && wild(rest),
        parts => wild(parts),
    };
    // `s3:*`, and what IAM refuses and is as wide or wider where it stands all the same: `*:*`, `s*:*`.
    let service = |pattern: &Pattern| {
        let name = pattern.text.split_once(':').map_or("", |(_, name)| name);
        name.contains('*') && name.chars().all(|c| matches!(c, '*' | '?'))
    };
    wildcards.iter().all(|wildcard| match wildcard {
        Wildcard::Action => {
            !statement.actions.negated && statement.actions.patterns.iter().any(|one| bare(one) || service(one))
        }
        Wildcard::Resource => !statement.resources.negated && statement.resources.patterns.iter().any(bare),
        Wildcard::NotAction => statement.actions.negated,
        Wildcard::NotResource => statement.resources.negated,
    })
}

/// The requests that a rule is about, as far as a statement may allow them.
fn regions<S>(deny: &Deny, statement: &Statement<S>) -> Vec<Statement<()>> {
    let everything = || Scope { negated: true, patterns: Vec::new() };
    let texts = |list: &[String], case| match list {
        [] => everything(),
        list => scope(&list.iter().map(String::as_str).collect::<Vec<_>>(), case),
    };
    let absent = |key: &String| Condition {
        operator: Operator { test: Test::Null, if_exists: false, quantifier: None },
        key: key.to_ascii_lowercase(),
        values: vec![Pattern::new("true", Syntax { wildcards: false, variables: false })],
    };
    let region = |actions: Scope| Statement {
        sid: None,
        effect: Effect::Allow,
        actions,
        resources: texts(&deny.resources, Case::Kept),
        conditions: deny.unless.iter().map(absent).collect(),
        span: (),
    };
    let actions = texts(&deny.actions, Case::Lowered);
    if deny.levels.is_empty() {
        return vec![region(actions)];
    }
    let levels: Vec<catalogue::Level> = deny.levels.iter().map(|level| (*level).into()).collect();
    let covers = |action: &str| {
        let nothing = Request::default();
        actions.patterns.iter().any(|pattern| pattern.matches(action, &nothing)) != actions.negated
    };
    let of_level: Vec<String> = Catalogue::current()
        .matching(&statement.actions)
        .filter(|action| levels.contains(&action.level))
        .map(|action| action.to_string())
        .filter(|action| covers(&action.to_ascii_lowercase()))
        .collect();
    of_level.chunks(ACTIONS_AT_ONCE).map(|chunk| region(texts(chunk, Case::Lowered))).collect()
}

fn words(deny: &Deny) -> String {
    let mut text = match deny.actions.as_slice() {
        [] => "any action".to_owned(),
        list => list.join(", "),
    };
    if !deny.levels.is_empty() {
        let levels: Vec<String> = deny.levels.iter().map(|level| format!("{level:?}")).collect();
        let levels = levels.join(" or ").replace("PermissionsManagement", "permissions management").to_lowercase();
        text = format!("{text} of level {levels}");
    }
    if !deny.resources.is_empty() {
        text = format!("{text} on {}", deny.resources.join(", "));
    }
    for wildcard in &deny.wildcards {
        text.push_str(match wildcard {
            Wildcard::Action => " by a wildcard for all actions",
            Wildcard::Resource => " on the resource `*`",
            Wildcard::NotAction => " by NotAction",
            Wildcard::NotResource => " by NotResource",
        });
    }
    match deny.unless.as_slice() {
        [] => text,
        keys => format!("{text} without {}", keys.join(" or ")),
    }
}

fn fix(deny: &Deny) -> String {
    let advice = match deny.wildcards.first() {
        Some(Wildcard::Action) => "name the actions",
        Some(Wildcard::Resource) => "name the resources",
        Some(Wildcard::NotAction) => "list what is meant in Action",
        Some(Wildcard::NotResource) => "list what is meant in Resource",
        None if !deny.unless.is_empty() => "add a condition on the key",
        None => "take it out, or deny it",
    };
    advice.to_owned()
}

/// What a subject lacks: the rule's name, what is wrong, what to do, and where.
type Lack = (String, String, String, Option<String>);

fn broken<S>(require: &Require, subject: &Subject<'_, S>) -> Vec<Lack> {
    let mut broken = Vec::new();
    if let Some(terms) = &subject.terms {
        let mut lack = |rule: &str, what: String, fix: String| broken.push((rule.to_owned(), what, fix, None));
        if let Some(wanted) = &require.permissions_boundary
            && !matches_exactly(wanted, &terms.permissions_boundary)
        {
            let has = if terms.permissions_boundary.is_empty() { "none" } else { &terms.permissions_boundary };
            let what = format!("the permissions boundary must be {wanted}, and is {has}");
            lack("permissions_boundary", what, format!("set permissions_boundary_arn = \"{wanted}\""));
        }
        if let Some(prefix) = &require.path_prefix
            && !user_path(terms).starts_with(prefix.as_str())
        {
            let what = format!("the path of its users must begin with {prefix}, and is {}", user_path(terms));
            lack("path_prefix", what, format!("set user_path = \"{prefix}...\""));
        }
        if let Some(most) = require.max_ttl
            && terms.max_ttl > most
        {
            let what = format!(
                "a credential may live {}, and lives up to {}",
                duration::shown(most),
                duration::shown(terms.max_ttl)
            );
            lack("max_ttl", what, "shorten `max` in the lease of its mount".to_owned());
        }
        if !require.credential_types.is_empty() && !require.credential_types.contains(&terms.credential_type) {
            let allowed = require.credential_types.join(" or ");
            let what = format!("the credential type must be {allowed}, and is {}", terms.credential_type);
            lack("credential_types", what, format!("set credential_type to {allowed}"));
        }
    }
    for login in &subject.logins {
        let mut lack = |rule: &str, what: String, fix: &str| {
            let rule = format!("{rule} {}", login.path);
            broken.push((rule, format!("{}: {what}", login.path), fix.to_owned(), login.place.clone()));
        };
        if let Some(most) = require.max_token_ttl
            && login.max_token_ttl.is_none_or(|ttl| ttl > most)
        {
            let lives = login
                .max_token_ttl
                .map_or_else(|| "for ever".to_owned(), |ttl| format!("up to {}", duration::shown(ttl)));
            lack(
                "max_token_ttl",
                format!("tokens may live {}, and live {lives}", duration::shown(most)),
                "set token_max_ttl",
            );
        }
        if let Some(most) = require.max_secret_id_ttl
            && (login.secret_id_ttl == 0 || login.secret_id_ttl > most)
        {
            let lives =
                if login.secret_id_ttl == 0 { "for ever".to_owned() } else { duration::shown(login.secret_id_ttl) };
            lack(
                "max_secret_id_ttl",
                format!("secret ids may live {}, and live {lives}", duration::shown(most)),
                "set secret_id_ttl",
            );
        }
        if require.bound_cidrs && !login.bound_cidrs {
            lack("bound_cidrs", "any address may log in".to_owned(), "set token_bound_cidrs or secret_id_bound_cidrs");
        }
        if require.bind_secret_id && !login.bind_secret_id {
            lack("bind_secret_id", "no secret id is needed to log in".to_owned(), "set bind_secret_id = true");
        }
    }
    broken
}

/// The IAM path of a role's users, as far as it is the same in every engine.
fn user_path(terms: &Terms) -> &str {
    match terms.user_path.as_str() {
        "" | "/" => "/leasehold/",
        path => path,
    }
}

fn matches_exactly(pattern: &str, text: &str) -> bool {
    Pattern::new(pattern, Syntax { wildcards: true, variables: false }).matches(text, &Request::default())
}
