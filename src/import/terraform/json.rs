//! Resources of a plan or a state, as Terraform prints or keeps them. Values are looked at and let go: of what a file may
//! not hold only that it is set is taken in, so that nothing behind this can print it.
//!
//! Source: Terraform documentation, "JSON output format" (`format_version` 1), and the state's own version 4.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::resource::{
    ANOTHER, Field, Fields, Given, IN_NAMESPACE, PROVIDER, Reading, Resource, SENSITIVE, Unplaced, is_empty,
};
use super::table::{self, ResourceType, To};
use super::unread::Unread;

/// Modules within modules.
const DEPTH_MAX: usize = 64;

const LATER: &str = "it is only known after an apply, whose state has it";

/// Reads a plan or a state.
pub(super) fn read(text: &str) -> Result<Reading, Unread> {
    let json: Value = serde_json::from_str(text).map_err(|error| Unread::NoJson {
        line: error.line(),
        // What serde says of it may name a value.
        column: error.column(),
    })?;
    let mut reading = Reading::default();
    let root = |key: &str| json.get(key).and_then(|values| values.get("root_module"));
    if let Some(resources) = json.get("resources").and_then(Value::as_array).filter(|_| json.get("version").is_some()) {
        let version = json.get("version").and_then(Value::as_i64).unwrap_or_default();
        if version != 4 {
            return Err(Unread::Version(version));
        }
        resources.iter().for_each(|resource| kept(resource, &mut reading));
    } else if let Some(module) = root("planned_values") {
        let changes = Changes::of(&json);
        printed(module, &changes, 0, &mut reading)?;
    } else if let Some(module) = root("values") {
        printed(module, &Changes::default(), 0, &mut reading)?;
    } else if json.get("format_version").is_some() && json.get("values").is_none() && json.get("errored").is_none() {
        // The state of nothing.
    } else {
        return Err(Unread::NoForm);
    }
    if json.pointer("/configuration/provider_config/vault/expressions/namespace").is_some() {
        let (place, address) = (PROVIDER_PLACE.to_owned(), "provider.vault".to_owned());
        reading.unplaced.push(Unplaced { place, address, why: IN_NAMESPACE.to_owned() });
    }
    Ok(reading)
}

/// Where a provider's block is told from.
const PROVIDER_PLACE: &str = "configuration";

/// What a plan tells of resources beside their values.
#[derive(Default)]
struct Changes<'j> {
    /// By address: the fields that are not known yet.
    unknown: BTreeMap<&'j str, BTreeSet<&'j str>>,
    /// By address without indices: the fields that somebody wrote.
    written: BTreeMap<String, BTreeSet<&'j str>>,
    /// The resources of another provider block than the first, by address without indices.
    elsewhere: BTreeSet<String>,
}

impl<'j> Changes<'j> {
    fn of(json: &'j Value) -> Self {
        let mut changes = Self::default();
        for change in json.get("resource_changes").and_then(Value::as_array).into_iter().flatten() {
            let unknown =
                change.get("change").and_then(|change| change.get("after_unknown")).and_then(Value::as_object);
            let names = unknown.into_iter().flatten().filter(|(_, value)| has_true(value));
            if let Some(address) = change.get("address").and_then(Value::as_str) {
                changes.unknown.insert(address, names.map(|(name, _)| name.as_str()).collect());
            }
        }
        if let Some(module) = json.get("configuration").and_then(|configuration| configuration.get("root_module")) {
            changes.module(module, "", 0);
        }
        changes
    }

    fn module(&mut self, module: &'j Value, prefix: &str, depth: usize) {
        for resource in module.get("resources").and_then(Value::as_array).into_iter().flatten() {
            let Some(address) = resource.get("address").and_then(Value::as_str) else { continue };
            let address = format!("{prefix}{address}");
            let key = resource.get("provider_config_key").and_then(Value::as_str).unwrap_or_default();
            if key.contains('.') && prefix.is_empty() {
                self.elsewhere.insert(address.clone());
            }
            let written = resource.get("expressions").and_then(Value::as_object).into_iter().flatten();
            self.written.insert(address, written.map(|(name, _)| name.as_str()).collect());
        }
        let calls = module.get("module_calls").and_then(Value::as_object).into_iter().flatten();
        for (name, call) in calls.filter(|_| depth < DEPTH_MAX) {
            if let Some(module) = call.get("module") {
                self.module(module, &format!("{prefix}module.{name}."), depth + 1);
            }
        }
    }
}

/// Whether there is a `true` in it.
fn has_true(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::Array(items) => items.iter().any(has_true),
        Value::Object(map) => map.values().any(has_true),
        _ => false,
    }
}

/// An address without the indices of resources and modules.
fn without_indices(address: &str) -> String {
    let mut out = String::new();
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for c in address.chars() {
        match c {
            '"' if depth > 0 && !escaped => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.saturating_sub(1),
            c if depth == 0 => out.push(c),
            _ => {}
        }
        escaped = quoted && c == '\\' && !escaped;
    }
    out
}

/// Takes in a module as `terraform show -json` prints it.
fn printed(module: &Value, changes: &Changes<'_>, depth: usize, reading: &mut Reading) -> Result<(), Unread> {
    if depth > DEPTH_MAX {
        return Err(Unread::TooDeep);
    }
    let list = |key: &str| module.get(key).and_then(Value::as_array).into_iter().flatten();
    for resource in list("resources") {
        let text = |key: &str| resource.get(key).and_then(Value::as_str);
        let (Some(sort), Some(address)) = (text("type"), text("address")) else { return Err(Unread::NoForm) };
        if text("mode") == Some("data") {
            continue;
        }
        let Some(values) = resource.get("values").and_then(Value::as_object) else { return Err(Unread::NoForm) };
        let plain = without_indices(address);
        if sort.starts_with(PROVIDER) && changes.elsewhere.contains(&plain) {
            elsewhere(address, reading);
            continue;
        }
        let hidden = resource.get("sensitive_values").and_then(Value::as_object).into_iter().flatten();
        let hidden = hidden.filter(|(_, value)| has_true(value)).map(|(name, _)| name.as_str()).collect();
        let unknown = changes.unknown.get(address).into_iter().flatten();
        // What nobody wrote, the engine says.
        let written = changes.written.get(&plain);
        let unknown = unknown.filter(|name| written.is_none_or(|written| written.contains(*name))).copied().collect();
        take(sort, address, values, &Veiled { hidden, unknown, written }, reading);
    }
    list("child_modules").try_for_each(|module| printed(module, changes, depth + 1, reading))
}

/// Takes in a resource as a state of version 4 keeps it.
fn kept(resource: &Value, reading: &mut Reading) {
    let text = |key: &str| resource.get(key).and_then(Value::as_str);
    let (Some(sort), Some(name)) = (text("type"), text("name")) else { return };
    if text("mode") == Some("data") {
        return;
    }
    let module = text("module").map(|module| format!("{module}.")).unwrap_or_default();
    let is_elsewhere =
        text("provider").and_then(|provider| provider.rsplit_once(']')).is_some_and(|(_, alias)| !alias.is_empty());
    for instance in resource.get("instances").and_then(Value::as_array).into_iter().flatten() {
        let Some(values) = instance.get("attributes").and_then(Value::as_object) else { continue };
        // It is there no more, but for somebody who takes it away.
        if instance.get("deposed").is_some() {
            continue;
        }
        let index = instance.get("index_key").map(|key| format!("[{key}]")).unwrap_or_default();
        let address = format!("{module}{sort}.{name}{index}");
        if is_elsewhere && sort.starts_with(PROVIDER) {
            elsewhere(&address, reading);
            continue;
        }
        let paths = instance.get("sensitive_attributes").and_then(Value::as_array).into_iter().flatten();
        let hidden = paths.filter_map(|path| path.get(0)?.get("value")?.as_str()).collect();
        take(sort, &address, values, &Veiled { hidden, unknown: BTreeSet::new(), written: None }, reading);
    }
}

fn elsewhere(address: &str, reading: &mut Reading) {
    let (place, address, why) = (String::new(), address.to_owned(), ANOTHER.to_owned());
    reading.unplaced.push(Unplaced { place, address, why });
}

/// The fields of a resource that are not to be taken as they stand.
struct Veiled<'j> {
    hidden: BTreeSet<&'j str>,
    unknown: BTreeSet<&'j str>,
    /// The fields that somebody wrote, where that is told.
    written: Option<&'j BTreeSet<&'j str>>,
}

fn take(sort: &str, address: &str, values: &Map<String, Value>, veiled: &Veiled<'_>, reading: &mut Reading) {
    if !sort.starts_with(PROVIDER) {
        reading.others += 1;
        return;
    }
    let text = |key: &str| values.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let described = table::sort(sort);
    let mut fields: Fields = BTreeMap::new();
    for (name, value) in values {
        let given = match described {
            Some(sort) => given(sort, name, value, veiled),
            None => continue,
        };
        fields.insert(name.clone(), Field { given, place: String::new() });
    }
    for name in veiled.unknown.iter().filter(|name| !values.contains_key(**name)) {
        let given = Given::Unknown(LATER.to_owned());
        fields.insert((*name).to_owned(), Field { given, place: String::new() });
    }
    reading.resources.push(Resource {
        sort: sort.to_owned(),
        address: address.to_owned(),
        place: String::new(),
        id: text("id"),
        accessor: text("accessor"),
        fields,
        blocks: BTreeMap::new(),
        is_told: true,
    });
}

/// What is told of a field, without what no file holds: of that only whether it is there.
fn given(sort: &ResourceType, name: &str, value: &Value, veiled: &Veiled<'_>) -> Given {
    let is_there = || Given::Value(if is_empty(value) { Value::Null } else { Value::from(true) });
    match sort.row(name).map(|row| row.to) {
        None | Some(To::Nothing | To::Secret(..) | To::Key(..)) => is_there(),
        // What is in a block that nobody wrote, an engine told.
        Some(To::Block(_)) if veiled.written.is_some_and(|written| !written.contains(name)) => {
            Given::Value(Value::Null)
        }
        Some(_) if veiled.unknown.contains(name) => Given::Unknown(LATER.to_owned()),
        Some(_) if veiled.hidden.contains(name) && !is_empty(value) => Given::Unknown(SENSITIVE.to_owned()),
        Some(_) => Given::Value(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Unread, read, without_indices};

    #[test]
    fn an_address_without_its_indices_is_that_of_the_configuration() {
        for (address, plain) in [
            ("vault_policy.a", "vault_policy.a"),
            ("module.m[0].vault_policy.a[\"x]\\\"[\"]", "module.m.vault_policy.a"),
            ("vault_policy.a[\"b\"]", "vault_policy.a"),
        ] {
            assert_eq!(without_indices(address), plain, "{address}");
        }
    }

    #[test]
    fn what_is_no_plan_and_no_state_is_refused() {
        for (text, part) in [
            ("{", "no JSON"),
            ("[]", "neither"),
            ("{}", "neither"),
            (r#"{"version": 3, "resources": []}"#, "version 3"),
            (r#"{"values": {"root_module": {"resources": [{"type": "vault_policy"}]}}}"#, "neither"),
        ] {
            let error: Unread = read(text).expect_err(text);
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }
}
