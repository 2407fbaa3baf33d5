//! Who may assume the roles of accounts, by the trust policies that are declared: what is looser than before.

use std::sync::Arc;

use crate::estate::IamPrincipal;
use crate::iam::compare::{Proof, compare};
use crate::iam::policy::{Condition, Effect, Policy, PolicySet, Statement, Test};
use crate::iam::trust::{self, PRINCIPAL};
use crate::object::Place;
use crate::review::describe;
use crate::review::finding::{Finding, Subject, Topic};
use crate::review::state::Side;
use crate::review::words;

/// Adds what changes about the trust of IAM roles that both sides declare. What a new one may do is told of the apps that
/// have it.
pub(super) fn changes(before: &Side<'_>, after: &Side<'_>, findings: &mut Vec<Finding>) {
    let mut both: Vec<(&IamPrincipal, &IamPrincipal)> =
        after.iam_roles().filter_map(|new| Some((before.iam_role(&new.arn)?, new))).collect();
    both.sort_by(|(_, one), (_, other)| one.arn.cmp(&other.arn));
    for (old, new) in both {
        let subject = Subject::IamRole(new.arn.clone());
        let finding = |what: String| Finding::new(Topic::Trust, &subject, what).at(new.place.clone());
        match (&old.trust, &new.trust) {
            (None, None) => {}
            (None, Some(_)) => findings.push(finding("who may assume it is declared now".to_owned())),
            (Some(_), None) => {
                let gone = finding("who may assume it is not declared any more".to_owned());
                findings.push(gone.cannot_tell("its trust policy may be any other now"));
            }
            (Some(was), Some(is)) => {
                let sets = [was, is].map(|policy| [PolicySet::identity(vec![Arc::clone(policy)])]);
                let comparison = compare(&sets[0], &sets[1]);
                for gain in comparison.gains {
                    let was = was.statements.iter().map(who).collect::<Vec<_>>();
                    let told = finding(who(gain.statement)).was(words::listed(&was)).at(gain.statement.span.clone());
                    let told = if old.trust.iter().any(|was| trusts_accounts(was)) { told.note(NAMED) } else { told };
                    findings.push(match gain.proof {
                        Proof::CannotTell(why) => told.cannot_tell(why),
                        Proof::Witness(_) => told.gain(),
                    });
                }
                for loss in comparison.losses {
                    findings.push(finding(format!("no longer: {}", who(loss.statement))).at(is.span.clone()));
                }
            }
        }
    }
}

/// What naming somebody adds who was one of all before.
const NAMED: &str = "who is named needs no policy of their own, and who is one of an account does";

/// Whether accounts as a whole are trusted.
fn trusts_accounts(policy: &Policy<Place>) -> bool {
    let allowing = policy.statements.iter().filter(|statement| statement.effect == Effect::Allow);
    let conditions = allowing.flat_map(|statement| &statement.conditions).filter(|one| one.key == PRINCIPAL);
    conditions.flat_map(|one| trust::described(&one.values)).any(|name| name.starts_with(trust::ANYBODY))
}

/// Who a statement is about, what they may do with the role, and when.
fn who(statement: &Statement<Place>) -> String {
    let (principals, others): (Vec<&Condition>, Vec<&Condition>) =
        statement.conditions.iter().partition(|condition| condition.key == PRINCIPAL);
    let names = principals.iter().map(|condition| {
        let names: Vec<String> = trust::described(&condition.values);
        describe::scope(condition.operator.test == Test::StringNotLike, &names)
    });
    let actions = describe::scope(statement.actions.negated, &describe::patterns(&statement.actions));
    let denied = if statement.effect == Effect::Deny { "denied: " } else { "" };
    let who = format!("{denied}{actions} by {}", names.collect::<Vec<_>>().join(", and "));
    match others.is_empty() {
        true => who,
        false => {
            let mut conditions: Vec<String> = others.into_iter().map(words::condition).collect();
            conditions.sort_unstable();
            format!("{who}, {}", describe::only_if(&conditions))
        }
    }
}
