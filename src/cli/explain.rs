//! `leasehold explain`: what may be written in an estate.

use serde_json::{Value, json};

use super::error::CliError;
use super::format::Format;
use super::forms;
use super::global::Global;
use super::output;
use super::table::columns;
use crate::estate::{Explained, Inside, explain, explain_all};

/// Arguments of `leasehold explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without a path it lists what may be declared. What several types have blocks of is asked for by type: login.cert.token_ttl.
Needs no estate and no engine.

Exit codes: 0 explained, 1 nothing is called like that.")]
pub(crate) struct Args {
    /// What is asked about, from the top of a file: aws, aws.lease, app.role.policy_arns, login.jwt
    #[arg(value_name = "WORD[.WORD...]")]
    path: Option<String>,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let as_json = global.format(forms::TEXT)? == Format::Json;
    let found = match &args.path {
        None => None,
        Some(path) => {
            let words: Vec<&str> = path.split('.').collect();
            let hint = "`leasehold explain` lists what may be declared";
            Some(explain(&words).map_err(|why| CliError::new(1, why).hint(hint))?)
        }
    };
    let text = match (&found, as_json) {
        (None, true) => format!("{:#}\n", json!({"format_version": 1, "inside": inside_json(&explain_all())})),
        (None, false) => rows(&explain_all()),
        (Some(found), true) => format!("{:#}\n", told(found)),
        (Some(found), false) => shown(found, args.path.as_deref().unwrap_or_default()),
    };
    output::data(&text)?;
    Ok(0)
}

fn rows(inside: &[Inside]) -> String {
    let cells = |row: &Inside| vec![row.word.clone(), row.takes.clone(), row.doc.clone()];
    let empty = |row: &Vec<String>| row[1].is_empty() && row[2].is_empty();
    let rows: Vec<Vec<String>> = inside.iter().map(cells).collect();
    match rows.iter().all(empty) {
        true => columns(&rows.into_iter().map(|row| row[..1].to_vec()).collect::<Vec<_>>()),
        false => columns(&rows),
    }
}

fn shown(found: &Explained, path: &str) -> String {
    let mut out = format!("{}\n\n{}\n", found.form, found.doc);
    if let Some(label) = found.label {
        out.push_str(&format!("Its label: {label}\n"));
    }
    if let Some(value) = &found.value {
        out.push_str(&format!("Takes {}.\n", value.takes));
        match value.default {
            Some("\"\"" | "[]" | "{}") => out.push_str("Empty where it is left out.\n"),
            Some(default) => out.push_str(&format!("{default} where it is left out.\n")),
            None => {}
        }
        if value.immutable {
            out.push_str("It can't be changed: the object would have to be made anew.\n");
        }
        if value.write_only {
            out.push_str("No engine tells it: a change is seen by its keyed digest in the ledger.\n");
        }
    }
    if !found.inside.is_empty() {
        out.push_str(&format!("\n{}\nMore: leasehold explain {path}.WORD\n", rows(&found.inside)));
    }
    out
}

fn told(found: &Explained) -> Value {
    json!({
        "format_version": 1,
        "form": found.form,
        "doc": found.doc,
        "label": found.label,
        "value": found.value.as_ref().map(|value| json!({
            "takes": value.takes,
            "default": value.default.and_then(|default| serde_json::from_str::<Value>(default).ok()),
            "immutable": value.immutable,
            "write_only": value.write_only,
        })),
        "inside": inside_json(&found.inside),
    })
}

fn inside_json(inside: &[Inside]) -> Value {
    inside.iter().map(|row| json!({"word": row.word, "takes": row.takes, "doc": row.doc})).collect()
}
