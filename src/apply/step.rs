//! One object's change: read again, compare, write, read back, compare.

use super::report::Outcome;
use crate::api::{self, Client, Origin};
use crate::live;
use crate::object::{Delete, FieldValue, Kind, Leaf, Live, Object, Update, Verb, aws_role, fingerprint};
use crate::plan::{self, Action, Attached, Change, FieldChange, Plan, Side};

pub(super) async fn carry_out(client: &Client, plan: &Plan, change: &Change, object: Option<&Object>) -> Outcome {
    if change.action == Action::Forget {
        return Outcome::Applied { warnings: Vec::new() };
    }
    let guardrails = change.guardrails.as_ref().map(|attached| attached.header.clone());
    let client = client.with_origin(Origin {
        commit: plan.commit.clone(),
        app: change.app.clone(),
        source: Some(change.place.to_string()),
        review: plan.review_digest.clone(),
        guardrails: guardrails.or_else(|| (change.kind.name == aws_role::KIND.name).then(Attached::header_of_none)),
    });
    let now = match live::read_one(&client, change.kind, &change.path).await {
        Ok(now) => now,
        Err(error) => return Outcome::failed(false, live_text(&error)),
    };
    if now.as_ref().map(fingerprint::of_live) != change.live_fingerprint() {
        return Outcome::Moved { now: now.map(Box::new) };
    }
    match object {
        Some(object) if !change.takes_away() => put(&client, change, object, now.as_ref()).await,
        _ if matches!(change.kind.delete, Delete::Forget(_)) => {
            let defaults = Object::at_defaults(change.kind, &change.path, change.app.as_deref(), &change.place);
            put(&client, change, &defaults, now.as_ref()).await
        }
        _ => take_away(&client, change).await,
    }
}

async fn put(client: &Client, change: &Change, object: &Object, now: Option<&Live>) -> Outcome {
    let recreate = object.kind.update == Update::Recreate;
    match now.filter(|_| recreate) {
        Some(old) => make_anew(client, change, object, old).await,
        None => write(client, object, now, false).await,
    }
}

/// Takes an object away and makes it as declared. If it can't be made, the old one is put back: a worse
/// declaration must not cost an audit device that works.
async fn make_anew(client: &Client, change: &Change, object: &Object, old: &Live) -> Outcome {
    if change.fields.is_empty() {
        // Adopted as it is; writing it would take it away for a moment.
        return Outcome::Applied { warnings: Vec::new() };
    }
    if let Err(error) = client.delete(&change.path).await {
        return Outcome::failed(is_unknown(&error), api_text(&error));
    }
    let written = write(client, object, None, true).await;
    let Outcome::Failed { what, .. } = written else { return written };
    let leaf = |value: &serde_json::Value| Leaf::new(FieldValue::Data(value.clone()), change.place.clone());
    let mut before = Object::at_defaults(object.kind, &object.path, object.app.as_deref(), &object.place);
    before.fields = old.fields.iter().map(|(name, value)| (*name, leaf(value))).collect();
    match write(client, &before, None, true).await {
        Outcome::Applied { .. } => Outcome::failed(true, format!("{what}; the old one is back")),
        _ => Outcome::failed(true, format!("{what}; the old one is gone and could not be put back")),
    }
}

/// Writes an object and reads it back. `acted` says whether the engine has been changed for it already.
async fn write(client: &Client, object: &Object, now: Option<&Live>, mut acted: bool) -> Outcome {
    let calls = (object.kind.write)(object, now);
    if calls.is_empty() {
        return Outcome::failed(acted, "there is nothing to send: a secret is not resolved".to_owned());
    }
    let mut warnings = Vec::new();
    for call in calls {
        let sent = match call.verb {
            Verb::Write => client.write(&call.path, &call.body).await.map(|answer| answer.warnings),
            Verb::Delete => client.delete(&call.path).await.map(|()| Vec::new()),
        };
        match sent {
            Ok(said) => warnings.extend(said),
            // The connection broke, but the write may have arrived: reading back tells.
            Err(error) if is_unknown(&error) => {
                return match difference(client, object).await {
                    Ok(None) => Outcome::Applied { warnings },
                    Ok(Some(_)) | Err(_) => Outcome::failed(true, api_text(&error)),
                };
            }
            Err(error) => return Outcome::failed(acted, api_text(&error)),
        }
        acted = true;
    }
    if let Some(warning) = warnings.iter().find(|warning| is_ignored(warning)) {
        return Outcome::failed(true, format!("the engine did not take everything: {warning}"));
    }
    match difference(client, object).await {
        Ok(None) => Outcome::Applied { warnings },
        Ok(Some(difference)) => Outcome::failed(true, difference),
        Err(error) => Outcome::failed(true, format!("written, but it could not be read back: {}", live_text(&error))),
    }
}

async fn take_away(client: &Client, change: &Change) -> Outcome {
    let sent = client.delete(&change.path).await;
    match (sent, live::read_one(client, change.kind, &change.path).await) {
        (_, Ok(None)) => Outcome::Applied { warnings: Vec::new() },
        (Err(error), _) => Outcome::failed(true, api_text(&error)),
        (Ok(()), Ok(Some(_))) => Outcome::failed(true, "the engine says it is deleted, and still has it".to_owned()),
        (Ok(()), Err(error)) => Outcome::failed(true, live_text(&error)),
    }
}

/// How an object that was just written differs from its declaration.
async fn difference(client: &Client, object: &Object) -> Result<Option<String>, live::Error> {
    let Some(live) = live::read_one(client, object.kind, &object.path).await? else {
        return Ok(Some("written, but it is not there".to_owned()));
    };
    let differences: Vec<String> = plan::differences(object, &live).iter().map(held).collect();
    Ok((!differences.is_empty()).then(|| format!("written, but the engine holds {}", differences.join(", "))))
}

fn held(field: &FieldChange) -> String {
    let show = |side: &Side| match side {
        Side::Value(value) => plan::show(field.shape, value),
        Side::Absent | Side::Sensitive => "(none)".to_owned(),
    };
    format!("{} = {} instead of {}", field.name, show(&field.before), show(&field.after))
}

/// What a field is in three places, for an object that moved between plan and apply.
pub(super) fn three_ways(
    kind: &'static Kind,
    then: Option<&Live>,
    now: Option<&Live>,
    object: Option<&Object>,
) -> Vec<String> {
    let show = |live: Option<&Live>, name: &str, shape| {
        live.map_or_else(
            || "(none)".to_owned(),
            |live| live.fields.get(name).map_or_else(|| "(none)".to_owned(), |value| plan::show(shape, value)),
        )
    };
    kind.fields
        .iter()
        .filter(|field| {
            then.and_then(|live| live.fields.get(field.name)) != now.and_then(|live| live.fields.get(field.name))
        })
        .map(|field| {
            let declared =
                object.map_or_else(|| "(none)".to_owned(), |object| plan::show(field.shape, &object.value(field.name)));
            format!(
                "{}: {} when planned, {} now, {declared} declared",
                field.name,
                show(then, field.name, field.shape),
                show(now, field.name, field.shape)
            )
        })
        .collect()
}

fn is_unknown(error: &api::Error) -> bool {
    matches!(error, api::Error::Timeout { .. } | api::Error::Broken { .. } | api::Error::Body { .. })
        || error.code().is_some_and(|code| code >= 500)
}

/// Whether a warning says that something sent was not taken. Both engines use these words.
fn is_ignored(warning: &str) -> bool {
    warning.contains("ignored") || warning.contains("unrecognized")
}

fn live_text(error: &live::Error) -> String {
    match error {
        live::Error::Api { source, .. } => api_text(source),
        live::Error::Odd { .. } => error.to_string(),
    }
}

/// A refusal on one line.
fn api_text(error: &api::Error) -> String {
    match error {
        api::Error::Status { method, code, errors, .. } if !errors.is_empty() => {
            let reasons: Vec<String> =
                errors.iter().map(|error| error.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
            format!("{method} was refused ({code}): {}", reasons.join("; "))
        }
        api::Error::Status { method, code, .. } => format!("{method} was refused ({code})"),
        other => other.to_string(),
    }
}
