//! ACL policies: what a token may do.
//!
//! A policy is a document (`policy/<name>` in the store); the rules of all policies of a token are
//! merged and compiled once ([`Acl`]) and kept per set of names, until any policy is written.
//! The names are the key of that cache as a list, never joined into one string. Rules whose paths hold templates are
//! filled in with who asks, and kept likewise, with the facts that they were filled in with.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Map, Value};

use crate::acl::document::{self, Document, DocumentError, Rule};
use crate::acl::template::{self, Facts};
use crate::acl::{self, Acl, Capability, Decision};
use crate::engine::kernel::Kernel;
use crate::engine::kernel::barrier::{Barrier, Batch};
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::Request;

/// The record of one policy.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Stored {
    text: String,
}

/// More sets of policies than any sensible number of roles; past it the cache starts anew.
const CACHE_SETS_MAX: usize = 4096;

/// More holders of templated policies than ask at a time; past it the cache starts anew.
const CACHE_FILLED_MAX: usize = 16_384;

/// By which policies somebody is judged.
#[derive(Clone, Debug)]
pub(crate) struct Grants<'a> {
    /// Their names, sorted, each once.
    pub(crate) names: Cow<'a, [String]>,
    /// What their templates are filled in with; none for nobody, to whom templates give nothing.
    pub(crate) facts: Option<&'a Arc<Facts>>,
}

/// The policies.
pub(crate) struct Policies {
    cache: RwLock<Cache>,
}

#[derive(Default)]
struct Cache {
    /// Counts the writes, so that rules read before a write are not kept after it.
    generation: u64,
    sets: HashMap<Vec<String>, Compiled>,
    /// Templates filled in, by the set's names and the entity's id, for as long as the facts are those.
    filled: HashMap<(Vec<String>, String), Filled>,
}

/// Rules with templates filled in, and with what.
type Filled = (Arc<Facts>, Arc<Acl>);

/// The rules of policies, by their names.
type Rules = Vec<(String, Vec<Rule>)>;

/// The rules of a set of policies.
#[derive(Clone)]
struct Compiled {
    /// Without those with templates.
    plain: Arc<Acl>,
    /// All of them, by policy, where some have templates.
    templated: Option<Arc<Rules>>,
}

impl Policies {
    /// Makes sure that the built-in `default` is there: in `first`, if it is not yet.
    pub(crate) fn open(barrier: &Barrier, first: &mut Batch) -> Result<Self, Error> {
        if barrier.get::<Stored>(&key("default"))?.is_none() {
            first.put(key("default"), &Stored { text: DEFAULT.to_owned() })?;
        }
        Ok(Self { cache: RwLock::new(Cache::default()) })
    }

    /// What a token's policies let it do on `path`.
    pub(crate) fn check(
        &self,
        kernel: &Kernel,
        grants: &Grants<'_>,
        capability: Capability,
        path: &str,
        data: &Map<String, Value>,
    ) -> Result<Decision, Error> {
        let acl = self.acl(kernel, grants)?;
        Ok(acl.about(path, &kernel.mounts.folded(path)).decide(capability, path, data))
    }

    /// What they let it do by `capability` in a whole request.
    pub(crate) fn check_request(
        &self,
        kernel: &Kernel,
        grants: &Grants<'_>,
        capability: Capability,
        request: &Request,
    ) -> Result<Decision, Error> {
        let (path, acl) = (&request.path, self.acl(kernel, grants)?);
        let acl = acl.about(path, &kernel.mounts.folded(path));
        Ok(acl.decide_wrapped(capability, path, &request.data, request.wrap_ttl))
    }

    /// What `sys/capabilities` answers for `path`, in whichever spelling it is given.
    pub(crate) fn capabilities(&self, kernel: &Kernel, grants: &Grants<'_>, path: &str) -> Result<Vec<String>, Error> {
        let mut clean: String = path.split('/').filter(|segment| !segment.is_empty()).collect::<Vec<_>>().join("/");
        if path.ends_with('/') && !clean.is_empty() {
            // Asked about a folder, it is a list that is meant.
            clean.push('/');
        }
        let folded = kernel.mounts.folded(&clean);
        let clean = acl::in_lower_case(&clean, &folded);
        Ok(self.acl(kernel, grants)?.about(&clean, &folded).capabilities(&clean))
    }

    /// The compiled rules of these policies. Names without a policy grant nothing.
    pub(crate) fn acl(&self, kernel: &Kernel, grants: &Grants<'_>) -> Result<Arc<Acl>, Error> {
        let (generation, known) = {
            let cache = self.cache.read().unwrap_or_else(PoisonError::into_inner);
            (cache.generation, cache.sets.get(&*grants.names).cloned())
        };
        let compiled = match known {
            Some(compiled) => compiled,
            None => self.keep(generation, &grants.names, Self::compile(kernel, &grants.names)?),
        };
        match (&compiled.templated, grants.facts) {
            (Some(rules), Some(facts)) => Ok(self.filled(generation, &grants.names, rules, facts)),
            _ => Ok(compiled.plain),
        }
    }

    fn keep(&self, generation: u64, names: &[String], compiled: Compiled) -> Compiled {
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        if cache.generation == generation {
            if cache.sets.len() >= CACHE_SETS_MAX {
                cache.sets.clear();
            }
            cache.sets.insert(names.to_vec(), compiled.clone());
        }
        compiled
    }

    /// The rules as they are for whom the facts are about.
    fn filled(&self, generation: u64, names: &[String], rules: &[(String, Vec<Rule>)], facts: &Arc<Facts>) -> Arc<Acl> {
        let key = (names.to_vec(), facts.id.clone());
        {
            let cache = self.cache.read().unwrap_or_else(PoisonError::into_inner);
            let found = cache.filled.get(&key).filter(|(known, _)| cache.generation == generation && known == facts);
            if let Some((_, acl)) = found {
                return acl.clone();
            }
        }
        let fill = |rule: &Rule| Some(Rule { path: template::fill(&rule.path, facts)?, ..rule.clone() });
        let of_policy = |(name, rules): &(String, Vec<Rule>)| (name.clone(), rules.iter().filter_map(fill).collect());
        let filled: Rules = rules.iter().map(of_policy).collect();
        let acl = Arc::new(Acl::compile(filled.iter().map(|(name, rules)| (name.as_str(), rules.as_slice()))));
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        if cache.generation == generation {
            if cache.filled.len() >= CACHE_FILLED_MAX {
                cache.filled.clear();
            }
            cache.filled.insert(key, (facts.clone(), acl.clone()));
        }
        acl
    }

    fn compile(kernel: &Kernel, names: &[String]) -> Result<Compiled, Error> {
        if names.iter().any(|name| name == "root") {
            return Ok(Compiled { plain: Arc::new(Acl::root()), templated: None });
        }
        let mut policies = Rules::new();
        for name in names {
            if let Some(text) = Self::text(kernel, name)? {
                let rules = document::parse_with_templates(&text)
                    .map_err(|error| Error::Internal(format!("the stored policy {name} does not parse: {error}")))?;
                policies.push((name.clone(), rules));
            }
        }
        let is_templated = |rule: &Rule| template::is_templated(&rule.path);
        let plain: Vec<(&str, Vec<Rule>)> = policies
            .iter()
            .map(|(name, rules)| (name.as_str(), rules.iter().filter(|rule| !is_templated(rule)).cloned().collect()))
            .collect();
        let plain = Arc::new(Acl::compile(plain.iter().map(|(name, rules)| (*name, rules.as_slice()))));
        let some = policies.iter().any(|(_, rules)| rules.iter().any(is_templated));
        Ok(Compiled { plain, templated: some.then(|| Arc::new(policies)) })
    }

    /// Whether there is a policy of this name.
    pub(crate) fn exists(&self, kernel: &Kernel, name: &str) -> Result<bool, Error> {
        Ok(name == "root" || Self::text(kernel, name)?.is_some())
    }

    /// The document as it was written; none for `root`, which has none, and for what is absent.
    pub(crate) fn text(kernel: &Kernel, name: &str) -> Result<Option<String>, Error> {
        if name == RESERVED {
            return Ok(Some(WRAPPING.to_owned()));
        }
        Ok(kernel.barrier.get::<Stored>(&key(name))?.map(|stored| stored.text))
    }

    /// Stores a document that parses; durable, and in force for the next request, when it returns.
    pub(crate) async fn put(&self, kernel: &Kernel, name: &str, text: String) -> Result<(), Error> {
        let refused = |error: DocumentError| Error::Invalid(error.to_string());
        let document = Document::parse(&text).map_err(|error| refused(error.into()))?;
        document.rules().map_err(refused)?;
        if let Some(error) = document.not_served() {
            return Err(refused(error));
        }
        let mut batch = Batch::new();
        batch.put(key(name), &Stored { text })?;
        self.commit(kernel, batch).await
    }

    pub(crate) async fn delete(&self, kernel: &Kernel, name: &str) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.delete(key(name));
        self.commit(kernel, batch).await
    }

    async fn commit(&self, kernel: &Kernel, batch: Batch) -> Result<(), Error> {
        let result = kernel.barrier.commit(batch).await;
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        cache.generation += 1;
        cache.sets.clear();
        cache.filled.clear();
        result
    }

    /// All names, `root` included, in order.
    pub(crate) fn names(kernel: &Kernel) -> Result<Vec<String>, Error> {
        let keys = kernel.barrier.keys(KEY_PREFIX, None, usize::MAX)?;
        let mut names: Vec<String> = keys.iter().map(|key| key[KEY_PREFIX.len()..].to_owned()).collect();
        names.push("root".to_owned());
        names.sort_unstable();
        Ok(names)
    }
}

const KEY_PREFIX: &str = "policy/";

fn key(name: &str) -> String {
    format!("{KEY_PREFIX}{name}")
}

/// The policy names of a parameter, cleaned; none where it was not given. A list of nothing but blanks is a list
/// without a name and not an absent one, which would mean all that the caller has.
pub(crate) fn named(fields: Fields<'_>, parameter: &str) -> Result<Option<Vec<String>>, Error> {
    if fields.0.get(parameter).is_none_or(Value::is_null) {
        return Ok(None);
    }
    Ok(fields.list(parameter)?.map(|names| sanitise(&names)))
}

/// Policy names as tokens hold them: trimmed, lower case, sorted, each once; `root` stands alone.
pub(crate) fn sanitise(names: &[String]) -> Vec<String> {
    let mut names: Vec<String> =
        names.iter().map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    if names.iter().any(|name| name == "root") { vec!["root".to_owned()] } else { names }
}

/// The policy of wrapping tokens: nobody may write it, or have it by hand.
pub(crate) const RESERVED: &str = "response-wrapping";

/// Refuses to give a token the policy that is reserved.
///
/// # Errors
/// [`Error::Invalid`] when it is among `names`.
pub(crate) fn assignable(names: &[String]) -> Result<(), Error> {
    match names.iter().find(|name| *name == RESERVED) {
        Some(name) => Err(Error::Invalid(format!("cannot assign policy {name:?}"))),
        None => Ok(()),
    }
}

/// What a wrapping token may do (Vault, "Response wrapping").
const WRAPPING: &str = r#"path "cubbyhole/response" {
  capabilities = ["create", "read"]
}
path "sys/wrapping/unwrap" {
  capabilities = ["update"]
}
"#;

/// The built-in policy that tokens get unless they say no: a token's own affairs. Parts of Vault's that
/// this engine has no paths for (identity tokens, tools) are left out.
const DEFAULT: &str = r#"# What every token may do about itself. Edit it as you like; it cannot be deleted.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
path "sys/capabilities-self" {
  capabilities = ["update"]
}
# Renewing and looking up a lease needs its id. Ending one early is not a default right.
path "sys/renew" {
  capabilities = ["update"]
}
path "sys/leases/renew" {
  capabilities = ["update"]
}
path "sys/leases/lookup" {
  capabilities = ["update"]
}
# What a token keeps for itself, and answers that lie wrapped.
path "cubbyhole/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}
path "sys/wrapping/wrap" {
  capabilities = ["update"]
}
path "sys/wrapping/lookup" {
  capabilities = ["update"]
}
path "sys/wrapping/unwrap" {
  capabilities = ["update"]
}
"#;

#[cfg(test)]
mod tests {
    use super::{DEFAULT, WRAPPING, document, sanitise};

    #[test]
    fn the_default_policy_parses() {
        assert_eq!(document::parse(DEFAULT).unwrap().len(), 11);
        assert_eq!(document::parse(WRAPPING).unwrap().len(), 2);
    }

    #[test]
    fn names_are_cleaned_before_anything_looks_at_them() {
        let clean = |names: &[&str]| sanitise(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(clean(&["b", " A ", "", "a"]), ["a", "b"]);
        // ` Root` must meet the checks for root (CVE-2025-5999).
        assert_eq!(clean(&["dev", " Root\t"]), ["root"]);
    }
}
