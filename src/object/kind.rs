//! A kind: the description of a sort of object, which objects and what is live of them refer to.

pub(crate) mod key;
pub(crate) mod live;
pub(crate) mod object;
pub(crate) mod obstacle;
mod paths;
pub mod words;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use self::key::RootKey;
use self::live::Live;
use self::object::Object;
use self::obstacle::{Obstacle, Step};
use super::access_key::KeyChange;
use super::call::{Call, Lacks};
use super::document::Documents;
use super::field::{self, Field, Shape, Told};
use super::home::Home;
use super::review::{AccessFields, LoginWords, Person, Reviewed, Terms};

/// A sort of object.
pub struct Kind {
    /// The field's own word for it: `aws role`, `acl policy`, `secrets engine`.
    pub name: &'static str,
    /// What sort of thing it is: creation goes up through the classes, deletion down.
    pub class: Class,
    /// Where its objects are.
    pub home: Home,
    /// Where the leases are that a change of one concerns.
    pub leases: Leases,
    /// What of it a review reads.
    pub reviewed: Reviewed,
    /// The block that it is declared in.
    pub words: &'static words::Block,
    /// Its fields.
    pub fields: &'static [Field],
    /// How an update treats fields that are not sent.
    pub update: Update,
    /// What deleting does.
    pub delete: Delete,
    /// The API's answer for one object, as this kind's fields (unnormalised), and what else a write must send back.
    pub parse: Parse,
    /// The calls that create it, or that turn `live` into it. None while a secret reference of the object is
    /// unresolved: several endpoints would take the missing field for an empty one.
    pub write: fn(object: &Object, live: Option<&Live>) -> Vec<Call>,
    /// What is special about it; of most kinds little is.
    pub special: Special,
}

/// What not every kind has. One that has nothing of it is [`Special::NONE`]; what is added here touches no other.
pub struct Special {
    /// The key in it that its mount signs with, if it has one.
    pub key: Option<&'static RootKey>,
    /// Those of its fields that ledgers were kept without. Digests leave them out at their defaults, so that an object
    /// is not taken for changed because its kind has grown.
    pub later: &'static [&'static str],
    /// What creating, changing or deleting it does to people, beyond the object itself.
    pub effect: fn(path: &str, change: Changed<'_>) -> Option<String>,
    /// What that does to access keys in AWS.
    pub keys: fn(change: Changed<'_>) -> Option<KeyChange>,
    /// What stands in the way of making, changing or taking it away, which no field says for itself.
    pub obstacle: fn(step: Step<'_>) -> Option<Obstacle>,
    /// What stands for it in the configuration of a server that takes it from there alone.
    pub stanza: fn(object: &Object, live: Option<&Live>) -> Option<String>,
    /// Objects that belong to the engine itself and are never reported or touched (`sys/policies/acl/root`).
    pub built_in: fn(path: &str) -> bool,
    /// The folders of its mount below which something is done to one by its name: `rotate-role`.
    pub acted_in: &'static [&'static str],
    /// Whether a mount of such logins locks out whoever guesses.
    pub locks_out: bool,
    /// Whether engines take its name in any case. Seen with OpenBao 2.6.2.
    pub any_case: bool,
    /// Where else than below a mount who may write makes it another, or uses it: paths, and folders with a slash at
    /// their ends.
    pub written_at: fn(path: &str) -> Vec<String>,
}

impl Special {
    /// Nothing.
    pub const NONE: Self = Self {
        key: None,
        later: &[],
        effect: |_, _| None,
        keys: |_| None,
        obstacle: |_| None,
        stanza: |_, _| None,
        built_in: |_| false,
        acted_in: &[],
        locks_out: false,
        any_case: false,
        written_at: |_| Vec::new(),
    };
}

/// How a kind reads an answer.
pub type Parse = fn(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks>;

/// What sort of thing a kind is, in the order of creation. Deletion goes the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Audit devices: nothing should happen unseen.
    Audit,
    /// Secrets engines and auth methods.
    Mount,
    /// What a mount needs before its roles: root credentials, lease settings.
    Config,
    /// ACL policies.
    Policy,
    /// What no kind describes: it may stand on any of these, and roles and logins on it.
    Other,
    /// Roles of secrets engines.
    Role,
    /// Roles of auth methods: logins.
    Login,
    /// Who has which policies, however they log in. Last to come, first to go.
    Person,
}

/// How an update treats fields that are not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// They stay: send an explicit empty value to clear one.
    Merge,
    /// They go back to their defaults: always send everything.
    Replace,
    /// There is no update: delete, then create.
    Recreate,
}

/// What deleting an object takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delete {
    /// DELETE on its path.
    ByPath,
    /// The engine has no such operation; the object is written back to its defaults while its mount stays, or forgotten,
    /// and this says what stays behind.
    Forget(&'static str),
    /// Neither is there such an operation, nor are its defaults taken; the object is forgotten.
    Keep(&'static str),
}

/// Where the leases are that a change of an object concerns.
#[derive(Debug)]
pub enum Leases {
    /// There are none.
    None,
    /// All of its mount, which it is or whose settings it is.
    OfMount,
    /// Those issued in its name at these folders of the mount, with its name below: `creds` for `aws/creds/<name>`.
    /// The first is the one that apps read.
    Issued(&'static [&'static str]),
    /// There are none: its credentials are read at these folders as they are.
    Unleased(&'static [&'static str]),
}

/// How an object changes, for [`Kind::effect`].
#[derive(Clone, Copy, Debug)]
pub enum Changed<'a> {
    /// It comes.
    Created(&'a Object),
    /// These fields change.
    Updated(&'a Object, &'a [&'static str]),
    /// It goes, as it stands.
    Deleted(&'a Live),
}

impl std::fmt::Debug for Kind {
    /// Its name: its words lead back to it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Kind {}

impl Kind {
    /// The key in it that its mount signs with, if it has one.
    pub fn key(&self) -> Option<&'static RootKey> {
        self.special.key
    }

    /// What creating, changing or deleting one does to people, beyond the object itself.
    pub fn effect(&self, path: &str, change: Changed<'_>) -> Option<String> {
        (self.special.effect)(path, change)
    }

    /// What that does to access keys in AWS.
    pub fn key_change(&self, change: Changed<'_>) -> Option<KeyChange> {
        (self.special.keys)(change)
    }

    /// What stands in the way of making, changing or taking one away.
    pub fn obstacle(&self, step: Step<'_>) -> Option<Obstacle> {
        (self.special.obstacle)(step)
    }

    /// Whether an object belongs to the engine itself, and is never reported or touched.
    pub fn is_built_in(&self, path: &str) -> bool {
        (self.special.built_in)(path)
    }

    /// Where else than below a mount who may write makes one another, or uses it.
    pub fn written_at(&self, path: &str) -> Vec<String> {
        (self.special.written_at)(path)
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether an engine tells the field of this name.
    pub fn tells(&self, name: &str) -> bool {
        self.field(name).is_some_and(|field| field.told == Told::Readable)
    }

    /// Whether objects of it have something that no engine tells.
    pub fn has_hidden(&self) -> bool {
        self.fields.iter().any(|field| field.told == Told::WriteOnly)
    }

    /// An engine's answer for one object, parsed and normalised, with the table's defaults filled in. Fields
    /// that cannot be normalised keep the engine's own spelling, so that they show up as a difference. What a kind
    /// parses beyond its table is kept as it came.
    ///
    /// # Errors
    /// What the answer lacks.
    pub fn live(&'static self, path: &str, data: &Map<String, Value>) -> Result<Live, Lacks> {
        self.live_among(path, data, &mut Documents::default())
    }

    /// As [`Kind::live`], of one answer of many: a policy document that several of them have is parsed once.
    ///
    /// # Errors
    /// What the answer lacks.
    pub fn live_among(
        &'static self,
        path: &str,
        data: &Map<String, Value>,
        documents: &mut Documents,
    ) -> Result<Live, Lacks> {
        let mut parsed = (self.parse)(data)?;
        let (mut fields, mut read) = (BTreeMap::new(), BTreeMap::new());
        for field in self.fields.iter().filter(|field| field.told == Told::Readable) {
            let value = match parsed.remove(field.name) {
                Some(value) => match documents.read(field.shape, &value) {
                    Some(document) => {
                        let canonical = Value::from(document.canonical());
                        read.insert(field.name, document);
                        canonical
                    }
                    None => self.canonical(field, path, field::normalise(field.shape, &value).unwrap_or(value)),
                },
                None => field.default_value(),
            };
            fields.insert(field.name, value);
        }
        let is_set = |field: &&Field| parsed.remove(&format!("{}_set", field.name)) == Some(Value::Bool(true));
        let hidden = self.fields.iter().filter(|field| field.told == Told::WriteOnly);
        let hidden = hidden.filter(is_set).map(|field| field.name).collect();
        parsed.retain(|name, value| self.field(name).is_none() && !value.is_null());
        let (path, apart) = (path.to_owned(), BTreeMap::new());
        Ok(Live { kind: self, path, fields, documents: read, apart, hidden, others: parsed })
    }

    /// The canonical form of a field's value in the object at a path, where it depends on that: of the object's own name it
    /// is that of none, which engines take for it.
    pub fn canonical(&self, field: &Field, path: &str, value: Value) -> Value {
        let is_own = field.shape == Shape::OwnName && self.name_of(path).is_some_and(|name| value == name);
        if is_own { field.default_value() } else { value }
    }

    /// What its credentials may do is judged by engines too: guardrails go with it. Of a user that is there already an
    /// engine knows nothing, and plans have judged it.
    pub fn is_judged(&self) -> bool {
        self.access_fields().is_some_and(|fields| !fields.is_standing())
    }

    /// What stands for an object in the configuration of a server that takes it from there alone.
    pub fn stanza(&self, object: &Object, live: Option<&Live>) -> Option<String> {
        (self.special.stanza)(object, live)
    }

    /// Which of its fields say what its credentials may do; `None` of kinds that are no roles.
    pub fn access_fields(&self) -> Option<&'static AccessFields> {
        match self.reviewed {
            Reviewed::Access(fields) => Some(fields),
            _ => None,
        }
    }

    /// What a review reads of somebody who has policies whatever they log in by; none of what is nobody.
    pub fn person(&self) -> Option<&'static Person> {
        match self.reviewed {
            Reviewed::Rights(rights) => rights.person,
            _ => None,
        }
    }

    /// How a login tells of itself; `None` of other kinds.
    pub fn login_words(&self) -> Option<&'static LoginWords> {
        match self.reviewed {
            Reviewed::Login(words) => Some(words),
            _ => None,
        }
    }

    /// Which of its fields are lease terms.
    pub fn lease_terms(&self) -> Option<Terms> {
        match self.reviewed {
            Reviewed::Terms(terms) => Some(terms),
            Reviewed::Fields(remarks) => remarks.terms,
            _ => None,
        }
    }

    /// What the ids of the leases that an object's change concerns begin with: one for each folder at which something is
    /// issued in its name.
    pub fn lease_prefixes(&self, path: &str) -> Vec<String> {
        let Some(mount) = self.mount_prefix(path) else { return Vec::new() };
        match self.leases {
            Leases::None | Leases::Unleased(_) => Vec::new(),
            Leases::OfMount => vec![mount],
            Leases::Issued(folders) => {
                let name = self.name_of(path);
                folders.iter().filter_map(|folder| Some(format!("{mount}/{folder}/{}", name?))).collect()
            }
        }
    }

    /// The folders of a mount at which something is issued in the name of an object of this kind.
    pub fn issued_in(&self) -> &'static [&'static str] {
        match self.leases {
            Leases::Issued(folders) | Leases::Unleased(folders) => folders,
            Leases::None | Leases::OfMount => &[],
        }
    }
}
