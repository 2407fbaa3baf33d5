//! What one subject may do in AWS before and after: gained, widened, lost, under other conditions, moved, or
//! only written in another way.
//!
//! A subject is an app with all its roles together: a statement that moves from one role to another of the
//! same app gains it nothing. What is not known of a role (an attached policy without its document) may deny
//! or bound what the rest allows, so an old role answers for a new one only if nothing more was unknown of it.

use std::collections::BTreeSet;

use super::blocked::{self, Blocked, blocked, named, statement_words};
use super::held::Held;
use super::{standing, unknown, user};
use crate::iam::compare::{Difference, Extent, Proof, compare};
use crate::iam::pattern::Pattern;
use crate::iam::policy::{Effect, PolicySet, Scope, Statement};
use crate::iam::reading::Reading;
use crate::iam::request::Request;
use crate::object::Place;
use crate::review::describe;
use crate::review::finding::{Finding, Subject, Topic};
use crate::review::state::{Unknown, Via};
use crate::review::words;

/// A subject's roles on both sides.
pub(in crate::review) struct Principal<'b, 'a> {
    pub(in crate::review) subject: Subject,
    pub(in crate::review) before: Vec<Held<'b>>,
    pub(in crate::review) after: Vec<Held<'a>>,
    /// Where the app is declared after the change.
    pub(in crate::review) place: Option<Place>,
}

/// Something that one role allows and the other side does not.
pub(in crate::review) struct Found {
    /// The index of the role on its own side.
    role: usize,
    /// The statement that allows it.
    statement: Statement<Place>,
    actions: Scope,
    resources: Scope,
    extent: Extent,
    pub(in crate::review) proof: Proof,
}

impl Found {
    pub(in crate::review) fn new(role: usize, difference: Difference<'_, Place>) -> Self {
        let Difference { statement, actions, resources, extent, proof, .. } = difference;
        Self { role, statement: statement.clone(), actions, resources, extent, proof }
    }
}

impl Principal<'_, '_> {
    /// Everything that changes.
    pub(in crate::review) fn findings(&self) -> Vec<Finding> {
        let partners = self.partners();
        let (gained, lost) = self.differences(&partners);
        let [gained, lost] = [gained, lost].map(merged);
        let mut findings: Vec<Finding> = gained.iter().map(|found| self.gain(found)).collect();
        let lost: Vec<Finding> = lost.iter().map(|found| self.loss(found)).collect();
        let known = findings.len();
        for loss in lost {
            // One condition for another is one finding, and it counts as a gain.
            let other = findings[..known].iter_mut().find(|gain| same_access(gain, &loss));
            match other {
                Some(gain) if loss.topic == Topic::ConditionChanged && gain.topic == Topic::ConditionChanged => {}
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
        for (after, before) in partners.iter().enumerate() {
            let before = before.map(|at| &self.before[at]);
            standing::changes(&self.subject, before, &self.after[after], &mut findings);
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
                let at = self.before.iter().enumerate().position(|(at, before)| {
                    !taken.contains(&at)
                        && before.mount == after.mount
                        && before.object.differing(&after.object).is_empty()
                });
                taken.extend(at);
                partners[index] = at;
            }
        }
        partners
    }

    /// Whether what any of its roles allows, any other may answer for.
    fn all_alike(&self) -> bool {
        let mounts: BTreeSet<&str> =
            self.before.iter().map(|held| held.mount).chain(self.after.iter().map(|held| held.mount)).collect();
        let looks = self.before.iter().any(user::looks_at_users) || self.after.iter().any(user::looks_at_users);
        // Of an app whose tokens may read all roles, each with each would be too many.
        mounts.len() <= 1 && !looks
            || self.before.iter().all(|before| {
                self.after
                    .iter()
                    .all(|after| user::unlike(before, after).is_none() && user::unlike(after, before).is_none())
            })
    }

    /// What the new roles allow and the old ones do not, and the other way round.
    fn differences(&self, partners: &[Option<usize>]) -> (Vec<Found>, Vec<Found>) {
        let (old, new) = (sets(&self.before), sets(&self.after));
        if all_known(&self.before) && all_known(&self.after) && self.all_alike() {
            let comparison = compare(&old, &new);
            let found = |difference: Difference<'_, Place>| Found::new(difference.set, difference);
            return (
                comparison.gains.into_iter().map(found).collect(),
                comparison.losses.into_iter().map(found).collect(),
            );
        }
        let mut gained = Vec::new();
        for (index, after) in self.after.iter().enumerate() {
            let answers = |at: usize| partners[index] == Some(at) || answers_for(&self.before[at], after);
            gained.extend(beyond(&old, answers, &new[index], index));
        }
        let mut lost = Vec::new();
        for (index, before) in self.before.iter().enumerate() {
            let answers = |at: usize| partners[at] == Some(index) || answers_for(&self.after[at], before);
            lost.extend(beyond(&new, answers, &old[index], index));
        }
        (gained, lost)
    }

    fn gain(&self, found: &Found) -> Finding {
        let role = &self.after[found.role];
        let kind = match found.extent {
            Extent::Whole => Topic::AccessGained,
            Extent::Part => Topic::AccessWidened,
            Extent::Conditions => Topic::ConditionChanged,
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
                let limits =
                    |held: &Held<'_>| words::listed(&held.unknown.iter().map(Unknown::to_string).collect::<Vec<_>>());
                let had = self.before.iter().find(|before| before.set.allows(request, Reading::default()));
                if let Some(before) = had {
                    let why = match user::unlike(before, role) {
                        Some(why) => format!("role {} allowed it before, but {why}", before.label),
                        None if before.unknown.is_empty() => {
                            format!(
                                "AWS's pages can be read in two ways; by one, role {} allowed it before",
                                before.label
                            )
                        }
                        None => format!("role {} allowed it before, as far as {} let it", before.label, limits(before)),
                    };
                    return finding.cannot_tell(why);
                }
                finding = self.why_before(finding, role, found, request);
                finding.witness = Some(describe::spelled_request(request));
                if !role.unknown.is_empty() {
                    finding.notes.push(format!("as far as {} lets it", limits(role)));
                }
            }
            Proof::CannotTell(why) => finding.cannot_tell = Some(why.clone()),
        }
        finding
    }

    fn loss(&self, found: &Found) -> Finding {
        let role = &self.before[found.role];
        let kind = match found.extent {
            Extent::Whole => Topic::AccessLost,
            Extent::Part => Topic::AccessNarrowed,
            Extent::Conditions => Topic::ConditionChanged,
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
        if let Some(unknown) = self.perhaps_kept(role) {
            let what =
                format!("perhaps not lost: what {unknown} allows was known before, and is not known here any more");
            return finding.note(what);
        }
        match &found.proof {
            Proof::Witness(request) => {
                if let Some(Blocked::Denied(statements)) = blocked(&self.after, role, request) {
                    for statement in statements {
                        finding = finding
                            .note(format!("now {} denies {}", named(statement), statement_words(statement)))
                            .also("denied now", statement.span.clone());
                    }
                }
                finding.witness = Some(describe::spelled_request(request));
            }
            Proof::CannotTell(why) => finding.notes.push(format!("perhaps; for certain it can't be told: {why}")),
        }
        finding
    }

    /// What may allow what an old role allowed, and is not known of any new one's any more.
    fn perhaps_kept(&self, before: &Held<'_>) -> Option<&Unknown> {
        let grants = |unknown: &&Unknown| !unknown.only_limits() && !before.unknown.contains(unknown);
        self.after.iter().flat_map(|after| &after.unknown).find(grants)
    }

    /// A finding about the access of a statement.
    pub(in crate::review) fn told(&self, kind: Topic, role: &Held<'_>, found: &Found) -> Finding {
        let access = describe::access_within(&role.set, &found.statement, &found.actions, &found.resources);
        let mut finding = Finding::new(kind, &self.subject, access.sentence()).role(&role.label);
        let whole = describe::access(&found.statement, &found.actions, &found.resources).count;
        if access.count < whole {
            let (passing, whole) = (describe::counted_within(&role.set, &found.actions), words::thousands(whole));
            finding = finding.note(format!(
                "only {passing} of {whole} actions pass the role's denials, boundary and session policy"
            ));
        }
        finding.place = Some(found.statement.span.clone());
        finding.access = Some(access);
        finding
    }

    /// What kept a request from being allowed before, where it was more than that nothing allowed it. Where that
    /// is all that did, it says what is gained better than the statement that allows it.
    pub(in crate::review) fn why_before(
        &self,
        mut finding: Finding,
        role: &Held<'_>,
        found: &Found,
        request: &Request,
    ) -> Finding {
        match blocked(&self.before, role, request) {
            None => finding,
            Some(Blocked::Bounded) => finding.note("before, the permissions boundary did not allow it"),
            Some(Blocked::Narrowed) => finding.note("before, the session policy did not allow it"),
            Some(Blocked::Denied(statements)) => {
                if let [denied] = statements.as_slice()
                    && self.is_only_reason(found, denied)
                {
                    let actions = blocked::overlap(&found.actions, &denied.actions);
                    let resources = blocked::overlap(&found.resources, &denied.resources);
                    let access = describe::access_within(&role.set, &found.statement, &actions, &resources);
                    finding.what = access.sentence();
                    finding.access = Some(access);
                }
                for statement in statements {
                    finding = finding
                        .note(format!("before, {} denied {}", named(statement), statement_words(statement)))
                        .also("denied before", statement.span.clone());
                }
                finding
            }
        }
    }

    /// Whether nothing was gained by a statement, had a denial not been there before.
    fn is_only_reason(&self, found: &Found, denied: &Statement<Place>) -> bool {
        let old: Vec<PolicySet<Place>> =
            self.before.iter().map(|held| blocked::without(&held.set, &denied.span)).collect();
        let new = sets(&self.after);
        let gains = compare(&old, &new).gains;
        gains.iter().all(|difference| difference.statement.span != found.statement.span)
    }
}

/// What differs in the same way about actions of one statement on the same resources, as one.
fn merged(found: Vec<Found>) -> Vec<Found> {
    let mut merged: Vec<Found> = Vec::with_capacity(found.len());
    for one in found {
        let like = merged.iter_mut().find(|other| {
            let plain = |found: &Found| !found.actions.negated && matches!(found.proof, Proof::Witness(_));
            plain(other)
                && plain(&one)
                && other.role == one.role
                && other.extent == one.extent
                && other.statement.span == one.statement.span
                && other.resources == one.resources
        });
        match like {
            Some(other) => {
                // Sessions of several roles of the account may have one thing of each.
                let new = |pattern: &Pattern| other.actions.patterns.iter().all(|known| known.text != pattern.text);
                let more: Vec<Pattern> = one.actions.patterns.into_iter().filter(new).collect();
                other.actions.patterns.extend(more);
            }
            None => merged.push(one),
        }
    }
    merged
}

/// Whether what one role allows was not gained by having the other, whatever is not known of the two.
fn answers_for(one: &Held<'_>, other: &Held<'_>) -> bool {
    one.unknown.is_subset(&other.unknown)
        && (one.left_out.is_empty() || one.left_out == other.left_out)
        && user::unlike(one, other).is_none()
}

fn all_known(held: &[Held<'_>]) -> bool {
    held.iter().all(|held| held.unknown.is_empty())
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
    let candidates = others.iter().filter(|held| held.mount == role.mount).flat_map(|held| {
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
