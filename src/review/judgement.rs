//! A side's roles and apps as subjects of guardrails.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::comparison;
use super::state::{App, Role, Side, Unknown};
use crate::guardrail::{self, Bound, Guardrail, Judged, Login, Severity, Subject, Terms, Violation, Violator, Who};
use crate::iam::pattern::{Pattern, Syntax};
use crate::iam::policy::{self as iam, Effect, Policy, PolicySet, Statement};
use crate::object::Place;
use crate::object::review::{Binding, LoginSecret, Way};
use crate::units::network;

/// What guardrails take for the type of credentials that are a user's own key.
const STANDING: &str = "static_role";

/// Which roles and apps are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those that a change concerns: only they can break anything new.
    Changed,
    /// All.
    All,
}

/// Judges what `after` says by its guardrails, and what of it was there `before`. `today` is a day as
/// `2026-11-25`. An exception that has ended is a violation of its own.
pub fn judge(
    before: Option<&Side<'_>>,
    after: &Side<'_>,
    guardrails: &[Guardrail],
    scope: Scope,
    today: &str,
) -> Vec<Judged> {
    let nothing = Side::default();
    let old = before.unwrap_or(&nothing);
    let concerned = comparison::changed(old, after);
    let mut judged = ended(guardrails, today);
    for role in after.roles() {
        if scope == Scope::All || concerned.role(role) {
            let was = old.role(role.object.path);
            judged.append(&mut role_judged(old, was, after, role, guardrails, today));
        }
    }
    for app in after.apps() {
        let was = old.app(app.name);
        // Who left a group has no more what its policies denied.
        if scope == Scope::All || concerned.app(&app) || was.is_some_and(|was| concerned.app(&was)) {
            judged.append(&mut app_judged(was.as_ref(), &app, guardrails, today));
        }
    }
    // The weightiest first.
    judged.sort_by(|a, b| {
        let key = |one: &Judged| (std::cmp::Reverse(one.violation.severity), one.violation.subject.clone());
        key(a).cmp(&key(b)).then_with(|| a.violation.what.cmp(&b.violation.what))
    });
    judged
}

/// Exceptions that have ended: whoever wrote one said until when.
fn ended(guardrails: &[Guardrail], today: &str) -> Vec<Judged> {
    let violation = |(guardrail, exception): (&Guardrail, &guardrail::Exception)| {
        let who: Vec<&str> = exception.roles.iter().chain(&exception.apps).map(String::as_str).collect();
        Violation {
            guardrail: guardrail.name.clone(),
            severity: Severity::Deny,
            subject: Violator::Exception(who.join(", ")),
            what: format!("it ended on {} ({}, owner {})", exception.expires, exception.reason, exception.owner),
            witness: None,
            fix: Some(guardrail::ENDED_FIX.to_owned()),
            place: Some(exception.place.clone()),
            key: format!("{}|exception|{}|{}", guardrail.name, who.join(","), exception.expires),
        }
    };
    let all = guardrail::expired(guardrails, today);
    all.into_iter().map(|pair| Judged { violation: violation(pair), introduced: true }).collect()
}

fn role_judged<'b, 'a>(
    old: &Side<'b>,
    was: Option<&Role<'b>>,
    after: &Side<'a>,
    role: &Role<'a>,
    guardrails: &[Guardrail],
    today: &str,
) -> Vec<Judged> {
    let mut judged = judged_by(old, was, after, role, guardrails, today, known);
    let unknown = after
        .unknown(role)
        .iter()
        .find(|unknown| matches!(unknown, Unknown::AssumedRole(_) | Unknown::User(_) | Unknown::Signer(_)));
    if let Some(unknown) = unknown {
        let more = judged_by(old, was, after, role, guardrails, today, at_most);
        let is_known = |one: &Judged| judged.iter().any(|known| known.violation.key == one.violation.key);
        let mut may: Vec<Judged> = Vec::new();
        for one in more.into_iter().filter(|one| !is_known(one)) {
            // One for each guardrail that what is not known may break.
            if may.iter().all(|told| told.violation.guardrail != one.violation.guardrail) {
                may.push(perhaps(one, unknown));
            }
        }
        judged.append(&mut may);
    }
    judged
}

/// A violation by what nobody declares.
fn perhaps(mut judged: Judged, unknown: &Unknown) -> Judged {
    let violation = &mut judged.violation;
    violation.what = format!("what {unknown} allows is not known here, and may be forbidden: {}", violation.what);
    let word = if matches!(unknown, Unknown::User(_) | Unknown::Signer(_)) { "iam_user" } else { "iam_role" };
    violation.fix = Some(format!("declare it: {word} \"NAME\" {{ arn = \"...\", policy_document = ... }}"));
    judged
}

/// What guardrails say of a role, by what it may do.
fn judged_by<'b, 'a>(
    old: &Side<'b>,
    was: Option<&Role<'b>>,
    after: &Side<'a>,
    role: &Role<'a>,
    guardrails: &[Guardrail],
    today: &str,
    access: for<'s> fn(&Side<'s>, &Role<'s>) -> Vec<PolicySet<Place>>,
) -> Vec<Judged> {
    let old_access = was.map(|was| access(old, was));
    let access = access(after, role);
    let label = role.label();
    let subject = role_subject(after, role, &label, &access);
    let before = was.zip(old_access.as_ref()).map(|(was, access)| role_subject(old, was, &label, access));
    guardrail::judge(guardrails, before.as_ref(), &subject, today, &place)
}

/// What a role may do, as far as that is known.
fn known<'s>(side: &Side<'s>, role: &Role<'s>) -> Vec<PolicySet<Place>> {
    side.role_sets(role)
}

/// What a role may do, where an IAM role or user that nobody declares may do everything, as the engine's guardrails have
/// it.
fn at_most<'s>(side: &Side<'s>, role: &Role<'s>) -> Vec<PolicySet<Place>> {
    let mut sets = side.role_sets(role);
    let unknown = side.unknown(role).iter().find_map(|unknown| match unknown {
        Unknown::AssumedRole(arn) => Some((format!("iam_role of {arn}"), role.access_fields.sessions.roles)),
        Unknown::User(name) => Some((format!("iam_user {name}"), role.access_fields.standing.user)),
        Unknown::Signer(who) => Some((format!("iam_user of {who}"), role.access_fields.made)),
        _ => None,
    });
    if let Some((which, field)) = unknown {
        let any = || Pattern::new("*", Syntax { wildcards: true, variables: false });
        let everything = || iam::Scope { negated: false, patterns: vec![any()] };
        let place = role.object.place_of(field);
        let statement = Statement {
            sid: Some(format!("{which}, which is not declared")),
            effect: Effect::Allow,
            actions: everything(),
            resources: everything(),
            conditions: Vec::new(),
            span: place.clone(),
        };
        let policy = Arc::new(Policy { statements: vec![statement], span: place });
        match sets.as_mut_slice() {
            // No denial and no boundary of an IAM role that is declared holds for one that is not.
            [set, ..] if !side.known(role).each.is_empty() => {
                let session = set.session.clone();
                sets.push(PolicySet { session, ..PolicySet::identity(vec![policy]) });
            }
            [set, ..] => set.identity.push(policy),
            [] => {}
        }
    }
    sets
}

fn role_subject<'a>(
    side: &Side<'_>,
    role: &Role<'_>,
    label: &'a str,
    access: &'a [PolicySet<Place>],
) -> Subject<'a, Place> {
    let held = |app: &App<'_, '_>| app.roles().iter().any(|(held, _)| held.object.path == role.object.path);
    let apps: Vec<App<'_, '_>> = match role.object.app.and_then(|app| side.app(app)) {
        // Its own app has it; who else may is a question for shared roles only.
        Some(app) => vec![app],
        None => side.apps().filter(held).collect(),
    };
    // People have tokens of any login.
    let logins = apps.iter().filter(|app| !app.who().is_person()).flat_map(App::logins);
    let tokens = logins.map(|login| side.token_terms(login));
    Subject {
        name: label,
        roles: vec![label.to_owned()],
        access,
        who: Who::App,
        terms: Some(Terms {
            permissions_boundaries: match side.known(role) {
                one if one.boundaries.is_empty() => BTreeSet::from([one.boundary.clone()]),
                several => several.boundaries.clone(),
            },
            user_path: role.object.text(role.access_fields.path).into_owned(),
            credential_type: match role.way() {
                Some(Way::Standing) => STANDING.to_owned(),
                _ => role.object.text(role.access_fields.made).into_owned(),
            },
            max_ttl: side.lifetime_in_engine(role, tokens),
        }),
        logins: Vec::new(),
        place: Some(role.object.declared_at().to_string()),
        apps: apps.iter().map(|app| app.name.to_owned()).collect(),
    }
}

fn app_judged(was: Option<&App<'_, '_>>, app: &App<'_, '_>, guardrails: &[Guardrail], today: &str) -> Vec<Judged> {
    let access = app.sets();
    let old_access = was.map(App::sets);
    let subject = app_subject(app, &access);
    let before = was.zip(old_access.as_ref()).map(|(was, access)| app_subject(was, access));
    guardrail::judge(guardrails, before.as_ref(), &subject, today, &place)
}

/// How long the secret of a login lives that has none: within every limit.
const NO_SECRET: i64 = -1;

fn app_subject<'a>(app: &App<'_, 'a>, access: &'a [PolicySet<Place>]) -> Subject<'a, Place> {
    let logins = app.logins().map(|login| {
        let shown = login.kind.login_words().map(|words| &words.secret);
        let secret = shown.and_then(LoginSecret::fields);
        let networks = ["token_bound_cidrs"].into_iter().chain(secret.map(|secret| secret.networks));
        Login {
            path: login.path.to_owned(),
            max_token_ttl: app.side().token_terms(login).max,
            secret_id_ttl: secret.map_or(NO_SECRET, |secret| login.number(secret.ttl)),
            password: matches!(shown, Some(LoginSecret::Password)),
            bind_secret_id: secret.is_none_or(|secret| login.flag(secret.bind)),
            bound: login.kind.login_words().map_or_else(Vec::new, |words| {
                let bindings = (words.bindings)(login);
                let bound = |binding: &Binding| Bound {
                    what: binding.what.to_string(),
                    values: binding.values.clone(),
                    is_open: binding.values.is_empty() || binding.is_open(),
                };
                bindings.iter().map(bound).collect()
            }),
            bound_cidrs: networks.into_iter().any(|field| {
                let bound = login.texts(field);
                !bound.is_empty() && !network::are_everywhere(bound.iter().map(String::as_str))
            }),
            place: Some(login.declared_at().to_string()),
        }
    });
    Subject {
        name: app.name,
        roles: app.roles().iter().map(|(role, _)| role.label()).collect(),
        apps: vec![app.name.to_owned()],
        access,
        who: app.who(),
        terms: None,
        logins: logins.collect(),
        place: app.place().map(ToString::to_string),
    }
}

fn place(place: &Place) -> Option<String> {
    // Live objects have no place in a file.
    (place.line > 0).then(|| place.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::STANDING;
    use crate::guardrail::{self, Shape};
    use crate::object;

    /// A type that guardrails have no word for could be demanded by none of them.
    #[test]
    fn guardrails_know_each_type_of_credentials() {
        let mut words = guardrail::RULES.iter().flat_map(|rule| rule.words);
        let known = words.find_map(|word| match word.shape {
            Shape::Choices(choices) if word.key == "credential_types" => Some(choices),
            _ => None,
        });
        let known: BTreeSet<&str> = known.expect("there is such a word").iter().copied().collect();
        let ways = object::roles().filter_map(|kind| kind.access_fields()).flat_map(|access| access.ways);
        let made: BTreeSet<&str> = ways.map(|(word, _)| if word.is_empty() { STANDING } else { *word }).collect();
        assert_eq!(known, made);
    }
}
