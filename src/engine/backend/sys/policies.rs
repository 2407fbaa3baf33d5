//! `sys/policies/acl`, `sys/policy`, `sys/capabilities*`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::engine::backend::Call;
use crate::engine::backend::listing::{self, Page};
use crate::engine::lease::core::Core;
use crate::engine::policy::{Policies, RESERVED};
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;

/// Which of the two spellings of the policy API is spoken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// `sys/policies/acl`.
    Acl,
    /// `sys/policy`: `rules` for `policy`, lists by GET, answers repeated at the top level.
    Legacy,
}

/// Serves one call.
pub(crate) async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    match call.row.pattern {
        "policies/acl/?" => list(core, call, Dialect::Acl),
        "policies/acl/*name" => named(core, call, call.at("name"), Dialect::Acl).await,
        "policy/?" => list(core, call, Dialect::Legacy),
        "policy/*name" => named(core, call, call.at("name"), Dialect::Legacy).await,
        "capabilities/?" => capabilities(core, call, "capabilities"),
        "capabilities-self/?" => capabilities(core, call, "capabilities-self"),
        "capabilities-accessor/?" => capabilities(core, call, "capabilities-accessor"),
        _ => Err(call.forgotten()),
    }
}

fn list(core: &Arc<Core>, call: Call<'_>, dialect: Dialect) -> Result<Response, Error> {
    let names = Policies::names(core)?;
    match dialect {
        Dialect::Acl => {
            let page = Page::of(call)?;
            let names = page.cut(names);
            if !page.detailed {
                return Response::keys(names);
            }
            let entries = names.clone().into_iter().filter_map(|name| {
                let text = if name == "root" { Ok(Some(String::new())) } else { Policies::text(core, &name) };
                Some(text.transpose()?.map(|text| (name.clone(), json!({ "name": name, "policy": text }))))
            });
            listing::add(core, call, Response::keys(names)?, entries)
        }
        Dialect::Legacy => Ok(Response::data(json!({ "keys": names, "policies": names })).repeated()),
    }
}

/// `name` is in lower case already: the request's path is.
async fn named(core: &Arc<Core>, call: Call<'_>, name: &str, dialect: Dialect) -> Result<Response, Error> {
    match call.request.operation {
        Operation::Read => read(core, name, dialect),
        Operation::Write => write(core, call, name, dialect).await,
        Operation::Delete => match name {
            "root" | "default" | RESERVED => Err(Error::Invalid(format!("cannot delete {} policy", quoted_root(name)))),
            _ => core.policies.delete(core, name).await.map(|()| Response::empty()),
        },
        Operation::List | Operation::Patch => Err(call.forgotten()),
    }
}

/// Vault quotes one of the two names and not the other.
fn quoted_root(name: &str) -> String {
    if name == "default" { name.to_owned() } else { format!("{name:?}") }
}

fn read(core: &Arc<Core>, name: &str, dialect: Dialect) -> Result<Response, Error> {
    let text = match name {
        "root" => String::new(),
        _ => Policies::text(core, name)?.ok_or(Error::NotFound)?,
    };
    Ok(match dialect {
        Dialect::Acl => Response::data(json!({ "name": name, "policy": text })),
        Dialect::Legacy => Response::data(json!({ "name": name, "rules": text })).repeated(),
    })
}

async fn write(core: &Arc<Core>, call: Call<'_>, name: &str, dialect: Dialect) -> Result<Response, Error> {
    if name == "root" || name == RESERVED {
        return Err(Error::Invalid(format!("cannot update {name:?} policy")));
    }
    check_name(name)?;
    let fields = Fields(&call.request.data);
    let mut response = Response::empty();
    if call.request.folded {
        response = response.warn(format!("policy name was converted to {name}"));
    }
    let mut text = fields.string("policy")?.filter(|text| !text.is_empty());
    if dialect == Dialect::Legacy && text.is_none() {
        text = fields.string("rules")?.filter(|text| !text.is_empty());
        if text.is_some() {
            response = response.warn("'rules' is deprecated, please use 'policy' instead");
        }
    }
    let text = text.ok_or_else(|| Error::Invalid("'policy' parameter not supplied or empty".to_owned()))?;
    core.policies.put(core, name, decode(text)).await?;
    if !response.warnings.is_empty() {
        response.warnings.extend(call.unknown());
    }
    Ok(response)
}

/// A document may be sent in base64; no document is valid base64 by itself.
fn decode(text: String) -> String {
    let bytes = STANDARD.decode(text.trim()).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or(text)
}

fn check_name(name: &str) -> Result<(), Error> {
    const LENGTH_MAX: usize = 256;
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.@:/+= ".contains(c);
    let segments_fine = name.split('/').all(|segment| !matches!(segment.trim(), "" | "." | ".."));
    if name.len() > LENGTH_MAX || !name.chars().all(plain) || !segments_fine || name.trim() != name {
        return Err(Error::Invalid(format!(
            "invalid policy name: use letters, digits and \"_-.@:/+= \", at most {LENGTH_MAX} characters"
        )));
    }
    Ok(())
}

fn capabilities(core: &Arc<Core>, call: Call<'_>, path: &str) -> Result<Response, Error> {
    let fields = Fields(&call.request.data);
    let caller = call.token.ok_or(Error::Unauthenticated)?;
    let invalid = |text: &str| Error::Invalid(text.to_owned());
    let about = match path {
        "capabilities" => {
            let id = fields.string("token")?.filter(|id| !id.is_empty()).ok_or_else(|| invalid("missing token"))?;
            let other =
                core.tokens.find(core, &crate::secret::Secret::new(id))?.ok_or_else(|| invalid("invalid token"))?;
            core.known(&other)?
        }
        "capabilities-accessor" => {
            let accessor = fields.string("accessor")?.filter(|accessor| !accessor.is_empty());
            let accessor = accessor.ok_or_else(|| invalid("missing accessor"))?;
            let other = core.tokens.find_accessor(core, &accessor)?.ok_or_else(|| invalid("invalid accessor"))?;
            core.known(&other)?
        }
        _ => caller.clone(),
    };
    let policies = &about.judged_by();
    let mut paths = fields.list("paths")?.unwrap_or_default();
    if paths.is_empty() {
        paths = fields.list("path")?.unwrap_or_default();
    }
    if paths.is_empty() {
        return Err(invalid("paths must be supplied"));
    }
    let mut data: Map<String, Value> = Map::new();
    for path in &paths {
        data.insert(path.clone(), json!(core.policies.capabilities(core, policies, path)?));
    }
    if let [path] = paths.as_slice() {
        data.insert("capabilities".to_owned(), json!(core.policies.capabilities(core, policies, path)?));
    }
    Ok(Response::data(Value::Object(data)).repeated())
}
