//! Keys of users that are there already: they are under no lease, all who may read one have the same, and none ends with
//! whoever read it.

use super::held::Held;
use crate::object::review::Way;
use crate::review::finding::{Finding, Subject, Topic};
use crate::review::state::Via;
use crate::review::words;

/// What is told of a role that comes, or that hands out another key or for longer.
pub(in crate::review) fn changes(
    subject: &Subject,
    before: Option<&Held<'_>>,
    after: &Held<'_>,
    findings: &mut Vec<Finding>,
) {
    let is_standing = |held: &Held<'_>| held.way() == Some(Way::Standing);
    if !is_standing(after) {
        return;
    }
    let fields = &after.access_fields.standing;
    let user = |held: &Held<'_>| held.object.text(held.access_fields.standing.user).into_owned();
    let period = |held: &Held<'_>| held.object.number(held.access_fields.standing.period);
    let finding = |what: String| Finding::new(Topic::LeaseTerms, subject, what).role(&after.label);
    let Some(before) = before.filter(|before| is_standing(before)) else {
        let who = match (subject, after.via) {
            (Subject::App(_) | Subject::Login(_), Via::Own) => "it reads",
            (Subject::App(_) | Subject::Login(_), Via::Grant) => "it is granted",
            (Subject::App(_) | Subject::Login(_) | Subject::User(_) | Subject::Group(_), Via::Acl) => {
                "the policies of its tokens let it read"
            }
            _ => "whoever may read it gets",
        };
        let what = format!("{who} the key of the IAM user {}, which does not end", user(after));
        let renewed = format!("it is made anew every {}", words::duration(period(after)));
        let came = finding(what).gains(true).note(format!("{renewed}, and is the same for all who read it"));
        let came = came.note("who has read it keeps it until then, whatever becomes of their login");
        findings.push(came.at(after.object.place_of(fields.user)));
        return;
    };
    if user(before) != user(after) {
        let what = format!("the key is that of the IAM user {}", user(after));
        let why = "whether the two users are alike to policies that look at them is not known here";
        let other = finding(what).was(user(before)).cannot_tell(why);
        findings.push(other.at(after.object.place_of(fields.user)));
    }
    let (old, new) = (period(before), period(after));
    if old != new {
        let mut changed = finding(format!("its key is made anew every {}", words::duration(new)))
            .was(words::duration(old))
            .gains(new > old)
            .at(after.object.place_of(fields.period));
        if let Some(times) = words::times_as_long(old, new) {
            changed = changed.note(format!("a leaked key works {times}"));
        }
        findings.push(changed);
    }
}
