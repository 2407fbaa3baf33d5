//! One object's change: read again, compare, write ([`send`]), read back, compare ([`prove`]). What is seen of it before
//! and after may come with a page of its folder (`walk`).
//!
//! Reading back proves what an engine tells. A secret, and the guardrails that go with a role, it never tells: these
//! are written only when the answer says so. A write whose answer was lost is sent again, and if none comes the
//! ledger's intent stays, so that the next plan writes it once more.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Map, Value};

use super::allowed;
use super::filled::{self, Unfilled};
use super::report::{Acted, Outcome};
use crate::api::{self, Client, Origin};
use crate::clock::Clock;
use crate::guardrail::wire;
use crate::live;
use crate::object::{Call, Delete, Field, FieldValue, Home, Leaf, Live, Object, Update, Verb, fingerprint};
use crate::plan::{self, Change, ChangeAction, FieldChange, Plan, Shown};
use crate::text::in_a_line;

/// How often a call is sent whose outcome is unknown and can't be read back.
const UNKNOWN_TRIES: u32 = 4;

/// The pause before the second of these; each further one is twice as long.
const UNKNOWN_PAUSE: Duration = Duration::from_millis(500);

/// How often a standby is asked again that may lie behind what was written, and the pause before: it takes in what the
/// active node wrote within a tenth of a second as a rule.
const BEHIND_LOOKS: u32 = 10;
const BEHIND_PAUSE: Duration = Duration::from_millis(300);

/// What is known of a change once everything that it sends was sent.
pub(super) enum Sent<'a> {
    /// How it ended.
    Ended(Outcome),
    /// It was written, and has to be read back.
    Written {
        /// What was written.
        object: Cow<'a, Object>,
        /// What the engine wants to be read by a person.
        warnings: Vec<String>,
    },
    /// A delete was sent, and it has to be seen that the object is gone.
    Deleted {
        /// What the engine said.
        answer: Result<(), api::Error>,
    },
}

/// Carries out one change up to its proof. `seen` is the object as it stands where that is known already; else it is
/// read. `client` tells nobody yet where its writes come from.
pub(super) async fn send<'a>(
    client: &Client,
    clock: &Clock,
    plan: &Plan,
    change: &Change,
    object: Option<&'a Object>,
    seen: Option<Option<Live>>,
) -> Sent<'a> {
    if change.action == ChangeAction::Forget {
        return Sent::Ended(Outcome::Applied { warnings: Vec::new() });
    }
    let client = from_here(client, plan, change);
    let now = match seen {
        Some(now) => now,
        None => match live::read_whole(&client, change.kind, &change.path, object).await {
            Ok(now) => now,
            Err(error) => return Sent::Ended(Outcome::failed(Acted::No, live_text(&error))),
        },
    };
    // A mount that was made since has such settings at once, and nobody set them.
    let now = now.filter(|now| change.live.is_some() || !now.is_unset());
    let apart = |live: Option<&Live>| live.map(|live| live.apart.clone());
    if now.as_ref().map(fingerprint::of_live) != change.live_fingerprint()
        || apart(now.as_ref()) != apart(change.live.as_ref())
    {
        return Sent::Ended(Outcome::Moved { now: now.map(Box::new) });
    }
    if change.action == ChangeAction::Adopt && plan.kept(&change.path).is_some() && !change.kind.spares_key() {
        // Adopted as it is: a write would take away its key.
        return Sent::Ended(Outcome::Applied { warnings: Vec::new() });
    }
    let step = Step { client, clock, change };
    match object {
        Some(object) if !change.takes_away() => step.put(Cow::Borrowed(object), now.as_ref()).await,
        _ if matches!(change.kind.delete, Delete::Forget(_)) => {
            let defaults = Object::at_defaults(change.kind, &change.path, change.app.as_deref(), &change.place);
            step.put(Cow::Owned(defaults), now.as_ref()).await
        }
        _ => step.take_away().await,
    }
}

/// How a change ended. `seen` is the object as it stands now where that is known already; else it is read.
pub(super) async fn prove(
    client: &Client,
    clock: &Clock,
    plan: &Plan,
    change: &Change,
    sent: Sent<'_>,
    seen: Option<Option<Live>>,
) -> Outcome {
    let step = Step { client: from_here(client, plan, change), clock, change };
    let outcome = match sent {
        Sent::Ended(outcome) => outcome,
        Sent::Written { object, warnings } => {
            let live = step.read_back(Some(&object), seen).await;
            proved(&object, change.live.as_ref(), warnings, live)
        }
        Sent::Deleted { answer } => match (answer, step.read_back(None, seen).await) {
            (_, Ok(None)) => Outcome::Applied { warnings: Vec::new() },
            (Err(error), _) if error.says(api::Said::Configured) => Outcome::Configured { stanza: None },
            (Err(error), _) => Outcome::failed(Acted::Unknown, api_text(&error) + &lasting(change)),
            (Ok(()), Ok(Some(_))) => {
                let what = "the engine says it is deleted, and still has it";
                Outcome::failed(Acted::Yes, what.to_owned() + &lasting(change))
            }
            (Ok(()), Err(error)) => Outcome::failed(Acted::Unknown, live_text(&error)),
        },
    };
    match outcome {
        Outcome::Applied { warnings } if change.revokes => step.revoked(warnings).await,
        other => other,
    }
}

/// A client whose requests tell what they are for.
fn from_here(client: &Client, plan: &Plan, change: &Change) -> Client {
    let guardrails = change.guardrails.as_ref().map(|attached| attached.header.clone());
    client.with_origin(Origin {
        commit: plan.commit_of(&change.path).map(str::to_owned),
        app: change.app.clone(),
        source: Some(change.place.to_string()),
        review: plan.review_digest.clone(),
        plan: plan.settled.clone(),
        guardrails: guardrails.or_else(|| change.kind.is_judged().then(wire::header_of_none)),
    })
}

/// One change on its way.
struct Step<'a> {
    client: Client,
    clock: &'a Clock,
    change: &'a Change,
}

impl Step<'_> {
    /// Whether an object is as declared already, in all that an engine holds: it is taken over as it is.
    fn is_done(&self) -> bool {
        self.change.action == ChangeAction::Adopt && self.change.fields.is_empty() && self.change.guardrails.is_none()
    }

    async fn put<'o>(&self, object: Cow<'o, Object>, now: Option<&Live>) -> Sent<'o> {
        let recreate = object.kind.update == Update::Recreate;
        match now.filter(|_| recreate) {
            Some(old) => self.make_anew(object, old).await,
            None if self.is_done() => Sent::Ended(Outcome::Applied { warnings: Vec::new() }),
            None => match self.write(&object, now, Acted::No).await {
                Ok(warnings) => Sent::Written { object, warnings },
                Err(outcome) => Sent::Ended(outcome),
            },
        }
    }

    /// Takes an object away and makes it as declared. If it can't be made, the old one is put back: a worse
    /// declaration must not cost an audit device that works.
    async fn make_anew<'o>(&self, object: Cow<'o, Object>, old: &Live) -> Sent<'o> {
        if self.change.fields.is_empty() {
            // Adopted as it is; writing it would take it away for a moment.
            return Sent::Ended(Outcome::Applied { warnings: Vec::new() });
        }
        // A server that takes it from its configuration alone may take an old one away, and make none: it says so first,
        // where the other would say that there is one.
        if object.kind.stanza(&object, Some(old)).is_some()
            && let Err(outcome @ Outcome::Configured { .. }) = self.write(&object, Some(old), Acted::No).await
        {
            return Sent::Ended(outcome);
        }
        if let Err(error) = self.client.delete(&self.change.path).await {
            if error.says(api::Said::Configured) {
                return Sent::Ended(Outcome::Configured { stanza: object.kind.stanza(&object, Some(old)) });
            }
            return Sent::Ended(Outcome::failed(unless_known(&error, Acted::No), api_text(&error)));
        }
        let written = self.write_back(&object, old).await;
        let Outcome::Failed { what, .. } = written else { return Sent::Ended(written) };
        let leaf = |value: &serde_json::Value| Leaf::new(FieldValue::Data(value.clone()), self.change.place.clone());
        let mut before = Object::at_defaults(object.kind, &object.path, object.app.as_deref(), &object.place);
        before.fields = old.fields.iter().map(|(name, value)| (*name, leaf(value))).collect();
        let is_back = self.write_back(&before, old).await.is_applied();
        let became = if is_back { "is back" } else { "is gone and could not be put back" };
        Sent::Ended(Outcome::failed(Acted::Yes, format!("{what}; the old one {became}")))
    }

    /// Writes an object in the place of one that was taken away, and reads it back.
    async fn write_back(&self, object: &Object, old: &Live) -> Outcome {
        match self.write(object, Some(old), Acted::Yes).await {
            Ok(warnings) => proved(object, None, warnings, self.read_back(Some(object), None).await),
            Err(outcome) => outcome,
        }
    }

    /// What is there after a write; nothing that is to be there where none is given. What still is as it was before may be
    /// what a standby answers that has not come so far: it is asked again for a while, where there can be one. `seen` is
    /// what a page of the folder had.
    async fn read_back(
        &self,
        object: Option<&Object>,
        seen: Option<Option<Live>>,
    ) -> Result<Option<Live>, live::Error> {
        let read = || live::read_whole(&self.client, self.change.kind, &self.change.path, object);
        let is_proved = |live: &Option<Live>| match (object, live) {
            (Some(object), live) => difference(object, live.as_ref()).is_none(),
            (None, live) => live.is_none(),
        };
        let mut live = match seen {
            Some(live) => live,
            None => read().await?,
        };
        if is_proved(&live) || !live::may_lie_behind(&self.client).await {
            return Ok(live);
        }
        for _ in 0..BEHIND_LOOKS {
            self.clock.sleep(BEHIND_PAUSE).await;
            live = read().await?;
            if is_proved(&live) {
                break;
            }
        }
        Ok(live)
    }

    /// Writes an object, and answers what the engine wants to be read by a person. `acted` says whether the engine has
    /// been changed for it already. An outcome is the end of it.
    async fn write(&self, object: &Object, now: Option<&Live>, mut acted: Acted) -> Result<Vec<String>, Outcome> {
        if let Some((field, reference, place)) = object.unresolved().next() {
            let what = format!("{field} ({place}) refers to the secret `{reference}`, which is not resolved");
            return Err(Outcome::failed(acted, what));
        }
        let calls = (object.kind.write)(object, now);
        let hidden = is_hidden(object);
        let mut warnings = Vec::new();
        for mut call in calls {
            call.body = match filled::body(&self.client, &call).await {
                Ok(body) => body,
                Err(Unfilled::Missing { path, part }) => {
                    return Err(Outcome::failed(acted, Unfilled::words(&path, part)));
                }
                Err(Unfilled::Api(error)) => return Err(Outcome::failed(acted, api_text(&error))),
            };
            let sent = if hidden { self.send_surely(&call).await } else { self.send(&call).await };
            match sent {
                Ok(said) => warnings.extend(said),
                Err(error) if error.is_unknown() && hidden => {
                    let what = format!("{}; whether it was taken is not known", api_text(&error));
                    return Err(Outcome::failed(Acted::Unknown, what));
                }
                // The connection broke, but the write may have arrived: reading back tells.
                Err(error) if error.is_unknown() => {
                    return Err(match proved(object, now, warnings, self.read_back(Some(object), None).await) {
                        done @ Outcome::Applied { .. } => done,
                        _ => Outcome::failed(Acted::Unknown, api_text(&error)),
                    });
                }
                Err(error) if acted == Acted::No && error.says(api::Said::Configured) => {
                    return Err(Outcome::Configured { stanza: object.kind.stanza(object, now) });
                }
                Err(error) => return Err(Outcome::failed(acted, api_text(&error))),
            }
            acted = Acted::Yes;
        }
        match warnings.iter().find(|warning| is_ignored(warning, now)) {
            Some(warning) => Err(Outcome::failed(Acted::Yes, format!("the engine did not take everything: {warning}"))),
            None => Ok(warnings),
        }
    }

    async fn send(&self, call: &Call) -> Result<Vec<String>, api::Error> {
        match call.verb {
            Verb::Write => self.client.write(&call.path, &call.body).await.map(|answer| answer.warnings),
            Verb::Delete => self.client.delete(&call.path).await.map(|()| Vec::new()),
        }
    }

    /// Sends a call until its answer comes, or none does for long: each call says all of what it is about, so that
    /// twice is as once.
    async fn send_surely(&self, call: &Call) -> Result<Vec<String>, api::Error> {
        let mut pause = UNKNOWN_PAUSE;
        for _ in 1..UNKNOWN_TRIES {
            match self.send(call).await {
                Err(error) if error.is_unknown() => self.clock.sleep(pause).await,
                known => return known,
            }
            pause *= 2;
        }
        self.send(call).await
    }

    /// Has the leases revoked that were issued before the change was made. Until the engine has taken that, the change has not
    /// ended: the ledger's intent says that they are owed, so that the next apply asks again. The engine revokes them one
    /// after the other; none is issued as before meanwhile.
    async fn revoked(&self, warnings: Vec<String>) -> Outcome {
        for prefix in self.change.kind.lease_prefixes(&self.change.path) {
            let path = allowed::revoked_at(&prefix);
            let body = Map::from_iter([("sync".to_owned(), Value::from(false))]);
            if let Err(error) = self.send_surely(&Call { verb: Verb::Write, path, body, made: Vec::new() }).await {
                let what = format!(
                    "it is {}, and its leases from before are not revoked: {}; that takes `update` and `sudo` on \
                     sys/leases/revoke-prefix/*",
                    if self.change.takes_away() { "gone" } else { "changed" },
                    api_text(&error)
                );
                return Outcome::failed(Acted::Whole { made: None }, what);
            }
        }
        Outcome::Applied { warnings }
    }

    async fn take_away<'o>(&self) -> Sent<'o> {
        let (client, change) = (&self.client, self.change);
        if change.kind.below(&change.path).is_some() {
            // Ours below it are gone by now, and the plan said that there is nothing else.
            match live::below(client, change.live.as_ref()).await {
                Ok(below) if below.is_empty() => {}
                Ok(below) => {
                    let what = format!("there is something below it that is not ours: {}", below.join(", "));
                    return Sent::Ended(Outcome::failed(Acted::No, what));
                }
                Err(error) => return Sent::Ended(Outcome::failed(Acted::No, live_text(&error))),
            }
        }
        Sent::Deleted { answer: client.delete(&change.path).await }
    }
}

/// Whether something goes with a write that no read tells, or that this token may not read: a secret, a role's
/// guardrails, a login's role id.
fn is_hidden(object: &Object) -> bool {
    object.kind.is_judged() || object.kind.has_hidden() || object.apart().next().is_some()
}

/// How a write ended, by what is there now. `before` is what was there.
fn proved(
    object: &Object,
    before: Option<&Live>,
    warnings: Vec<String>,
    live: Result<Option<Live>, live::Error>,
) -> Outcome {
    let live = match live {
        Ok(live) => live,
        Err(error) => {
            let what = format!("written, but it could not be read back: {}", live_text(&error));
            return Outcome::failed(Acted::Whole { made: None }, what);
        }
    };
    match difference(object, live.as_ref()) {
        None => Outcome::Applied { warnings },
        Some(difference) => {
            let made = live.filter(|live| is_left(object, before, live)).map(|live| fingerprint::of_live(&live));
            Outcome::failed(Acted::Whole { made }, difference)
        }
    }
}

/// Whether all that is not as declared was so before, or is at its default: an engine that does not take a field leaves
/// it so, and who changes an object by hand hardly does.
fn is_left(object: &Object, before: Option<&Live>, live: &Live) -> bool {
    plan::differences(object, live).iter().all(|field| {
        let held = live.fields.get(field.name);
        let default = object.kind.field(field.name).map(Field::default_value);
        held == before.and_then(|before| before.fields.get(field.name)) || held == default.as_ref()
    })
}

/// How an object as it stands differs from its declaration.
fn difference(object: &Object, live: Option<&Live>) -> Option<String> {
    let Some(live) = live else { return Some("written, but it is not there".to_owned()) };
    let differences: Vec<String> = plan::differences(object, live).iter().map(held).collect();
    let help = match object.kind.home {
        Home::Anywhere => {
            "; of what an engine keeps in another form the declaration says `ignore = [\"FIELD\"]`, of what it never tells \
             `write_only = [\"FIELD\"]`"
        }
        _ => "",
    };
    (!differences.is_empty()).then(|| format!("written, but the engine holds {}{help}", differences.join(", ")))
}

/// What to do about what can't be deleted, of what no kind describes: some of it no engine deletes.
fn lasting(change: &Change) -> String {
    match change.kind.home {
        Home::Anywhere => format!(
            "; where it can't be deleted, `leasehold forget {}` gives it up, as `delete = \"keep\"` in its declaration \
             would have",
            change.path
        ),
        _ => String::new(),
    }
}

fn held(field: &FieldChange) -> String {
    let show = |side: &Shown| match side {
        Shown::Value(value) => plan::show(field.shape, value),
        Shown::Absent | Shown::Sensitive | Shown::Unknown => "(none)".to_owned(),
    };
    format!("{} = {} instead of {}", field.name, show(&field.before), show(&field.after))
}

/// Whether an engine acted, if an answer does not say that it did not.
fn unless_known(error: &api::Error, known: Acted) -> Acted {
    if error.is_unknown() { Acted::Unknown } else { known }
}

/// Whether a warning says that something sent was not taken. What was only sent back as it was told (when it was changed
/// last, say) need not be.
fn is_ignored(warning: &str, now: Option<&Live>) -> bool {
    let told = |name: &&str| now.is_some_and(|live| live.others.contains_key(*name));
    api::not_taken(warning).is_some_and(|names| names.is_empty() || !names.iter().all(told))
}

fn live_text(error: &live::Error) -> String {
    match error {
        live::Error::Api { source, .. } => api_text(source),
        other => other.to_string(),
    }
}

/// A refusal on one line.
fn api_text(error: &api::Error) -> String {
    match error {
        api::Error::Status { method, code, errors, .. } if !errors.is_empty() => {
            let reasons: Vec<String> = errors.iter().map(|error| in_a_line(error)).collect();
            let denial = error.denial().map_or_else(String::new, |denial| format!("; {}", denial.words()));
            format!("{method} was refused ({code}): {}{denial}", reasons.join("; "))
        }
        api::Error::Status { method, code, .. } => format!("{method} was refused ({code})"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{api_text, difference, is_left};
    use crate::api;
    use crate::object::{aws_lease, testing, told_anything};

    #[test]
    fn what_an_engine_keeps_in_another_form_is_told_with_what_a_declaration_says_of_it() {
        let answer = |allowed: Value| Map::from_iter([("allowed".to_owned(), allowed)]);
        let live = |path, allowed| told_anything(path, &answer(allowed)).expect("anything is one");
        let declared = live("pki/roles/web", json!("a"));
        let object = testing::object(declared.kind, "pki/roles/web", &[("allowed", json!("a"))]);
        assert_eq!(difference(&object, Some(&declared)), None);
        let told = difference(&object, Some(&live("pki/roles/web", json!(["a"])))).expect("they differ");
        assert!(told.contains("allowed = ") && told.contains("`ignore = [\"FIELD\"]`"), "{told}");
        let lease = testing::object(&aws_lease::KIND, "aws/config/lease", &[("lease", json!(3600))]);
        let told = difference(&lease, None).expect("it is not there");
        assert!(!told.contains("ignore"), "{told}");
    }

    #[test]
    fn what_an_engine_left_out_is_told_from_what_somebody_wrote_since() {
        let path = "aws/config/lease";
        let object = testing::object(&aws_lease::KIND, path, &[("lease", json!(3600)), ("lease_max", json!(7200))]);
        let live = |lease: i64, max: i64| {
            let answer = Map::from_iter([("lease".to_owned(), json!(lease)), ("lease_max".to_owned(), json!(max))]);
            aws_lease::KIND.live(path, &answer).expect("parses")
        };
        let default = aws_lease::KIND.field("lease").map_or(Value::Null, crate::object::Field::default_value);
        let default = default.as_i64().unwrap_or_default();
        let before = live(60, 120);
        for (now, is_left_so) in [
            (live(3600, 120), true),
            (live(60, 7200), true),
            (live(default, 7200), true),
            (live(60, 120), true),
            (live(3600, 9000), false),
            (live(60, 9000), false),
        ] {
            assert_eq!(is_left(&object, Some(&before), &now), is_left_so, "{:?}", now.fields);
        }
        assert!(!is_left(&object, None, &live(60, 7200)));
    }

    #[test]
    fn a_refused_step_tells_a_token_that_has_ended_from_one_that_may_not() {
        let refused = |errors: &str| {
            let (method, url, warnings) = ("PUT", "http://x/v1/a".to_owned(), Vec::new());
            api_text(&api::Error::Status { method, url, code: 403, errors: vec![errors.to_owned()], warnings })
        };
        assert_eq!(
            refused("permission denied"),
            "PUT was refused (403): permission denied; the server does not know the token: it has ended, was revoked, \
             or is another server's"
        );
        assert_eq!(
            refused("1 error occurred:\n\t* permission denied\n\n"),
            "PUT was refused (403): 1 error occurred: * permission denied; the token is good, and its policies do not \
             allow this"
        );
        assert_eq!(refused("else"), "PUT was refused (403): else");
    }
}
