//! What one subject may do in AWS before and after: gained, widened, lost, under other conditions, moved, or
//! only written in another way.
//!
//! A subject is an app with all its roles together: a statement that moves from one role to another of the
//! same app gains it nothing. What is not known of a role (an attached policy without its document) may deny
//! or bound what the rest allows, so an old role answers for a new one only if nothing more was unknown of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::describe;
use super::effective::{Role, Side, SideObject, Unknown, Via};
use super::lifetime::LeaseTerms;
use super::{Finding, Kind, Subject, unknown, words};
use crate::iam::compare::{Difference, Extent, Proof, compare};
use crate::iam::document::{self, USER_INLINE_SIZE_MAX};
use crate::iam::evaluate::Decision;
use crate::iam::pattern::{Part, Pattern, Syntax};
use crate::iam::policy::{Effect, Policy, PolicySet, Scope, Statement};
use crate::iam::request::{Reading, Request};
use crate::object::Place;

/// From which share of the size limit on, in percent, a document's size is told.
const SIZE_TOLD_PERCENT: usize = 80;

/// A role that a subject has on one side.
pub(super) struct Held<'a> {
    pub(super) object: SideObject<'a>,
    pub(super) label: String,
    pub(super) via: Via,
    pub(super) set: PolicySet<Place>,
    pub(super) unknown: BTreeSet<Unknown>,
    pub(super) lease: LeaseTerms,
}

impl<'a> Held<'a> {
    pub(super) fn new(side: &Side<'a>, role: &Role<'a>, via: Via) -> Self {
        Self {
            object: role.object,
            label: role.label(),
            via,
            set: side.role_access(role),
            unknown: side.unknown(role).clone(),
            lease: side.lease_terms(role.mount),
        }
    }

    /// Its statements, of all its identity policies.
    fn statements(&self) -> impl Iterator<Item = &Statement<Place>> {
        self.set.identity.iter().flat_map(|policy| &policy.statements)
    }
}

/// A subject's roles on both sides.
pub(super) struct Principal<'b, 'a> {
    pub(super) subject: Subject,
    pub(super) before: Vec<Held<'b>>,
    pub(super) after: Vec<Held<'a>>,
    /// Where the app is declared after the change.
    pub(super) place: Option<Place>,
}

/// Something that one role allows and the other side does not.
struct Found {
    /// The index of the role on its own side.
    role: usize,
    /// The statement that allows it.
    statement: Statement<Place>,
    actions: Scope,
    resources: Scope,
    extent: Extent,
    proof: Proof,
}

impl Found {
    fn new(role: usize, difference: Difference<'_, Place>) -> Self {
        let Difference { statement, actions, resources, extent, proof, .. } = difference;
        Self { role, statement: statement.clone(), actions, resources, extent, proof }
    }
}

impl Principal<'_, '_> {
    /// Everything that changes.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let partners = self.partners();
        let (gained, lost) = self.differences(&partners);
        let mut findings: Vec<Finding> = gained.iter().map(|found| self.gain(found)).collect();
        let lost: Vec<Finding> = lost.iter().map(|found| self.loss(found)).collect();
        let known = findings.len();
        for loss in lost {
            // One condition for another is one finding, and it counts as a gain.
            let other = findings[..known].iter_mut().find(|gain| same_access(gain, &loss));
            match other {
                Some(gain) if loss.kind == Kind::ConditionChanged && gain.kind == Kind::ConditionChanged => {}
                _ => findings.push(loss),
            }
        }
        for (after, before) in partners.iter().enumerate() {
            findings.extend(unknown::changes(
                &self.subject,
                before.map(|at| &self.before[at]),
                Some(&self.after[after]),
            ));
        }
        for (at, before) in self.before.iter().enumerate() {
            if !partners.contains(&Some(at)) {
                findings.extend(unknown::changes(&self.subject, Some(before), None));
            }
        }
        self.within(&partners, &mut findings);
        findings
    }

    /// For each new role the old one that it was: of the same path, else a role that went and was the same.
    fn partners(&self) -> Vec<Option<usize>> {
        let mut taken: BTreeSet<usize> = BTreeSet::new();
        let mut partners: Vec<Option<usize>> = Vec::with_capacity(self.after.len());
        for after in &self.after {
            let at = self.before.iter().position(|before| before.object.path == after.object.path);
            taken.extend(at);
            partners.push(at);
        }
        for (index, after) in self.after.iter().enumerate() {
            if partners[index].is_none() {
                let at =
                    self.before.iter().enumerate().position(|(at, before)| {
                        !taken.contains(&at) && before.object.differing(&after.object).is_empty()
                    });
                taken.extend(at);
                partners[index] = at;
            }
        }
        partners
    }

    /// What the new roles allow and the old ones do not, and the other way round.
    fn differences(&self, partners: &[Option<usize>]) -> (Vec<Found>, Vec<Found>) {
        let (old, new) = (sets(&self.before), sets(&self.after));
        if all_known(&self.before) && all_known(&self.after) {
            let comparison = compare(&old, &new);
            let found = |difference: Difference<'_, Place>| Found::new(difference.set, difference);
            return (
                comparison.gains.into_iter().map(found).collect(),
                comparison.losses.into_iter().map(found).collect(),
            );
        }
        let mut gained = Vec::new();
        for (index, after) in self.after.iter().enumerate() {
            let answers = |at: usize| partners[index] == Some(at) || self.before[at].unknown.is_subset(&after.unknown);
            gained.extend(beyond(&old, answers, &new[index], index));
        }
        let mut lost = Vec::new();
        for (index, before) in self.before.iter().enumerate() {
            let answers = |at: usize| partners[at] == Some(index) || self.after[at].unknown.is_subset(&before.unknown);
            lost.extend(beyond(&new, answers, &old[index], index));
        }
        (gained, lost)
    }

    fn gain(&self, found: &Found) -> Finding {
        let role = &self.after[found.role];
        let kind = match found.extent {
            Extent::Whole => Kind::AccessGained,
            Extent::Part => Kind::AccessWidened,
            Extent::Conditions => Kind::ConditionChanged,
        };
        let mut finding = self.told(kind, role, found).gain();
        if self.before.iter().all(|before| before.object.path != role.object.path) {
            finding.notes.extend(match role.via {
                Via::Own => None,
                Via::Grant => Some("the role is shared, and granted to it now".to_owned()),
                Via::Acl => Some("the policies of its tokens let it read the role's credentials now".to_owned()),
            });
            let granted = self.place.as_ref().filter(|_| role.via == Via::Grant);
            finding.also.extend(granted.map(|place| ("granted to".to_owned(), place.clone())));
        }
        if let Some(old) = counterpart(&self.before, role, found) {
            finding.was = match found.extent {
                Extent::Whole => None,
                Extent::Part => other_resources(old, &found.statement),
                Extent::Conditions => other_conditions(old, &found.statement),
            };
        }
        match &found.proof {
            Proof::Witness(request) => {
                finding = self.why_before(finding, role, request);
                finding.witness = Some(request.clone());
                if !role.unknown.is_empty() {
                    let unknown: Vec<String> = role.unknown.iter().map(Unknown::to_string).collect();
                    finding.notes.push(format!("as far as it is not limited by {}", words::listed(&unknown)));
                }
            }
            Proof::CannotTell(why) => finding.cannot_tell = Some(why.clone()),
        }
        finding
    }

    fn loss(&self, found: &Found) -> Finding {
        let role = &self.before[found.role];
        let kind = match found.extent {
            Extent::Whole => Kind::AccessLost,
            Extent::Part => Kind::AccessNarrowed,
            Extent::Conditions => Kind::ConditionChanged,
        };
        let mut finding = self.told(kind, role, found);
        if let Some(new) = counterpart(&self.after, role, found) {
            match found.extent {
                Extent::Whole => {}
                Extent::Part => {
                    finding.notes.extend(other_resources(new, &found.statement).map(|now| format!("now {now}")));
                }
                Extent::Conditions => {
                    finding.notes.extend(other_conditions(new, &found.statement).map(|now| format!("now {now}")));
                }
            }
        }
        match &found.proof {
            Proof::Witness(request) => finding.witness = Some(request.clone()),
            Proof::CannotTell(why) => finding.notes.push(format!("it can't be told for certain: {why}")),
        }
        finding
    }

    /// A finding about the access of a statement.
    fn told(&self, kind: Kind, role: &Held<'_>, found: &Found) -> Finding {
        let access = describe::access(&found.statement, &found.actions, &found.resources);
        let mut finding = Finding::new(kind, &self.subject, access.sentence()).role(&role.label);
        finding.place = Some(found.statement.span.clone());
        finding.access = Some(access);
        finding
    }

    /// What kept a request from being allowed before, where it was more than that nothing allowed it.
    fn why_before(&self, mut finding: Finding, role: &Held<'_>, request: &Request) -> Finding {
        let same_role = self.before.iter().filter(|before| before.label == role.label);
        let others = self.before.iter().filter(|before| before.label != role.label);
        for before in same_role.chain(others) {
            let verdict = before.set.evaluate(request, Reading::default());
            if verdict.decision == Decision::ExplicitlyDenied {
                for statement in verdict.by {
                    finding = finding.note(format!("before, {} denied it", named(statement)));
                    finding = finding.also("denied before", statement.span.clone());
                }
                return finding;
            }
            let alone = PolicySet::identity(before.set.identity.clone());
            if before.set.boundary.is_some() && alone.allows(request, Reading::default()) {
                return finding.note("before, the permissions boundary did not allow it");
            }
        }
        finding
    }

    /// What happens between the roles of the subject, and inside one that allows what it did.
    fn within(&self, partners: &[Option<usize>], findings: &mut Vec<Finding>) {
        for (index, after) in self.after.iter().enumerate() {
            let before = partners[index].map(|at| &self.before[at]);
            if let Some(before) = before {
                attributes(&self.subject, before, after, findings);
                size(&self.subject, before, after, findings);
                self.shadowed(before, after, findings);
                if before.object.differing(&after.object).is_empty() {
                    continue;
                }
            }
            let old: Vec<PolicySet<Place>> = before.map(|before| before.set.clone()).into_iter().collect();
            let new = [after.set.clone()];
            let comparison = compare(&old, &new);
            let changes = comparison.gains.len() + comparison.losses.len();
            let gains = comparison.gains.into_iter().map(|difference| Found::new(index, difference));
            findings.extend(gains.filter_map(|found| self.moved(after, &found)));
            if let Some(before) = before.filter(|_| changes == 0) {
                findings.extend(self.rewritten(before, after));
            }
        }
    }

    /// What is no longer denied or bounded of the access that an unknown policy gives: it is there on both sides,
    /// and may allow anything.
    fn shadowed(&self, before: &Held<'_>, after: &Held<'_>, findings: &mut Vec<Finding>) {
        let both = before.unknown.intersection(&after.unknown);
        let Some(policy) =
            both.into_iter().find(|unknown| matches!(unknown, Unknown::ManagedPolicy(_) | Unknown::Group(_)))
        else {
            return;
        };
        let place = after.object.place_of("policy_arns");
        let [old, new] = [before, after].map(|held| anything_but(held, &place));
        for difference in compare(&[old], std::slice::from_ref(&new)).gains {
            let found = Found::new(0, difference);
            let mut finding = self.told(Kind::AccessUnknown, after, &found);
            finding.what = format!("whatever {policy} allows of {}", finding.what);
            if let Proof::Witness(request) = &found.proof {
                finding = self.why_before(finding, after, request);
            }
            findings.push(
                finding
                    .cannot_tell("its own statements kept that out before; what the policy allows is not known here"),
            );
        }
    }

    /// Access that is new to a role, and that the subject had through another one.
    fn moved(&self, role: &Held<'_>, found: &Found) -> Option<Finding> {
        let Proof::Witness(request) = &found.proof else { return None };
        let others = self.before.iter().filter(|before| before.object.path != role.object.path);
        let from = others.into_iter().find(|before| before.set.allows(request, Reading::default()))?;
        let longer = role.lease.max > from.lease.max;
        let mut finding =
            self.told(Kind::StatementMoved, role, found).gains(longer).was(format!("through role {}", from.label));
        let verdict = from.set.evaluate(request, Reading::default());
        if let Some(statement) = verdict.by.first() {
            finding = finding.also("was here", statement.span.clone());
        }
        if role.lease != from.lease {
            finding = finding.note(format!(
                "credentials of {} live {}, those of {} {}",
                role.label,
                words::duration(role.lease.max),
                from.label,
                words::duration(from.lease.max)
            ));
        }
        Some(finding)
    }

    /// A document that says the same in other words.
    fn rewritten(&self, before: &Held<'_>, after: &Held<'_>) -> Option<Finding> {
        if before.object.value("policy_document") == after.object.value("policy_document") {
            return None;
        }
        let (old, new) = (before.statements().count(), after.statements().count());
        let what = match old.cmp(&new) {
            std::cmp::Ordering::Greater => format!("{old} statements became {new}"),
            std::cmp::Ordering::Less => format!("{} became {new}", words::count(old, "statement")),
            std::cmp::Ordering::Equal if same_but_order(before, after) => "statements are in another order".to_owned(),
            std::cmp::Ordering::Equal => "the policy is worded differently".to_owned(),
        };
        let finding = Finding::new(Kind::TextOnly, &self.subject, format!("{what} (text only)")).role(&after.label);
        Some(finding.at(after.object.place_of("policy_document")))
    }
}

fn all_known(held: &[Held<'_>]) -> bool {
    held.iter().all(|held| held.unknown.is_empty())
}

/// All that a role's own denials and boundary let through, if its unknown policies allowed everything.
fn anything_but(held: &Held<'_>, place: &Place) -> PolicySet<Place> {
    let any = || Pattern::new("*", Syntax { wildcards: true, variables: false });
    let everything = || Scope { negated: false, patterns: vec![any()] };
    let mut statements = vec![Statement {
        sid: None,
        effect: Effect::Allow,
        actions: everything(),
        resources: everything(),
        conditions: Vec::new(),
        span: place.clone(),
    }];
    statements.extend(held.statements().filter(|statement| statement.effect == Effect::Deny).cloned());
    let policy = Policy { statements, span: place.clone() };
    PolicySet { identity: vec![Arc::new(policy)], boundary: held.set.boundary.clone(), session: None }
}

fn sets(held: &[Held<'_>]) -> Vec<PolicySet<Place>> {
    held.iter().map(|held| held.set.clone()).collect()
}

/// What one role allows beyond those of the other side that answer for it.
fn beyond(
    others: &[PolicySet<Place>],
    answers: impl Fn(usize) -> bool,
    set: &PolicySet<Place>,
    role: usize,
) -> Vec<Found> {
    let others: Vec<PolicySet<Place>> =
        others.iter().enumerate().filter(|(at, _)| answers(*at)).map(|(_, other)| other.clone()).collect();
    let set = [set.clone()];
    compare(&others, &set).gains.into_iter().map(|difference| Found::new(role, difference)).collect()
}

/// Whether two findings are about the same actions on the same resources of the same role.
fn same_access(one: &Finding, other: &Finding) -> bool {
    one.role == other.role && one.what == other.what
}

/// The statement of the other side that said what this one says now: of the same role and name, else of the
/// same actions, else of some of them.
fn counterpart<'s>(others: &'s [Held<'_>], role: &Held<'_>, found: &Found) -> Option<&'s Statement<Place>> {
    let score = |held: &Held<'_>, statement: &Statement<Place>| {
        let same_role = u8::from(held.object.path == role.object.path);
        let same_name = u8::from(statement.sid.is_some() && statement.sid == found.statement.sid);
        let shared = found
            .statement
            .actions
            .patterns
            .iter()
            .any(|one| statement.actions.patterns.iter().any(|other| one.text == other.text));
        let same_actions = if statement.actions == found.statement.actions { 2 } else { u8::from(shared) };
        (same_name + same_actions > 0).then_some((same_role, same_actions, same_name))
    };
    let candidates = others.iter().flat_map(|held| {
        let allows = held.statements().filter(|statement| statement.effect == Effect::Allow);
        allows.filter_map(move |statement| Some((score(held, statement)?, statement)))
    });
    candidates.max_by(|(a, _), (b, _)| a.cmp(b)).map(|(_, statement)| statement)
}

/// The resources of another statement, where they are others.
fn other_resources(other: &Statement<Place>, statement: &Statement<Place>) -> Option<String> {
    let resources = describe::patterns(&other.resources);
    (other.resources != statement.resources)
        .then(|| format!("on {}", describe::scope(other.resources.negated, &resources)))
}

/// The conditions of another statement, where they are others.
fn other_conditions(other: &Statement<Place>, statement: &Statement<Place>) -> Option<String> {
    let conditions = describe::conditions(other);
    (conditions != describe::conditions(statement)).then(|| describe::only_if(&conditions))
}

/// `the statement "Exports"`.
fn named(statement: &Statement<Place>) -> String {
    match &statement.sid {
        Some(sid) => format!("the statement \"{sid}\""),
        None => "a statement".to_owned(),
    }
}

/// Whether two roles have the same statements, in whatever order.
fn same_but_order(before: &Held<'_>, after: &Held<'_>) -> bool {
    let key = |statement: &Statement<Place>| format!("{:?}", statement_facts(statement));
    let mut old: Vec<String> = before.statements().map(key).collect();
    let mut new: Vec<String> = after.statements().map(key).collect();
    let differ = old != new;
    old.sort_unstable();
    new.sort_unstable();
    differ && old == new
}

/// A statement without its place and its name.
fn statement_facts(statement: &Statement<Place>) -> (Effect, &Scope, &Scope, &[crate::iam::policy::Condition]) {
    (statement.effect, &statement.actions, &statement.resources, &statement.conditions)
}

/// What AWS policies elsewhere may look at.
fn attributes(subject: &Subject, before: &Held<'_>, after: &Held<'_>, findings: &mut Vec<Finding>) {
    for (field, words, keys) in
        [("iam_tags", "tags", &["aws:principaltag/"][..]), ("user_path", "path", &["aws:principalarn", "aws:arn"][..])]
    {
        if before.object.value(field) == after.object.value(field) {
            continue;
        }
        let (old, new) = (shown(&before.object, field), shown(&after.object, field));
        let what = format!("the {words} of its IAM users: {new}");
        let mut finding = Finding::new(Kind::AttributesChanged, subject, what)
            .role(&after.label)
            .was(old)
            .at(after.object.place_of(field));
        finding = if after.statements().any(|statement| mentions(statement, keys)) {
            finding.cannot_tell(format!("its own policy looks at the {words}"))
        } else {
            finding.note("policies elsewhere may look at them")
        };
        findings.push(finding);
    }
}

fn shown(object: &SideObject<'_>, field: &str) -> String {
    if field != "iam_tags" {
        let path = object.text(field);
        return if path.is_empty() { "the engine's own".to_owned() } else { path.into_owned() };
    }
    let pairs: Vec<String> = object.pairs(field).into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    if pairs.is_empty() { "none".to_owned() } else { pairs.join(", ") }
}

/// Whether a statement looks at one of these context keys, in a condition or in a variable.
pub(super) fn mentions<S>(statement: &Statement<S>, keys: &[&str]) -> bool {
    let is = |key: &str| keys.iter().any(|known| key.starts_with(known));
    let variable = |pattern: &crate::iam::pattern::Pattern| {
        pattern.parts.iter().any(|part| matches!(part, Part::Variable { key, .. } if is(key)))
    };
    statement.conditions.iter().any(|condition| is(&condition.key) || condition.values.iter().any(variable))
        || statement.resources.patterns.iter().any(variable)
}

/// How much of the size limit a changed document uses, where that is much.
fn size(subject: &Subject, before: &Held<'_>, after: &Held<'_>, findings: &mut Vec<Finding>) {
    let [old, new] = [before, after].map(|held| {
        let wording = held.object.wording("policy_document");
        wording.as_str().map_or(0, document::size)
    });
    let percent = new * 100 / USER_INLINE_SIZE_MAX;
    if old != new && percent >= SIZE_TOLD_PERCENT {
        let what = format!(
            "inline policy: {} of {} characters ({percent} %)",
            words::thousands(new),
            words::thousands(USER_INLINE_SIZE_MAX)
        );
        let finding = Finding::new(Kind::PolicySize, subject, what).role(&after.label);
        findings.push(
            finding.was(format!("{} characters", words::thousands(old))).at(after.object.place_of("policy_document")),
        );
    }
}
