//! What is remembered of an object that an estate put into an engine. Never a secret.
//!
//! The ledger keeps these in the engine itself. They answer three questions that neither files nor live
//! objects can: whether an object is ours, where it was declared when its declaration is gone, and whether
//! a secret that no engine tells is still the one we wrote.
//!
//! An intent alone proves nothing: whoever wrote it may have been stopped before its object was made, and somebody
//! else may have made one since. So an intent counts for an object that is as it was to be written, or as it was
//! found; anything else at its path is not ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::any_object::Description;
use super::fingerprint;
use super::kind::Kind;
use super::kind::live::Live;
use super::kind::object::{Object, OnChange};
use super::place::Place;
use super::table::KINDS;

/// One object that is ours.
#[derive(Clone, Debug)]
pub struct Owned {
    /// Its sort.
    pub kind: &'static Kind,
    /// The app it was lowered from, if from one.
    pub app: Option<String>,
    /// Where it was declared when it was written last.
    pub place: Place,
    /// The estate's commit that it was written from; `None` outside git.
    pub commit: Option<String>,
    /// The digest of its readable fields as they were declared.
    pub fingerprint: String,
    /// Keyed digests of the write-only fields that were declared, by field.
    pub secrets: BTreeMap<String, String>,
    /// Digests of the declared fields that an engine tells apart from the others, by field. Older versions have keyed
    /// ones, among the secrets.
    pub apart: BTreeMap<String, String>,
    /// Whether it is written for certain.
    pub state: Progress,
    /// Whether it was declared with `protect = true`.
    pub protect: bool,
    /// The guardrails that went with it to the engine: their names, and a digest of what they say.
    pub guardrails: Option<String>,
    /// The digest of the review that its last change was part of.
    pub review: Option<String>,
    /// The digest of the plan that wrote it last; `None` where an older version did.
    pub plan: Option<String>,
    /// The digest of what was there before, where it was taken over.
    pub found: Option<String>,
    /// Of a change that is under way: the digests of what an engine may hold from us instead, which is what was written
    /// before, and what was about to be. What is none of them is somebody else's work. `None` where a part of ours may
    /// stand alone.
    pub besides: Option<Vec<String>>,
    /// Of an object that is being made by several calls: the digests of what there is when only the first have arrived.
    pub partly: Vec<String>,
    /// Fields that nobody declared when it was taken over, as they were. They stay so until somebody does.
    pub adopted: BTreeMap<String, Value>,
    /// The owner whose ledger has it still: it is being taken over from there.
    pub from: Option<String>,
    /// The ids of the keys that an engine may have from us: the one that was written last, and while that is not known
    /// for certain those before. `None` of kinds without keys, and where an older version wrote it.
    pub keys: Option<Vec<String>>,
    /// The id of the key that the engine had when it was settled last: ours, or one that it had without us and that
    /// somebody took for meant. Empty if it had none; `None` where that is not known.
    pub key_last: Option<String>,
    /// The id of the key that a change under way is to take away, if that is none of ours.
    pub replaces: Option<String>,
    /// Whether a change under way revokes the leases that are out once it is made.
    pub revokes: bool,
    /// What becomes of the leases that are out once it is changed, as it was declared: of what goes, no file says it any more.
    pub on_change: OnChange,
}

/// Why what was kept is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is no map.
    #[error("an entry is not a map")]
    NoMap,
    /// A kind that is unknown here: a newer version wrote it.
    #[error("it holds a kind `{0}` that this version does not know; use the version that wrote it")]
    UnknownKind(String),
    /// A part that is not there, or is something else.
    #[error("`{0}` is missing")]
    Missing(String),
    /// The digest of this field is something else.
    #[error("the digest of `{0}` is not text")]
    Digest(String),
    /// A state that there is not.
    #[error("the state `{0}` is not known")]
    UnknownState(String),
}

/// How far writing an object has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// We were about to make it or to take it over: it may or may not have arrived.
    Intended,
    /// It was ours, and we were about to change it.
    Changing,
    /// Written and read back.
    Applied,
}

impl Owned {
    /// Whether what an engine holds at its path is ours, as far as this proves it. Nothing there is nobody else's.
    pub fn is_ours(&self, live: Option<&Live>) -> bool {
        live.filter(|_| self.state == Progress::Intended).is_none_or(|live| self.is_as_written(live))
    }

    /// Whether an object is not as it was written, in what an engine tells. What was not read is not compared.
    pub fn differs(&self, live: &Live) -> bool {
        let other = |(name, digest): (&String, &String)| {
            live.apart.get(name.as_str()).is_some_and(|value| fingerprint::of_value(value) != *digest)
        };
        fingerprint::of_live_as(live, self.kind) != self.fingerprint || self.apart.iter().any(other)
    }

    /// Whether a declaration without a word describes its object otherwise than when it was written: which fields there are,
    /// how each is told, and what becomes of it at the end.
    pub fn is_described_otherwise(&self, object: &Object) -> bool {
        Description::of(self.kind) != Description::of(object.kind)
    }

    /// Whether files say of an object what they said when it was written, in what an engine tells.
    pub fn is_of(&self, object: &Object) -> bool {
        fingerprint::of(object) == self.fingerprint
            && object.apart_digests().iter().all(|(name, digest)| self.apart.get(name) == Some(digest))
    }

    /// Whether an object is not as it was written in something else than its key. Of which key it had then an older
    /// ledger does not know.
    pub fn differs_beside_its_key(&self, live: &Live) -> bool {
        if self.kind.key().is_none() {
            return self.differs(live);
        }
        let is_known = self.keys.is_some() || self.key_last.is_some();
        is_known && self.differs(live) && !self.with_keys(live).any(|digest| digest == self.fingerprint)
    }

    /// Whether an object of which a change is under way is surely none that we wrote, in something else than its key.
    pub fn is_anothers_work(&self, live: &Live) -> bool {
        let Some(besides) = &self.besides else { return false };
        let own = |digest: String| digest == self.fingerprint || besides.contains(&digest);
        !own(fingerprint::of_live_as(live, self.kind)) && !self.with_keys(live).any(own)
    }

    /// Whether somebody else surely changed an object since it was written, or since we were about to change it.
    pub fn was_changed(&self, live: Option<&Live>) -> bool {
        match (self.state, live) {
            // What was gone, and is still, is what somebody took away. Who made what is there now is another matter.
            (Progress::Intended | Progress::Changing, None) => self.besides.is_some(),
            (Progress::Intended, Some(_)) => false,
            (Progress::Changing, Some(live)) => self.is_anothers_work(live),
            (Progress::Applied, None) => true,
            (Progress::Applied, Some(live)) => {
                self.differs(live) || live.hidden.iter().any(|name| self.lacks(live, name))
            }
        }
    }

    /// Whether an engine tells that it has a secret which we did not write.
    pub fn lacks(&self, live: &Live, name: &str) -> bool {
        live.hidden.contains(name) && !self.secrets.contains_key(name)
    }

    /// The digests of an object with each key that the engine had from us, as far as that is known; none of kinds without.
    fn with_keys(&self, live: &Live) -> impl Iterator<Item = String> {
        let keys = self.kind.key().map(|key| {
            let had = self.keys.iter().flatten().chain(&self.key_last).chain(&self.replaces).map(String::as_str);
            had.chain([""]).map(move |id| (key.id, id))
        });
        keys.into_iter().flatten().map(|(field, id)| {
            let mut live = live.clone();
            live.fields.insert(field, Value::from(id));
            fingerprint::of_live_as(&live, self.kind)
        })
    }

    /// Whether an object is one of those that we wrote, in whole or in part, or found: what else is at its path may be
    /// somebody else's, who put it there when ours was gone, or ours and changed by hand.
    pub fn is_as_written(&self, live: &Live) -> bool {
        let digest = fingerprint::of_live_as(live, self.kind);
        let earlier = self.besides.iter().flatten();
        earlier.chain(&self.partly).chain(&self.found).chain([&self.fingerprint]).any(|known| *known == digest)
    }

    /// Whether a key that an engine has is one that it may have from us, or that somebody took for meant.
    pub fn knows_key(&self, key: &str, live: &Live) -> bool {
        let is_from_us = self.keys.iter().flatten().any(|known| known == key);
        is_from_us || self.key_last.as_deref() == Some(key) || self.took_key(live)
    }

    /// Whether a key that an engine has is one that it may have from us.
    pub fn wrote_key(&self, key: &str, live: &Live) -> bool {
        self.keys.iter().flatten().any(|known| known == key) || (self.keys.is_none() && self.took_key(live))
    }

    /// The id of the key that an engine had last, empty if it had none; `None` where that is not known for certain.
    /// `live` is what it has now.
    pub fn last_key(&self, live: &Live) -> Option<String> {
        let settled = self.state == Progress::Applied || self.keys.iter().flatten().next() == self.key_last.as_ref();
        self.key_last.clone().filter(|_| settled).or_else(|| {
            let last = self.keys.as_ref()?.first().cloned().unwrap_or_default();
            let mut before = live.clone();
            before.fields.insert(live.kind.key()?.id, Value::from(&*last));
            self.took_key(&before).then_some(last)
        })
    }

    /// Whether this is what an older version found, key and all: it took it without a word.
    fn took_key(&self, live: &Live) -> bool {
        self.state == Progress::Applied && self.key_last.is_none() && fingerprint::of_live(live) == self.fingerprint
    }

    /// The fields that were declared when it was written, no longer are, and stay: the engine would make one of its own,
    /// and no call lets it.
    pub fn no_longer_declared<'a>(&'a self, object: &'a Object) -> impl Iterator<Item = &'static str> + 'a {
        let stays = |name: &str| self.kind.field(name).filter(|field| field.default == "null");
        let gone =
            self.secrets.keys().chain(self.apart.keys()).filter(|name| !object.fields.contains_key(name.as_str()));
        gone.filter_map(move |name| stays(name)).map(|field| field.name)
    }

    /// The form it is kept in.
    pub fn encode(&self) -> Value {
        let mut value = json!({
            "kind": self.kind.name,
            "app": self.app,
            "file": &*self.place.file,
            "line": self.place.line,
            "column": self.place.column,
            "commit": self.commit,
            "fingerprint": self.fingerprint,
            "secrets": self.secrets,
            "state": match self.state {
                Progress::Intended => "intended",
                Progress::Changing => "changing",
                Progress::Applied => "applied",
            },
            "protect": self.protect,
            "guardrails": self.guardrails,
            "review": self.review,
        });
        // Not every entry has these.
        for (key, text) in [
            ("plan", &self.plan),
            ("found", &self.found),
            ("from", &self.from),
            ("key_last", &self.key_last),
            ("replaces", &self.replaces),
        ] {
            if let Some(text) = text {
                value[key] = Value::from(text.as_str());
            }
        }
        if let Some(besides) = &self.besides {
            value["besides"] = json!(besides);
        }
        if self.revokes {
            value["revokes"] = true.into();
        }
        if self.on_change == OnChange::Revoke {
            value["on_change"] = OnChange::WORDS[1].into();
        }
        if !self.partly.is_empty() {
            value["partly"] = json!(self.partly);
        }
        if !self.adopted.is_empty() {
            value["adopted"] = self.adopted.clone().into_iter().collect::<Map<_, _>>().into();
        }
        if !self.apart.is_empty() {
            value["apart"] = json!(self.apart);
        }
        if let Some(keys) = &self.keys {
            value["keys"] = json!(keys);
        }
        if let Some(description) = Description::of(self.kind) {
            value["described"] = description.encode();
        }
        value
    }

    /// Reads the form that [`Owned::encode`] gives.
    ///
    /// # Errors
    /// Which part is not understood. A kind that is unknown here was written by a newer version.
    pub fn decode(value: &Value) -> Result<Self, Malformed> {
        let map = value.as_object().ok_or(Malformed::NoMap)?;
        let name = text(map, "kind")?;
        let kind =
            *KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| Malformed::UnknownKind(name.to_owned()))?;
        let kind = match map.get("described") {
            Some(described) => {
                Description::decode(described).ok_or_else(|| Malformed::Missing("described".to_owned()))?.kind()
            }
            None => kind,
        };
        let number = |key: &str| {
            map.get(key)
                .and_then(Value::as_u64)
                .and_then(|number| u32::try_from(number).ok())
                .ok_or_else(|| Malformed::Missing(key.to_owned()))
        };
        let secrets =
            map.get("secrets").and_then(Value::as_object).ok_or_else(|| Malformed::Missing("secrets".to_owned()))?;
        Ok(Self {
            kind,
            app: map.get("app").and_then(Value::as_str).map(str::to_owned),
            place: Place { file: Arc::from(text(map, "file")?), line: number("line")?, column: number("column")? },
            commit: map.get("commit").and_then(Value::as_str).map(str::to_owned),
            fingerprint: text(map, "fingerprint")?.to_owned(),
            secrets: secrets
                .iter()
                .map(|(field, digest)| {
                    let digest = digest.as_str().ok_or_else(|| Malformed::Digest(field.clone()))?;
                    Ok((field.clone(), digest.to_owned()))
                })
                .collect::<Result<_, Malformed>>()?,
            state: match text(map, "state")? {
                "intended" => Progress::Intended,
                "changing" => Progress::Changing,
                "applied" => Progress::Applied,
                other => return Err(Malformed::UnknownState(other.to_owned())),
            },
            protect: map
                .get("protect")
                .and_then(Value::as_bool)
                .ok_or_else(|| Malformed::Missing("protect".to_owned()))?,
            guardrails: map.get("guardrails").and_then(Value::as_str).map(str::to_owned),
            review: map.get("review").and_then(Value::as_str).map(str::to_owned),
            plan: map.get("plan").and_then(Value::as_str).map(str::to_owned),
            found: map.get("found").and_then(Value::as_str).map(str::to_owned),
            besides: texts(map, "besides"),
            revokes: map.get("revokes").and_then(Value::as_bool).unwrap_or_default(),
            on_change: map.get("on_change").and_then(Value::as_str).and_then(OnChange::of_word).unwrap_or_default(),
            partly: texts(map, "partly").unwrap_or_default(),
            adopted: map.get("adopted").and_then(Value::as_object).cloned().unwrap_or_default().into_iter().collect(),
            from: map.get("from").and_then(Value::as_str).map(str::to_owned),
            keys: texts(map, "keys"),
            apart: map
                .get("apart")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .filter_map(|(field, digest)| Some((field.clone(), digest.as_str()?.to_owned())))
                .collect(),
            key_last: map.get("key_last").and_then(Value::as_str).map(str::to_owned),
            replaces: map.get("replaces").and_then(Value::as_str).map(str::to_owned),
        })
    }
}

fn texts(map: &Map<String, Value>, key: &str) -> Option<Vec<String>> {
    let texts = map.get(key)?.as_array()?;
    Some(texts.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn text<'a>(map: &'a Map<String, Value>, key: &str) -> Result<&'a str, Malformed> {
    map.get(key).and_then(Value::as_str).ok_or_else(|| Malformed::Missing(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use serde_json::json;

    use super::{OnChange, Owned, Progress};
    use crate::object::{KINDS, Place, acl_policy, fingerprint, testing};

    fn owned() -> Owned {
        Owned {
            kind: KINDS[0],
            app: Some("webapp".to_owned()),
            place: Place { file: Arc::from("apps/webapp.hcl"), line: 3, column: 1 },
            commit: None,
            fingerprint: "ab".repeat(32),
            secrets: BTreeMap::from([("secret_key".to_owned(), "cd".repeat(32))]),
            apart: BTreeMap::from([("role_id".to_owned(), "23".repeat(32))]),
            state: Progress::Intended,
            protect: true,
            guardrails: Some("escalation (0123456789ab)".to_owned()),
            review: Some("ef".repeat(32)),
            plan: Some("45".repeat(32)),
            found: Some("01".repeat(32)),
            besides: Some(vec!["45".repeat(32)]),
            partly: vec!["46".repeat(32)],
            replaces: Some("AKIAREPLACED".to_owned()),
            revokes: true,
            on_change: OnChange::Revoke,
            adopted: BTreeMap::from([("token_no_default_policy".to_owned(), json!(false))]),
            from: Some("pay.prod".to_owned()),
            keys: Some(vec!["AKIA1".to_owned()]),
            key_last: Some("AKIA2".to_owned()),
        }
    }

    #[test]
    fn what_is_kept_reads_back() {
        let value = owned().encode();
        let read = Owned::decode(&value).expect("decodes");
        assert_eq!(read.encode(), value);
        assert_eq!(read.state, Progress::Intended);
        assert_eq!((read.found, read.adopted, read.from), (owned().found, owned().adopted, owned().from));
        assert_eq!((read.besides, read.partly, read.replaces), (owned().besides, owned().partly, owned().replaces));
        assert_eq!((read.revokes, read.on_change), (true, OnChange::Revoke));
        assert_eq!((read.keys, read.key_last, read.apart), (owned().keys, owned().key_last, owned().apart));
        assert_eq!(read.plan, owned().plan);
    }

    #[test]
    fn an_intent_counts_for_what_was_to_be_written_or_was_found_and_for_nothing_else() {
        let path = "sys/policies/acl/a";
        let rules = |text: &str| testing::object(&acl_policy::KIND, path, &[("policy", json!(text))]);
        let live = |text: &str| {
            acl_policy::KIND.live(path, json!({"policy": text}).as_object().expect("a map")).expect("parses")
        };
        let found = Some(fingerprint::of_live(&live("found")));
        let mut entry = Owned { fingerprint: fingerprint::of(&rules("written")), found, ..owned() };
        for (text, ours) in [("written", true), ("found", true), ("another's", false)] {
            assert_eq!(entry.is_ours(Some(&live(text))), ours, "{text}");
        }
        assert!(entry.is_ours(None));
        for state in [Progress::Changing, Progress::Applied] {
            entry.state = state;
            assert!(entry.is_ours(Some(&live("changed by hand"))), "{state:?}");
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (key, value, part) in [
            ("kind", json!("static role"), "static role"),
            ("state", json!("half"), "half"),
            ("line", json!("x"), "line"),
            ("secrets", json!(null), "secrets"),
            ("protect", json!(null), "protect"),
        ] {
            let mut entry = owned().encode();
            entry[key] = value;
            let error = Owned::decode(&entry).expect_err("refused");
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
