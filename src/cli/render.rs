//! `leasehold render`: the objects that an estate stands for.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::context::{Context, Warnings};
use super::error::CliError;
use super::format::Format;
use super::forms;
use super::global::Global;
use super::output::{self, one_line};
use crate::object::{FieldValue, Object, OnChange};

/// Arguments of `leasehold render`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Answers from the files alone: no engine, no secrets, no network. Variables, overrides and what follows from a declaration are
in it; what engines have by default is not.

Exit codes: 0 printed, 1 an error.")]
pub(crate) struct Args {
    /// The estate's directory [default: the current one]
    dir: Option<PathBuf>,
    /// Take warnings about the files for errors
    #[arg(long)]
    strict: bool,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let as_json = global.format(forms::TEXT)? == Format::Json;
    let estate = Context::open(global)?.at(args.dir).telling(Warnings::of(args.strict)).estate()?;
    let mut objects: Vec<&Object> = estate.objects.iter().collect();
    objects.sort_by(|a, b| a.path.cmp(&b.path));
    let text = match as_json {
        true => {
            let objects: Vec<Value> = objects.into_iter().map(told).collect();
            format!("{:#}\n", json!({"format_version": 1, "environment": estate.environment.name, "objects": objects}))
        }
        false => objects.into_iter().map(shown).collect::<Vec<_>>().join("\n"),
    };
    output::data(&text)?;
    Ok(0)
}

/// The fields that files say, as they are sent: of a secret the reference, which is none.
fn fields(object: &Object) -> impl Iterator<Item = (&'static str, Value)> {
    object.fields.iter().map(|(name, leaf)| {
        let value = match &leaf.value {
            FieldValue::Data(_) => object.wording(name),
            FieldValue::Unresolved(reference) => Value::from(format!("secret:{reference}")),
            FieldValue::Secret(_) => Value::from("(secret)"),
        };
        (*name, value)
    })
}

fn shown(object: &Object) -> String {
    let app = object.app.as_ref().map(|app| format!(", app {}", one_line(app))).unwrap_or_default();
    let mut out =
        format!("{} {}{app}   {}\n", object.kind.name, one_line(&object.path), one_line(&object.place.to_string()));
    for (name, value) in fields(object) {
        out.push_str(&format!("  {name} = {}\n", one_line(&value.to_string())));
    }
    out
}

fn told(object: &Object) -> Value {
    json!({
        "kind": object.kind.name,
        "path": object.path,
        "app": object.app,
        "protect": object.protect,
        "revokes_leases_on_change": object.on_change == OnChange::Revoke,
        "declared": {"file": &*object.place.file, "line": object.place.line, "column": object.place.column},
        "fields": fields(object).map(|(name, value)| (name.to_owned(), value)).collect::<Map<String, Value>>(),
    })
}
