//! A block of a guardrail with its rules, and its form on the wire: `{"require": {"max_ttl": 60}}`.
//!
//! What is not known is refused: an engine that is older than who sends must not drop a demand.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Holds, Rule, blocks, of_block};

/// A block of a guardrail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    block: &'static str,
    rules: Vec<Rule>,
}

/// Why something is no block of a guardrail.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// There is no such block.
    #[error("unknown rule `{0}`: this program knows {known}", known = blocks().map(|block| block.name).collect::<Vec<_>>().join(", "))]
    Block(String),
    /// A block has no such key.
    #[error("unknown field `{key}` of `{block}`: this program knows {known}", known = keys(block).join(", "))]
    Key {
        /// The block.
        block: &'static str,
        /// The key.
        key: String,
    },
    /// What stands there is of another type.
    #[error(transparent)]
    Value(#[from] serde_json::Error),
}

fn keys(block: &str) -> Vec<&'static str> {
    of_block(block).flat_map(|rule| rule.words).map(|word| word.key).collect()
}

impl Clause {
    /// The block of this name that says this.
    ///
    /// # Errors
    /// What of it is not known.
    pub fn read(block: &str, mut said: Map<String, Value>) -> Result<Self, Malformed> {
        let Some(known) = blocks().find(|known| known.name == block) else {
            return Err(Malformed::Block(block.to_owned()));
        };
        let mut rules = Vec::new();
        for rule in of_block(known.name) {
            let own: Map<String, Value> = rule
                .words
                .iter()
                .filter_map(|word| {
                    said.shift_remove(word.key)
                        .filter(|value| !word.is_nothing(value))
                        .map(|value| (word.key.to_owned(), value))
                })
                .collect();
            // A demand that is not made is none. A block that is one rule is there, whatever it says.
            if !own.is_empty() || known.holds != Holds::Several {
                rules.push((rule.read)(own)?);
            }
        }
        match said.into_iter().next() {
            Some((key, _)) => Err(Malformed::Key { block: known.name, key }),
            None => Ok(Self { block: known.name, rules }),
        }
    }

    /// The block with just this rule.
    pub fn of(rule: Rule) -> Self {
        Self { block: rule.block(), rules: vec![rule] }
    }

    /// Its rules.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The same without some rules.
    pub(in crate::guardrail) fn retain(&mut self, keeps: impl Fn(&Rule) -> bool) {
        self.rules.retain(keeps);
    }

    fn said(&self) -> Result<Map<String, Value>, serde_json::Error> {
        let mut all = Map::new();
        for rule in &self.rules {
            if let Value::Object(own) = rule.said()? {
                all.extend(own);
            }
        }
        let words = of_block(self.block).flat_map(|rule| rule.words);
        let said = words.filter_map(|word| {
            let own = all.shift_remove(word.key).filter(|value| !word.is_nothing(value));
            Some((word.key.to_owned(), own.or_else(|| word.unsaid())?))
        });
        Ok(said.collect())
    }
}

impl Serialize for Clause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.block, &self.said().map_err(S::Error::custom)?)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Clause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Once(blocks) = Once::<Once<Value>>::deserialize(deserializer)?;
        let mut blocks = blocks.into_iter();
        match (blocks.next(), blocks.next()) {
            (Some((block, Once(said))), None) => {
                Self::read(&block, said.into_iter().collect()).map_err(D::Error::custom)
            }
            _ => Err(D::Error::custom("a rule is an object with one key, the name of its block")),
        }
    }
}

/// The entries of an object, each key once: of two that are the same, one would be dropped.
struct Once<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Once<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

struct Entries<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
    type Value = Once<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries: Vec<(String, T)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, T>()? {
            if entries.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom(format!("`{key}` stands twice")));
            }
            entries.push((key, value));
        }
        Ok(Once(entries))
    }
}
