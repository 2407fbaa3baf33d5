//! What kinds have in common when they read an engine's answers and write to it.

use serde_json::{Map, Value};

use super::call::{Call, Verb};
use super::kind::live::Live;
use crate::units::network;

/// Networks as every engine takes them: a host gets its `/32` or `/128`, since some refuse it without, and what is mapped
/// into IPv6 is the IPv4 network that it stands for.
pub(crate) fn with_prefixes(networks: &Value) -> Value {
    let full = |text: &str| network::on_the_wire(text).map_or_else(|| text.to_owned(), |network| network.to_string());
    networks.as_array().into_iter().flatten().filter_map(Value::as_str).map(full).collect()
}

/// A POST of these fields.
pub(crate) fn post(path: String, body: impl IntoIterator<Item = (&'static str, Value)>) -> Call {
    let body = body.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Call { verb: Verb::Write, path, body, made: Vec::new() }
}

/// A write with what the engine has beside it, so that it stays. What the write says itself goes before.
pub(crate) fn with_others(mut call: Call, live: Option<&Live>) -> Call {
    for (name, value) in live.into_iter().flat_map(|live| &live.others) {
        call.body.entry(name.clone()).or_insert_with(|| value.clone());
    }
    call
}

/// Whole seconds as the text an engine takes: `3600s`.
pub(crate) fn seconds_text(value: &Value) -> Value {
    Value::from(format!("{}s", value.as_i64().unwrap_or(0)))
}

/// The entries of `data` that are named, as they are.
pub(crate) fn pick(data: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    names.iter().filter_map(|name| data.get(*name).map(|value| ((*name).to_owned(), value.clone()))).collect()
}
