//! ACL policies by what they permit together, not by their text.
//!
//! An app's tokens have several policies, and which rule decides a path depends on all of them: taking a
//! narrow denial out of one may open what another one allows. So all policies of a token are compared at once.
//! Apps with the same change are told together.

use std::collections::{BTreeMap, BTreeSet};

use super::{Changed, logging_in};
use crate::acl::Acl;
use crate::acl::compare::{self, Difference, Extent};
use crate::acl::document::{Rule, parse_with_templates};
use crate::acl::template;
use crate::guardrail::Who;
use crate::object::{policy_name, policy_path};
use crate::review::finding::{Finding, Subject, Topic};
use crate::review::state::{App, Policies, Side};
use crate::review::words;
use crate::units::duration;

impl App<'_, '_> {
    /// Whether a change may concern it: one of its own objects differs, or a role that it may read.
    pub(in crate::review) fn is_concerned(&self, changed: &Changed<'_>) -> bool {
        self.logins().any(|login| changed.paths.contains(login.path))
            || self.object().is_some_and(|object| changed.paths.contains(object.path))
            || self.given().iter().any(|object| changed.paths.contains(object.path))
            || self.policies().iter().any(|name| changed.paths.contains(policy_path(name).as_str()))
            || self.roles().iter().any(|(role, _)| changed.roles.contains(role.object.path))
    }
}

/// What tokens may do in the engine that they could not, and the other way round.
pub(in crate::review) fn changes(
    before: &Side<'_>,
    after: &Side<'_>,
    changed: &Changed<'_>,
    renamed: &BTreeMap<&str, &str>,
    findings: &mut Vec<Finding>,
) {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut groups: BTreeMap<(Policies, Policies), Vec<&str>> = BTreeMap::new();
    // What people's policies let them read of roles is told as access; what else they permit is told with each policy.
    for name in logging_in(before, after, renamed) {
        let old = before.app(renamed.get(name).copied().unwrap_or(name));
        let new = after.app(name);
        let policies = |app: &Option<App<'_, '_>>| app.as_ref().map(App::policies).unwrap_or_default();
        let (ours, theirs) = (policies(&old), policies(&new));
        let differs = |policy: &String| changed.paths.contains(policy_path(policy).as_str());
        seen.extend(ours.union(&theirs).filter(|policy| differs(policy)).cloned());
        if ours == theirs && !ours.iter().any(differs) {
            continue;
        }
        findings.extend(new.as_ref().and_then(|new| undeclared(after, &ours, &theirs, new)));
        // Of an app that is new or gone, its roles and its login say what it may.
        let is_own = |side: &Side<'_>, app: &Option<App<'_, '_>>| {
            app.as_ref().is_none_or(|app| app.texts(side).iter().all(|(name, _)| is_derived(side, name, app.name)))
        };
        if (old.is_none() || new.is_none()) && is_own(before, &old) && is_own(after, &new) {
            continue;
        }
        let texts = |side, app: &Option<App<'_, '_>>| app.as_ref().map(|app| app.texts(side)).unwrap_or_default();
        groups.entry((texts(before, &old), texts(after, &new))).or_default().push(name);
    }
    for ((old, new), apps) in groups {
        let subject = match apps.as_slice() {
            [app] => after
                .app(app)
                .or_else(|| before.app(app))
                .map_or_else(|| Subject::App((*app).to_owned()), |app| app.subject()),
            _ => Subject::Policy(differing(&old, &new).join(", ")),
        };
        let told =
            |difference: &Difference, gained| apps.iter().all(|app| is_told(before, after, app, difference, gained));
        let mut group = compared(&subject, &old, &new, after, told);
        if apps.len() > 1 {
            group.iter_mut().for_each(|finding| finding.notes.push(listed(after, &apps)));
        }
        findings.extend(group);
    }
    for path in &changed.paths {
        let Some(name) = policy_name(path).filter(|name| !seen.contains(*name)) else { continue };
        let text = |side: &Side<'_>| side.acl_policy(name).map(|text| (name.to_owned(), text.into_owned()));
        let (old, new): (Policies, Policies) = (text(before).into_iter().collect(), text(after).into_iter().collect());
        let own = [before, after].iter().filter_map(|side| side.object(path)).any(|object| object.app.is_some());
        if !own {
            findings.extend(compared(&Subject::Policy(name.to_owned()), &old, &new, after, |_, _| false));
        }
    }
}

/// For whom something is told together.
fn listed(side: &Side<'_>, names: &[&str]) -> String {
    let (logins, apps): (Vec<&str>, Vec<&str>) =
        names.iter().partition(|name| side.app(name).is_some_and(|app| app.who() == Who::Login));
    match (apps.is_empty(), logins.is_empty()) {
        (_, true) => format!("for the apps {}", words::listed(&apps)),
        (true, _) => format!("for the logins {}", words::listed(&logins)),
        _ => format!("for the apps {}, and the logins {}", words::listed(&apps), words::listed(&logins)),
    }
}

/// Whether a policy follows from an app's roles.
fn is_derived(side: &Side<'_>, policy: &str, app: &str) -> bool {
    side.object(&policy_path(policy)).is_some_and(|object| object.app == Some(app))
}

/// A policy that an app's tokens have from now on, and that is not declared.
fn undeclared(side: &Side<'_>, old: &BTreeSet<String>, new: &BTreeSet<String>, app: &App<'_, '_>) -> Option<Finding> {
    let names: Vec<&String> = new
        .difference(old)
        // Told with the login.
        .filter(|name| *name != "default" && side.acl_policy(name).is_none())
        .collect();
    let login = app.logins().next()?;
    (!names.is_empty()).then(|| {
        let what = format!("its tokens have the policies {}, which are not declared", words::listed(&names));
        let finding = Finding::new(Topic::Acl, &app.subject(), what);
        finding.at(login.place_of("token_policies")).cannot_tell("what they permit is not known here")
    })
}

/// The names of the policies that are on one side only, or with another text.
fn differing(old: &Policies, new: &Policies) -> Vec<String> {
    let names =
        old.iter().filter(|policy| !new.contains(policy)).chain(new.iter().filter(|policy| !old.contains(policy)));
    names.map(|(name, _)| name.clone()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Whether a difference is told already: reading the credentials of a role that an app has from now on, or
/// has no more.
fn is_told(before: &Side<'_>, after: &Side<'_>, app: &str, difference: &Difference, gained: bool) -> bool {
    let (there, elsewhere) = if gained { (after, before) } else { (before, after) };
    let has = |side: &Side<'_>| {
        side.app(app).is_some_and(|app| app.roles().iter().any(|(role, _)| role.at.credentials() == difference.path))
    };
    difference.capabilities == ["read"] && has(there) && !has(elsewhere)
}

/// The differences of two sets of policies as findings.
fn compared(
    subject: &Subject,
    old: &Policies,
    new: &Policies,
    after: &Side<'_>,
    is_told: impl Fn(&Difference, bool) -> bool,
) -> Vec<Finding> {
    let differing = differing(old, new);
    let object = differing.iter().find_map(|name| after.object(&policy_path(name)));
    let place = object.and_then(|object| object.rules().map(|field| object.place_of(field)));
    let with_place = |finding: Finding| Finding { place: place.clone(), ..finding };
    let compile = |policies: &Policies| {
        Acl::of_texts(policies.iter().map(|(name, text)| (name.as_str(), text.as_str())))
            .map_err(|(name, error)| format!("the policy {name} can't be read: {error}"))
    };
    let (old_acl, new_acl) = match (compile(old), compile(new)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(why), _) | (_, Err(why)) => {
            let finding = Finding::new(Topic::Acl, subject, "what its tokens may do in the engine");
            return vec![with_place(finding.cannot_tell(why))];
        }
    };
    let comparison = compare::compare(&old_acl, &new_acl);
    let uncertain: Vec<Finding> =
        uncertain(subject, old, new, &comparison.gains).into_iter().map(&with_place).collect();
    if comparison.is_equal() && !uncertain.is_empty() {
        return uncertain;
    }
    if comparison.is_equal() {
        let same_names = old.iter().map(|(name, _)| name).eq(new.iter().map(|(name, _)| name));
        let what = format!("the policy {} is worded differently (text only)", words::listed(&differing));
        return if same_names && !differing.is_empty() {
            vec![with_place(Finding::new(Topic::TextOnly, subject, what))]
        } else {
            Vec::new()
        };
    }
    let gains = comparison.gains.iter().filter(|difference| !is_told(difference, true));
    let losses = comparison.losses.iter().filter(|difference| !is_told(difference, false));
    // The rule that decides now may be of a policy that is as it was.
    let names = || differing.iter().chain(new.iter().map(|(name, _)| name));
    let at_rule = |finding: Finding, difference: &Difference| {
        let rule = names().find_map(|name| after.place_of_rule(&policy_path(name), &difference.path));
        match rule {
            Some(place) => finding.at(place.clone()),
            None => with_place(finding),
        }
    };
    gains
        .map(|difference| at_rule(gain(subject, difference), difference))
        .chain(losses.map(|difference| at_rule(loss(subject, difference), difference)))
        .chain(uncertain)
        .collect()
}

/// Why nothing is certain of a template.
const FILLED_IN: &str = "the engine fills it in with who logs in, and then it may be the rule that counts";

/// What a comparison of patterns as they are written does not tell: templates are filled in by the engine.
fn uncertain(subject: &Subject, old: &Policies, new: &Policies, gains: &[Difference]) -> Vec<Finding> {
    let is_plain = |(_, text): &(String, String)| !text.contains("{{") && !text.contains('\\');
    if old.iter().chain(new).all(is_plain) {
        return Vec::new();
    }
    let rules = |policies: &Policies| -> Vec<Rule> {
        policies.iter().filter_map(|(_, text)| parse_with_templates(text).ok()).flatten().collect()
    };
    let paths = template::uncertain(&rules(old), &rules(new)).into_iter();
    paths
        .filter(|path| !gains.iter().any(|gain| gain.path == *path))
        .map(|path| {
            let what = format!("may be allowed more at {path}, beside the other rules for such paths");
            Finding::new(Topic::Acl, subject, what).gain().cannot_tell(FILLED_IN)
        })
        .collect()
}

fn gain(subject: &Subject, difference: &Difference) -> Finding {
    let extent = match difference.extent {
        Extent::Whole => "",
        Extent::Constraints => ", with parameters that were not allowed",
    };
    let what = format!("may now {} {}{extent}", words::listed(&difference.capabilities), difference.path);
    let finding = example(Finding::new(Topic::Acl, subject, what).gain(), difference);
    match difference.certain {
        true => finding,
        false if template::is_templated(&difference.path) => finding.cannot_tell(FILLED_IN),
        false => finding.cannot_tell("the rules could not be compared for certain"),
    }
}

fn loss(subject: &Subject, difference: &Difference) -> Finding {
    let extent = match difference.extent {
        Extent::Whole => "",
        Extent::Constraints => ", with all parameters that were allowed",
    };
    let what = format!("may no longer {} {}{extent}", words::listed(&difference.capabilities), difference.path);
    example(Finding::new(Topic::Acl, subject, what), difference)
}

/// A path of a pattern, the parameters that matter, and for how long the answer is wrapped.
fn example(finding: Finding, difference: &Difference) -> Finding {
    let says_more = !difference.data.is_empty() || difference.wrap_ttl.is_some();
    if difference.witness.is_empty() || difference.witness == difference.path && !says_more {
        return finding;
    }
    let data = match difference.data.is_empty() {
        true => String::new(),
        false => format!(", with {}", serde_json::Value::Object(difference.data.clone())),
    };
    let wrapped = difference.wrap_ttl.map(|ttl| format!(", its answer wrapped for {}", duration::shown(ttl)));
    finding.note(format!("example: {}{data}{}", difference.witness, wrapped.unwrap_or_default()))
}
