//! What stands beside the objects of two commits: the guardrails, and where an environment is applied.
//!
//! Only a review of files knows both sides of it, so it has no part in the digest. A guardrail that forbids less gives
//! nobody access, and lets pass what it kept out: its roles may get credentials again.

use crate::estate::{
    AwsChoice, DriftRules, EngineChoice, Environment, Estate, Ignored, KeyChoice, Level, MAX_DELETES_DEFAULT, Weighed,
};
use crate::guardrail::{Clause, Guardrail};
use crate::object::{Kind, Place};
use crate::review::finding::{Finding, Subject, Topic};
use crate::review::state::Side;
use crate::review::words;

/// What changes of it.
pub(in crate::review) fn changes(before: &Side<'_>, after: &Side<'_>, findings: &mut Vec<Finding>) {
    let Some((old, new)) = before.estate().zip(after.estate()) else { return };
    findings.extend(environment(old, new));
    findings.extend(protections(&old.environment, &new.environment));
    findings.extend(drift(&old.environment, &new.environment));
    let mut names: Vec<&str> = old.guardrails.iter().chain(&new.guardrails).map(|one| one.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    findings.extend(names.into_iter().filter_map(|name| guardrail(name, old, new)));
}

fn environment(old: &Estate, new: &Estate) -> Option<Finding> {
    let (old, new) = (&old.environment, &new.environment);
    if old.engine == new.engine && old.namespace == new.namespace {
        return None;
    }
    let subject = Subject::Engine(format!("environment {}", new.name));
    let finding = Finding::new(Topic::Environment, &subject, format!("it is {} now", shown(new)));
    let finding = finding.was(shown(old)).at(new.place.clone());
    let simulated = matches!(&new.engine, EngineChoice::Embedded { aws: AwsChoice::Sandbox, .. });
    Some(if simulated {
        finding
    } else {
        finding.cannot_tell("credentials may come from another engine, or from another account")
    })
}

/// What held an apply back and no longer does: what the environment demands, and how much may be deleted.
fn protections(old: &Environment, new: &Environment) -> Vec<Finding> {
    let subject = Subject::Engine(format!("environment {}", new.name));
    let mut findings = Vec::new();
    let mut tell = |what: String, gains: bool| {
        findings.push(Finding::new(Topic::Environment, &subject, what).gains(gains).at(new.place.clone()));
    };
    let (was, is) = (&old.demands, &new.demands);
    for (before, after, what) in [
        (was.signed_plan, is.signed_plan, "a signed plan"),
        (was.signed_commit, is.signed_commit, "a signed commit"),
        (was.clean, is.clean, "files as their commit has them"),
    ] {
        match (before, after) {
            (true, false) => tell(format!("an apply takes no longer {what}"), true),
            (false, true) => tell(format!("an apply takes {what} now"), false),
            _ => {}
        }
    }
    if was.branch != is.branch {
        let any = "any branch".to_owned();
        tell(
            format!("an apply takes {}", is.branch.clone().map_or(any, |branch| format!("the branch {branch} now"))),
            was.branch.is_some(),
        );
    }
    if was.signers != is.signers {
        let asked = was.signed_plan || was.signed_commit;
        tell(
            "whose signatures count changed".to_owned(),
            asked && is.signers.iter().any(|key| !was.signers.contains(key)),
        );
    }
    let mut more = new.secrets.iter().flatten().filter(|one| !old.secrets.iter().flatten().any(|other| other == *one));
    let all = |environment: &Environment| {
        environment.secrets.is_none() && matches!(environment.engine, EngineChoice::Embedded { .. })
    };
    match (all(old), all(new)) {
        (false, true) => tell("secrets may be from any variable and file now".to_owned(), true),
        (true, false) if new.secrets.is_some() => {
            tell("secrets may be from the variables and files alone that are named".to_owned(), false);
        }
        _ => more.by_ref().for_each(|one| tell(format!("secrets may be from {one} now"), true)),
    }
    if old.max_deletes != new.max_deletes {
        let most = |number: Option<u32>| number.unwrap_or(MAX_DELETES_DEFAULT);
        let what = format!("an apply may delete {} objects", most(new.max_deletes));
        tell(what, most(new.max_deletes) > most(old.max_deletes));
    }
    for limit in old
        .limits
        .iter()
        .filter(|limit| !new.limits.iter().any(|other| (other.kind, other.deletes) == (limit.kind, limit.deletes)))
    {
        tell(format!("an apply may delete more than {} of the sort `{}`", limit.deletes, limit.kind.name), true);
    }
    findings
}

/// What counts as drift no longer, or for less.
fn drift(old: &Environment, new: &Environment) -> Vec<Finding> {
    let (was, is) = (&old.drift, &new.drift);
    let subject = Subject::Engine(format!("environment {}", new.name));
    let mut findings = Vec::new();
    let mut tell = |what: String, less: bool, place: &Place| {
        findings.push(Finding::new(Topic::Checks, &subject, what).gains(less).at(place.clone()));
    };
    let of = |pattern: &str, kind: Option<&Kind>| match kind {
        Some(kind) => format!("{pattern} ({})", kind.name),
        None => pattern.to_owned(),
    };
    let same = |one: &Ignored, other: &Ignored| (&one.pattern, one.kind) == (&other.pattern, other.kind);
    for rule in is.ignored.iter().filter(|rule| !was.ignored.iter().any(|old| same(old, rule))) {
        let what = of(&rule.pattern, rule.kind);
        tell(format!("what nobody declared at {what} is no drift any more: {}", rule.reason), true, &rule.place);
    }
    for rule in was.ignored.iter().filter(|rule| !is.ignored.iter().any(|new| same(new, rule))) {
        tell(format!("what nobody declared at {} is drift again", of(&rule.pattern, rule.kind)), false, &new.place);
    }
    let level = |rules: &DriftRules, of: &Weighed| {
        let same = rules.weighed.iter().find(|rule| (&rule.pattern, rule.kind) == (&of.pattern, of.kind));
        same.map_or(Level::Error, |rule| rule.level)
    };
    for rule in is.weighed.iter().filter(|rule| level(was, rule) != rule.level) {
        let what = of(&rule.pattern, rule.kind);
        let less = rule.level < level(was, rule);
        tell(format!("drift at {what} is {} now", a(rule.level)), less, &rule.place);
    }
    for rule in was.weighed.iter().filter(|rule| level(is, rule) != rule.level) {
        if !is.weighed.iter().any(|new| (&new.pattern, new.kind) == (&rule.pattern, rule.kind)) {
            tell(format!("drift at {} is an error again", of(&rule.pattern, rule.kind)), false, &new.place);
        }
    }
    findings
}

fn a(level: Level) -> &'static str {
    match level {
        Level::Note => "a note",
        Level::Warning => "a warning",
        Level::Error => "an error",
    }
}

fn shown(environment: &Environment) -> String {
    match &environment.engine {
        EngineChoice::Address(addresses) => {
            let engine = match addresses.only() {
                Some(address) => format!("the engine at {address}"),
                None => format!("the cluster of {}", addresses.each().collect::<Vec<_>>().join(", ")),
            };
            match &environment.namespace {
                Some(namespace) => format!("the namespace {namespace} of {engine}"),
                None => engine,
            }
        }
        EngineChoice::Embedded { data, aws, key } => {
            let account = match aws {
                AwsChoice::Aws => "with AWS",
                AwsChoice::Sandbox => "with a simulated account",
            };
            let key = match key {
                KeyChoice::Beside => String::new(),
                KeyChoice::File(path) => format!(", its key in {}", path.display()),
                KeyChoice::Service(id) => format!(", its key wrapped by AWS KMS with {id}"),
            };
            format!("the embedded engine in {} {account}{key}", data.display())
        }
    }
}

fn guardrail(name: &str, old: &Estate, new: &Estate) -> Option<Finding> {
    let of = |estate: &'_ Estate| estate.guardrails.iter().position(|one| one.name == name);
    let (was, is) = (of(old).map(|at| &old.guardrails[at]), of(new).map(|at| &new.guardrails[at]));
    let declared = |estate: &Estate| -> Option<Place> {
        estate.named_guardrails.iter().find(|(known, _)| known == name).map(|(_, place)| place.clone())
    };
    let subject = Subject::Engine(format!("guardrail {name}"));
    let weaker = |what: String| {
        Finding::new(Topic::Guardrail, &subject, what).cannot_tell("it may have kept out what is let through now")
    };
    let finding = match (was, is) {
        (None, None) => return None,
        (None, Some(_)) => Finding::new(Topic::Guardrail, &subject, "is new"),
        (Some(_), None) => weaker("is there no more".to_owned()),
        (Some(was), Some(is)) => {
            let differing = differing(was, is);
            if differing.is_empty() {
                return None;
            }
            let what = format!("{} changed", words::listed(&differing));
            if is_stricter(was, is) { Finding::new(Topic::Guardrail, &subject, what) } else { weaker(what) }
        }
    };
    Some(match declared(new).or_else(|| declared(old)) {
        Some(place) => finding.at(place),
        None => finding,
    })
}

/// What two states of one guardrail differ in.
fn differing(was: &Guardrail, is: &Guardrail) -> Vec<&'static str> {
    let Guardrail { name: _, severity, roles, apps, rules, exceptions, place: _ } = was;
    [
        (*severity != is.severity, "its severity"),
        (*roles != is.roles || *apps != is.apps, "whom it is about"),
        (*rules != is.rules, "its rules"),
        (*exceptions != is.exceptions, "its exceptions"),
    ]
    .into_iter()
    .filter_map(|(differs, what)| differs.then_some(what))
    .collect()
}

/// Whether all that was forbidden still is, as far as that is seen without reading the rules.
fn is_stricter(was: &Guardrail, is: &Guardrail) -> bool {
    let wider = |old: &[String], new: &[String]| old == new || new.is_empty();
    let keeps = |rule: &Clause| is.rules.contains(rule);
    is.severity >= was.severity
        && wider(&was.roles, &is.roles)
        && wider(&was.apps, &is.apps)
        && was.rules.iter().all(keeps)
        && is.exceptions.iter().all(|exception| was.exceptions.contains(exception))
}
