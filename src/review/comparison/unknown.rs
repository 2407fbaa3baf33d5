//! What can't be told offline about a role: attached policies, groups and boundaries whose documents nobody
//! declares.
//!
//! What was unknown and stays cancels out: the same on both sides. What comes may allow more; what goes may
//! have denied or bounded what is left. Both count as a gain, because a gain is never missed.

use std::collections::BTreeSet;

use super::held::Held;
use crate::object::Place;
use crate::object::review::Way;
use crate::review::finding::{Finding, Subject, Topic};
use crate::review::state::Unknown;
use crate::review::words;

/// How a team makes it known.
const HINT: &str = "declare its document, and it is evaluated";

/// What changes in the unknown parts of one role.
pub(in crate::review) fn changes(
    subject: &Subject,
    before: Option<&Held<'_>>,
    after: Option<&Held<'_>>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(after) = after else {
        let unknown = before.into_iter().flat_map(|before| before.unknown.iter().map(move |unknown| (before, unknown)));
        for (before, unknown) in unknown.filter(|(_, unknown)| !unknown.only_limits()) {
            let what = format!("what {unknown} allows");
            findings
                .push(Finding::new(Topic::AccessLost, subject, what).role(&before.label).at(place(before, unknown)));
        }
        return findings;
    };
    boundary(subject, before, after, &mut findings);
    let none = BTreeSet::new();
    let old = before.map_or(&none, |before| &before.unknown);
    for unknown in after.unknown.difference(old) {
        let finding = |what: String| {
            Finding::new(Topic::AccessUnknown, subject, what).role(&after.label).at(place(after, unknown))
        };
        match unknown {
            Unknown::ManagedPolicy(_)
            | Unknown::Group(_)
            | Unknown::AssumedRole(_)
            | Unknown::User(_)
            | Unknown::Signer(_) => {
                let why = format!("what {unknown} allows is not known here; {HINT}");
                findings.push(finding(format!("whatever {unknown} allows")).cannot_tell(why));
            }
            Unknown::Document(_) | Unknown::CredentialType(_) => {
                findings
                    .push(finding(format!("what the role has from {unknown}")).cannot_tell("it can't be evaluated"));
            }
            Unknown::Boundary(_) | Unknown::Session(_) | Unknown::Apart => {}
        }
    }
    if let Some(before) = before {
        left_out(subject, before, after, &mut findings);
    }
    let Some(before) = before else { return findings };
    for unknown in old.difference(&after.unknown) {
        // A document that became known is compared, with what was known before.
        let still = match unknown {
            Unknown::ManagedPolicy(arn) => after.attached.contains(arn),
            Unknown::AssumedRole(arn) => after.assumed().contains(arn),
            Unknown::Signer(_) => after.way().is_some_and(|way| matches!(way, Way::Federated | Way::OwnSession)),
            Unknown::User(name) => *name == after.object.text(after.access_fields.standing.user),
            _ => false,
        };
        match unknown {
            Unknown::ManagedPolicy(_) | Unknown::Group(_) if !still => {
                let why = format!("if {unknown} denied anything, that is no longer denied; {HINT}");
                let what = format!("{unknown} is detached: what it allows is lost, what it denies is not");
                findings.push(
                    Finding::new(Topic::AccessUnknown, subject, what)
                        .role(&after.label)
                        .at(after.object.declared_at())
                        .cannot_tell(why),
                );
            }
            // Its denials were of its own credentials only.
            Unknown::AssumedRole(_) | Unknown::User(_) | Unknown::Signer(_) if !still => {
                let what = format!("what {unknown} allows");
                let finding = Finding::new(Topic::AccessLost, subject, what).role(&after.label);
                findings.push(finding.at(place(after, unknown)));
            }
            Unknown::Document(_) | Unknown::CredentialType(_) => {
                let what = format!("what the role had from {unknown} could not be evaluated");
                let finding = Finding::new(Topic::AccessUnknown, subject, what).role(&after.label);
                findings.push(finding.at(after.object.declared_at()).cannot_tell("what was there before is not known"));
            }
            _ => {}
        }
    }
    odd(subject, before, after, &mut findings);
    findings
}

/// Boundaries that came, went or were swapped.
fn boundary(subject: &Subject, before: Option<&Held<'_>>, after: &Held<'_>, findings: &mut Vec<Finding>) {
    let Some(before) = before else { return };
    let known = |held: &Held<'_>| held.set.boundary.is_some();
    let (old, new) = (&before.boundary, &after.boundary);
    if old == new {
        return;
    }
    let finding = |what: String| {
        let fields = after.access_fields;
        let written = if after.makes_sessions() { fields.sessions.roles } else { fields.boundary };
        let place = after.object.place_of(written);
        Finding::new(Topic::BoundaryChanged, subject, what).role(&after.label).at(place)
    };
    let compared = "what that changes is told under access";
    findings.push(match (old.is_empty(), new.is_empty()) {
        (true, _) if known(after) => finding(format!("bounded by {new} from now on")).note(compared),
        (true, _) => {
            finding(format!("bounded by {new} from now on")).note(format!("how much is lost is not known here; {HINT}"))
        }
        (false, true) if known(before) => {
            finding("no permissions boundary any more".to_owned()).was(old).note(compared)
        }
        (false, true) => finding("no permissions boundary any more".to_owned())
            .was(old)
            .cannot_tell(format!("everything that {old} kept out is allowed now; {HINT}")),
        (false, false) if known(before) && known(after) => finding(format!("bounded by {new}")).was(old).note(compared),
        (false, false) => finding(format!("bounded by {new}"))
            .was(old)
            .cannot_tell(format!("which of the two boundaries allows more is not known here; {HINT}")),
    });
}

/// Limits of sessions that no set of policies says: where one side has some, it is compared without them, and then a
/// gain may be hidden in what was narrower than that before.
fn left_out(subject: &Subject, before: &Held<'_>, after: &Held<'_>, findings: &mut Vec<Finding>) {
    if before.left_out.is_empty() || before.left_out == after.left_out {
        return;
    }
    let what = "what narrows its sessions is not what it was";
    let finding = Finding::new(Topic::AccessUnknown, subject, what).role(&after.label);
    let limits: Vec<String> =
        before.unknown.iter().filter(|unknown| unknown.only_limits()).map(Unknown::to_string).collect();
    let why = format!("how much {} kept out before is not known here", words::listed(&limits));
    let finding = finding.at(after.object.declared_at()).cannot_tell(why);
    let policies = after.set.identity.iter().map(|policy| policy.span.clone());
    findings.push(policies.fold(finding, |finding, place| finding.also("known of it", place)));
}

/// A role of which nothing can be evaluated, on both sides, and which is not the same.
fn odd(subject: &Subject, before: &Held<'_>, after: &Held<'_>, findings: &mut Vec<Finding>) {
    let both = before.unknown.intersection(&after.unknown);
    let opaque = both.into_iter().find(|unknown| unknown.is_opaque());
    if let Some(unknown) = opaque
        && !before.object.differing(&after.object).is_empty()
    {
        let what = format!("the role changed, and has {unknown}");
        let finding = Finding::new(Topic::AccessUnknown, subject, what).role(&after.label);
        findings.push(finding.at(after.object.declared_at()).cannot_tell("it can't be evaluated"));
    }
}

fn place(held: &Held<'_>, unknown: &Unknown) -> Place {
    let fields = held.access_fields;
    held.object.place_of(match unknown {
        Unknown::ManagedPolicy(_) if held.makes_sessions() => fields.sessions.roles,
        Unknown::AssumedRole(_) | Unknown::Apart => fields.sessions.roles,
        Unknown::ManagedPolicy(_) | Unknown::Session(_) => fields.policies,
        Unknown::Group(_) => fields.groups,
        Unknown::User(_) => fields.standing.user,
        Unknown::Signer(_) => fields.made,
        Unknown::Boundary(_) if held.makes_sessions() => fields.sessions.roles,
        Unknown::Boundary(_) => fields.boundary,
        Unknown::Document(_) => fields.document,
        Unknown::CredentialType(_) => fields.made,
    })
}
