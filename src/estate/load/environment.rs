//! Environments: which engine, which variables, which overrides.

use std::path::{Component, Path, PathBuf};

use super::{drift, limit, require};
use crate::estate::blocks::ENVIRONMENT;
use crate::estate::declared::{AwsChoice, EngineChoice, Environment, KeyChoice};
use crate::estate::interpolate::{Replaced, Variables};
use crate::estate::problem::{Draft, Problem};
use crate::estate::schema::{Block, Reader};
use crate::estate::tree::{Content, Map};
use crate::estate::value;
use crate::text::did_you_mean;
use crate::units::address::{Addresses, Wrong};

/// An environment with its variables and its overrides.
pub(super) type Declared = (Environment, Variables, Option<Map>);

/// The name of the environment to use; `None` when it may be in a file that could not be read, which has been told.
///
/// # Errors
/// There is none, or it is not clear which.
pub(super) fn choose(declarations: &Map, wanted: Option<&str>, incomplete: bool) -> Result<Option<String>, Problem> {
    let names: Vec<&str> = match declarations.get("environment").map(|entry| &entry.value.content) {
        Some(Content::Map(map)) => map.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    let listed = value::listed(&names);
    match (wanted, names.as_slice()) {
        (_, []) if incomplete => Ok(None),
        (Some(wanted), names) if incomplete && !names.contains(&wanted) => Ok(None),
        (_, []) => Err(Problem::general("the estate declares no environment")
            .hint("add: environment \"local\" { engine = \"embedded\" }")),
        (Some(wanted), names) if names.contains(&wanted) => Ok(Some(wanted.to_owned())),
        (Some(wanted), names) => {
            let problem = Problem::general(format!("the estate has no environment `{wanted}`"));
            let hint = did_you_mean(wanted, names.iter().copied()).unwrap_or_else(|| format!("it has {listed}"));
            Err(problem.hint(hint))
        }
        (None, [only]) => Ok(Some((*only).to_owned())),
        (None, names) if names.contains(&"local") => Ok(Some("local".to_owned())),
        (None, _) => {
            Err(Problem::general("the estate has several environments").hint(format!("choose one with -e: {listed}")))
        }
    }
}

/// All environments that are declared well enough to be used.
pub(super) fn all(reader: &mut Reader<'_>, declarations: &Map) -> Vec<Declared> {
    let blocks = reader.labelled(declarations, "environment");
    blocks.iter().filter_map(|block| one(reader, block)).collect()
}

fn one(reader: &mut Reader<'_>, block: &Block<'_>) -> Option<Declared> {
    reader.check(block, &ENVIRONMENT);
    if !is_name(block.label) {
        let draft = Draft::error(block.span, "the name of an environment has letters, digits, `-` and `_` only");
        reader.report(draft);
    }
    let variables = variables(reader, block);
    // The variables of an environment can be used in the environment itself, but for `var` and `override`.
    let mut own: Map = block
        .map
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "var" | "override"))
        .map(|(key, entry)| (key.clone(), entry.clone()))
        .collect();
    let mut came = Replaced::default();
    variables.apply(&mut own, &mut came);
    let before = reader.problems.len();
    let own = Block { name: block.name.clone(), label: block.label, span: block.span, map: &own };
    let engine = engine(reader, &own);
    let namespace = namespace(reader, &own);
    let secrets = own.map.contains_key("secrets").then(|| secrets(reader, &own));
    let max_deletes = reader.int(&own, "max_deletes").and_then(|(int, span)| {
        let count = u32::try_from(int).ok();
        if count.is_none() {
            reader.report(Draft::error(span, "max_deletes is a count"));
        }
        count
    });
    let limits = limit::read(reader, &own);
    let demands = require::read(reader, &own);
    let drift = drift::read(reader, &own);
    let estate = reader.text(&own, "estate").and_then(|(estate, span)| {
        if !is_name(estate) {
            reader.report(Draft::error(span, "the name of an estate has letters, digits, `-` and `_` only"));
        }
        is_name(estate).then(|| estate.to_owned())
    });
    // A text with an unknown variable is checked no further.
    let found = reader.problems.split_off(before);
    let found = found.into_iter().filter(|draft| draft.span().is_none_or(|span| !came.unknown.contains(&span)));
    reader.problems.extend(came.problems.into_iter().chain(found));
    let over = reader.inner(block, "override").map(|over| over.map.clone());
    let place = reader.place(block.span);
    // A broken engine has been told; the rest is still checked with one that stands for it.
    let engine = engine.unwrap_or_else(|| EngineChoice::Address(Addresses::nowhere()));
    let name = block.label.to_owned();
    let declared = Environment { name, estate, engine, namespace, secrets, max_deletes, limits, demands, drift, place };
    Some((declared, variables, over))
}

fn is_name(name: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.len() <= 64 && name.bytes().all(sound)
}

fn variables(reader: &mut Reader<'_>, block: &Block<'_>) -> Variables {
    let mut variables = Variables { environment: Some(block.label.to_owned()), ..Variables::default() };
    let Some(vars) = reader.inner(block, "var") else { return variables };
    for (name, entry) in vars.map {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            reader.report(Draft::error(entry.key_span, "the name of a variable has letters, digits and `_` only"));
            continue;
        }
        match value::text(&entry.value) {
            _ if matches!(entry.value.content, Content::Broken) => drop(variables.broken.insert(name.clone())),
            Ok(text) if text.contains("${") => {
                variables.broken.insert(name.clone());
                reader.report(Draft::error(entry.value.span, "nothing is replaced in the value of a variable"));
            }
            Ok(text) => {
                let is_account = name == "account" || name == "account_id" || name.ends_with("_account_id");
                if is_account && !crate::iam::arn::is_account(text) {
                    let draft = Draft::error(entry.value.span, format!("`{text}` is not an account id"));
                    reader.report(draft.hint("an AWS account id has twelve digits"));
                    variables.broken.insert(name.clone());
                }
                variables.vars.insert(name.clone(), text.to_owned());
            }
            Err(draft) => {
                variables.broken.insert(name.clone());
                reader.report(draft);
            }
        }
        // A variable with a bad value is known all the same.
        variables.vars.entry(name.clone()).or_insert_with(|| "x".to_owned());
    }
    variables
}

fn engine(reader: &mut Reader<'_>, block: &Block<'_>) -> Option<EngineChoice> {
    let named = ["address", "addresses", "engine"].map(|key| Some((key, block.map.get(key)?)));
    let mut named = named.into_iter().flatten();
    let Some((key, first)) = named.next() else {
        let draft = Draft::error(block.span, format!("{} names no engine", block.name));
        reader.report(draft.hint("add engine = \"embedded\", or address = \"https://...\""));
        return None;
    };
    if let Some((other, entry)) = named.next() {
        let (a, label) = match other {
            "engine" => ("an `engine`", "and the engine here"),
            _ => ("`addresses`", "and the addresses here"),
        };
        let draft = Draft::error(entry.key_span, format!("an environment has either an `address` or {a}"));
        let there = if key == "address" { "the address is here" } else { "the addresses are here" };
        reader.report(draft.label(label).also(first.key_span, there));
        return None;
    }
    if key != "engine" {
        for idle in ["data", "aws", "key"] {
            if let Some(entry) = block.map.get(idle) {
                let what = format!("`{idle}` belongs to an embedded engine, and this environment has an address");
                reader.report(Draft::error(entry.key_span, what));
            }
        }
        return addresses(reader, block, key).map(EngineChoice::Address);
    }
    let (engine, span) = reader.text(block, "engine")?;
    if engine != "embedded" {
        let draft = Draft::error(span, format!("`{engine}` is not an engine"));
        reader.report(draft.hint("write engine = \"embedded\", or address = \"https://...\""));
        return None;
    }
    Some(EngineChoice::Embedded {
        data: data(reader, block)?,
        aws: aws(reader, block)?,
        key: unseal_key(reader, block)?,
    })
}

/// The address of a server, or those of a cluster's nodes.
fn addresses(reader: &mut Reader<'_>, block: &Block<'_>, key: &str) -> Option<Addresses> {
    let named = match key {
        "address" => vec![reader.text(block, key)?],
        _ => {
            let before = reader.problems.len();
            let named = reader.texts(block, key);
            if reader.problems.len() > before {
                return None;
            }
            named
        }
    };
    match Addresses::of(named.iter().map(|(address, _)| *address)) {
        Ok(addresses) => Some(addresses),
        Err(wrong) => {
            let key_span = block.map.get(key).map_or(block.span, |entry| entry.key_span);
            let (text, span) = named.get(wrong.at()).copied().unwrap_or(("", key_span));
            let what = match &wrong {
                Wrong::Unusable { .. } => format!("`{text}` is not the address of an engine"),
                other => other.to_string(),
            };
            reader.report(Draft::error(span, what).hint(wrong.hint()));
            None
        }
    }
}

/// The namespace, as it stands in a header of each request.
fn namespace(reader: &mut Reader<'_>, block: &Block<'_>) -> Option<String> {
    let entry = block.map.get("namespace")?;
    if block.map.contains_key("engine") {
        let what = "`namespace` is of a server, and this environment has an embedded engine, which has none";
        reader.report(Draft::error(entry.key_span, what).hint("leave it out, or name a server with address"));
        return None;
    }
    let (text, span) = reader.text(block, "namespace")?;
    let name = text.trim_matches('/');
    if name == "root" {
        let draft = Draft::error(span, "the root namespace is meant where none is named");
        reader.report(draft.hint("leave it out"));
        return None;
    }
    if !name.split('/').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic())) {
        let draft = Draft::error(span, format!("`{text}` is not the path of a namespace"));
        reader.report(draft.hint("write it as \"team\", or \"team/web\" of one within another"));
        return None;
    }
    Some(name.to_owned())
}

/// From where secrets may be.
fn secrets(reader: &mut Reader<'_>, block: &Block<'_>) -> Vec<String> {
    let mut allowed = Vec::new();
    for (pattern, span) in reader.texts(block, "secrets") {
        let hint = match pattern.strip_prefix("secret:").unwrap_or(pattern).split_once(':') {
            Some(("env", name)) if !name.is_empty() => None,
            Some(("file", path)) if path.starts_with('/') => None,
            Some(("file", _)) => Some("files in the estate need no word; others are named by their absolute paths"),
            Some(("vault", _)) => Some("what is in the engine needs no word: its token says what may be read"),
            _ => Some("write env:NAME or file:/PATH, with `*` for any text"),
        };
        match hint {
            None => allowed.push(pattern.strip_prefix("secret:").unwrap_or(pattern).to_owned()),
            Some(hint) => {
                let what = format!("`{pattern}` names no variable and no file beside the estate");
                reader.report(Draft::error(span, what).hint(hint));
            }
        }
    }
    allowed
}

fn data(reader: &mut Reader<'_>, block: &Block<'_>) -> Option<PathBuf> {
    if !block.map.contains_key("data") {
        return Some(Path::new(".leasehold").join(block.label));
    }
    let (data, span) = reader.text(block, "data")?;
    let path = Path::new(data);
    // A merge request must not be able to make an engine write elsewhere.
    if data.is_empty() || !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        let draft = Draft::error(span, "the engine's data stays inside the estate's directory");
        reader.report(draft.hint("write a relative path such as .leasehold/local"));
        return None;
    }
    Some(path.to_owned())
}

fn aws(reader: &mut Reader<'_>, block: &Block<'_>) -> Option<AwsChoice> {
    if !block.map.contains_key("aws") {
        return Some(AwsChoice::Aws);
    }
    match reader.text(block, "aws")? {
        ("aws", _) => Some(AwsChoice::Aws),
        ("sandbox", _) => Some(AwsChoice::Sandbox),
        (other, span) => {
            let hint = did_you_mean(other, ["aws", "sandbox"].into_iter());
            reader.report(Draft::error(span, format!("`{other}` is neither `aws` nor `sandbox`")).hint_if(hint));
            None
        }
    }
}

/// Where the key is. What is named is read and never made: nothing outside of the estate is written because of its files.
fn unseal_key(reader: &mut Reader<'_>, block: &Block<'_>) -> Option<KeyChoice> {
    if !block.map.contains_key("key") {
        return Some(KeyChoice::Beside);
    }
    let (text, span) = reader.text(block, "key")?;
    let draft = match text.split_once(':') {
        Some(("file", path)) => {
            let rest = path.strip_prefix("~/").or_else(|| path.strip_prefix('/'));
            if rest.is_some_and(|rest| Path::new(rest).components().any(|part| matches!(part, Component::Normal(_)))) {
                return Some(KeyChoice::File(PathBuf::from(path)));
            }
            let draft = Draft::error(span, format!("`{path}` is not where a key could be kept apart from the estate"));
            draft.hint("name it by its absolute path, or below ~/: file:~/.config/leasehold/unseal.key")
        }
        Some(("kms", id)) if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic()) => {
            return Some(KeyChoice::Service(id.to_owned()));
        }
        _ => Draft::error(span, format!("`{text}` does not say where a key is"))
            .hint("write file:/PATH, or kms: with the id, ARN or alias of a key of AWS KMS"),
    };
    reader.report(draft);
    None
}
