//! `leasehold access ttl`: how long what an app is issued lives, and what says so.

use serde_json::{Value, json};

use super::super::error::CliError;
use super::super::output::{self, one_line};
use super::{via_name, via_words};
use crate::guardrail::Who;
use crate::object::Place;
use crate::review::state::App;
use crate::review::state::lifetime::Limit;
use crate::review::state::reckoning::{Contradiction, Reckoning, contradictions};
use crate::review::words_of_duration;

/// Prints it, and answers the exit code.
pub(super) fn answer(app: &App<'_, '_>, environment: &str, as_json: bool) -> Result<u8, CliError> {
    let rows = Reckoning::of(app);
    let found: Vec<Contradiction> = contradictions(app.side()).into_iter().filter(|one| is_of(one, &rows)).collect();
    let text = match as_json {
        true => {
            let told: Vec<Value> = rows.iter().map(row).collect();
            let warnings: Vec<Value> = found.iter().map(contradiction).collect();
            let answer = json!({"format_version": 1, "environment": environment, "app": app.name, "ttl": told,
                "warnings": warnings});
            format!("{answer:#}\n")
        }
        false if rows.is_empty() => "The app is issued nothing.\n".to_owned(),
        false => {
            let warnings = found.iter().map(|one| warning("", one));
            rows.iter().map(|row| lines(app, row)).chain(warnings).collect()
        }
    };
    output::data(&text)?;
    Ok(if rows.is_empty() { 2 } else { 0 })
}

/// Whether a contradiction is about what an app is issued: it stands at something that says how long that lives.
fn is_of(one: &Contradiction, rows: &[Reckoning<'_, '_>]) -> bool {
    rows.iter().any(|row| row.said().any(|place| place == one.place))
}

fn lines(app: &App<'_, '_>, row: &Reckoning<'_, '_>) -> String {
    let who = app.subject().to_string();
    let mut out = format!("{} via role {}{}", one_line(&who), one_line(&row.role.label()), via_words(row.via));
    if let Some(token) = row.token.as_ref().filter(|_| app.who() == Who::App) {
        out.push_str(&format!(", login {}", one_line(token.login.path)));
    }
    let (Some(default), Some(max)) = (row.default(), row.max()) else {
        return out + "\n  does not end: no lease is on it\n";
    };
    out.push_str(&format!("\n  not renewed    {}\n  at most        {}\n", shown(default), shown(max)));
    if let Some(limits) = row.credential {
        let all: Vec<String> = limits.maxima().map(shown).collect();
        let what = if row.ends_with_token() { "its lease " } else { "AWS session" };
        out.push_str(&format!("  {what:<13}  {}; at most {}\n", shown(limits.wish()), all.join(", ")));
    }
    if let Some(token) = &row.token {
        let max = token.max().map_or_else(|| "for ever, if it is renewed".to_owned(), shown);
        let ends = if row.ends_with_token() { "" } else { " (the session goes on)" };
        out.push_str(&format!("  its token      {}; at most {max}{ends}\n", shown(token.default())));
    }
    let surprise = row.surprise().map(|one| warning("  ", &one)).unwrap_or_default();
    out + &surprise
}

/// `4h by lease_max of aws/config/lease (engines.hcl:12:5)`.
fn shown(limit: Limit<'_>) -> String {
    let place = limit.source.place().map(|place| format!(" ({place})")).unwrap_or_default();
    one_line(&format!("{} by {}{place}", words_of_duration(limit.seconds), limit.source)).into_owned()
}

fn warning(indent: &str, one: &Contradiction) -> String {
    format!("{indent}warning: {}\n{indent}  --> {}\n{indent}  = help: {}\n", one_line(&one.what), one.place, one.hint)
}

fn row(row: &Reckoning<'_, '_>) -> Value {
    json!({
        "role": row.role.label(),
        "via": via_name(row.via),
        "login": row.token.as_ref().map(|token| token.login.path),
        "default": row.default().map(limit),
        "max": row.max().map(limit),
        "credential": row.credential.map(|limits| json!({
            "default": limit(limits.wish()),
            "max": limits.maxima().map(limit).collect::<Vec<_>>(),
        })),
        "token": row.token.as_ref().map(|token| json!({
            "default": limit(token.default()),
            "max": token.max().map(limit),
        })),
        "ends_with_token": row.ends_with_token(),
        "warning": row.surprise().as_ref().map(contradiction),
    })
}

fn limit(limit: Limit<'_>) -> Value {
    json!({"seconds": limit.seconds, "said_by": limit.source.to_string(), "place": limit.source.place().as_ref().map(place)})
}

fn contradiction(one: &Contradiction) -> Value {
    json!({"what": one.what, "place": place(&one.place), "help": one.hint})
}

fn place(place: &Place) -> Value {
    json!({"file": &*place.file, "line": place.line, "column": place.column})
}
