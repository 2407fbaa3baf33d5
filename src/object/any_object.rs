//! What an engine has at a path of which no kind knows: `object "PATH" { data { ... } }`.
//!
//! Nobody knows its fields but its declaration, so each declaration brings its own table of them, and all that plans,
//! applies, drift and reviews do with a kind follows from that. Fields are kept apart by how they are told: most are read
//! back, those of `ignore` are written and never compared with what is read (a server keeps them in another form), those
//! of `write_only` are secrets. The ledger remembers the table, so that an object whose declaration is gone is read as it
//! was written.
//!
//! At which paths there can be none, `taken.rs` says.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::call::{Call, Lacks, Verb};
use super::field::{Field, Shape, Told, any};
use super::home::Home;
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{ANYTHING, Block, Key};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::leaf::FieldValue;
use super::review::{Remarks, Reviewed};

/// `object "PATH" { ... }`.
pub static OBJECT: Block = Block {
    word: "object",
    label: Some("The path in the API at which it is written and read."),
    doc: "What an engine has at a path for which there is no word.",
    keys: &[
        Key::own("data", Shape::Fields, "Its fields, as the API takes them."),
        Key::own("write_only", Shape::Set, "The fields that are secrets, each a reference; no engine tells them."),
        Key::own("ignore", Shape::Set, "The fields that are written and not compared with what is read."),
        Key::own("delete", Shape::OneOf(&[BY_PATH, KEEP]), "What is done when it is no longer declared."),
        Key::life(),
    ],
    check: ANYTHING,
};

/// It is deleted at its path.
const BY_PATH: &str = "path";

/// It stays, and is nobody's.
pub const KEEP: &str = "keep";

/// Objects without a word. Those that are declared have kinds of the same name, with their fields.
pub static KIND: Kind = described(&[], Delete::ByPath);

/// How a field of such an object is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// It is read back.
    Read,
    /// It is written and never compared with what is read.
    Ignored,
    /// It is a secret.
    Secret,
}

impl How {
    const WORDS: [(&'static str, Self); 3] =
        [("read", Self::Read), ("ignored", Self::Ignored), ("secret", Self::Secret)];
}

/// What a declaration says of its object beside the values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Description {
    /// Its fields.
    pub fields: BTreeMap<String, How>,
    /// Whether it stays when it is no longer declared.
    pub stays: bool,
}

impl Description {
    /// The kind of the objects that are declared so. The same description is always the same kind, and stays in memory: an
    /// estate has as many as it has shapes of such objects.
    pub fn kind(&self) -> &'static Kind {
        static KNOWN: Mutex<BTreeMap<Description, &'static Kind>> = Mutex::new(BTreeMap::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kind) = known.get(self) {
            return kind;
        }
        let fields: Vec<Field> = self.fields.iter().map(|(name, how)| field(name, *how)).collect();
        let delete = if self.stays { Delete::Keep("stays as it is: its declaration said so") } else { Delete::ByPath };
        let kind: &'static Kind = Box::leak(Box::new(described(Vec::leak(fields), delete)));
        known.insert(self.clone(), kind);
        kind
    }

    /// What a kind of such objects was made of; `None` of other kinds.
    pub fn of(kind: &Kind) -> Option<Self> {
        let Home::Anywhere = kind.home else { return None };
        let how = |field: &Field| match (field.told, field.shape) {
            (Told::WriteOnly, Shape::Secret) => How::Secret,
            (Told::WriteOnly, _) => How::Ignored,
            _ => How::Read,
        };
        let fields = kind.fields.iter().map(|field| (field.name.to_owned(), how(field))).collect();
        Some(Self { fields, stays: matches!(kind.delete, Delete::Keep(_)) })
    }

    /// The form that a ledger keeps.
    pub fn encode(&self) -> Value {
        let word = |how: How| How::WORDS.iter().find(|(_, one)| *one == how).map(|(word, _)| *word);
        let fields: Map<String, Value> =
            self.fields.iter().map(|(name, how)| (name.clone(), Value::from(word(*how)))).collect();
        json!({ "fields": fields, "stays": self.stays })
    }

    /// Reads what [`Description::encode`] gives; `None` where it is something else.
    pub fn decode(value: &Value) -> Option<Self> {
        let how = |word: &Value| How::WORDS.iter().find(|(one, _)| word == one).map(|(_, how)| *how);
        let fields = value.get("fields")?.as_object()?.iter();
        let fields = fields.map(|(name, word)| Some((name.clone(), how(word)?))).collect::<Option<_>>()?;
        Some(Self { fields, stays: value.get("stays")?.as_bool()? })
    }
}

/// What an engine tells of something that no kind describes, as an object of these fields. What is empty in the answer is no
/// field of it.
///
/// # Errors
/// None at present: any answer is one.
pub fn told_anything(path: &str, data: &Map<String, Value>) -> Result<Live, Lacks> {
    let says = data.iter().filter(|(_, value)| !any(value).is_null());
    let fields = says.map(|(name, _)| (name.clone(), How::Read)).collect();
    Description { fields, stays: false }.kind().live(path, data)
}

fn field(name: &str, how: How) -> Field {
    let (told, shape) = match how {
        How::Read => (Told::Readable, Shape::Any),
        How::Ignored => (Told::WriteOnly, Shape::Any),
        How::Secret => (Told::WriteOnly, Shape::Secret),
    };
    let name = String::leak(name.to_owned());
    Field { name, shape, default: "null", told, immutable: false, doc: "What its declaration says." }
}

const fn described(fields: &'static [Field], delete: Delete) -> Kind {
    Kind {
        name: "object",
        class: Class::Other,
        home: Home::Anywhere,
        leases: Leases::None,
        reviewed: Reviewed::Fields(&REMARKS),
        words: &OBJECT,
        fields,
        update: Update::Merge,
        delete,
        parse: |data| Ok::<_, Lacks>(data.clone()),
        write,
        special: Special { effect, ..Special::NONE },
    }
}

static REMARKS: Remarks =
    Remarks { unknown: Some("what it allows is not known here: no word describes it"), ..Remarks::NONE };

/// One write of all that is declared, as it was written: what it means is between its author and the engine.
fn write(object: &Object, _live: Option<&Live>) -> Vec<Call> {
    let mut body = Map::new();
    for (name, leaf) in &object.fields {
        let value = match &leaf.value {
            FieldValue::Data(_) => object.wording(name),
            FieldValue::Secret(secret) => Value::from(secret.expose()),
            FieldValue::Unresolved(_) => return Vec::new(),
        };
        body.insert((*name).to_owned(), value);
    }
    vec![Call { verb: Verb::Write, path: object.path.clone(), body, made: Vec::new() }]
}

fn effect(_path: &str, change: Changed<'_>) -> Option<String> {
    match change {
        Changed::Created(_) | Changed::Updated(..) => None,
        Changed::Deleted(_) => Some("what hangs on it is not known here".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{Description, How, KIND};
    use crate::object::testing::{calls, leaf};
    use crate::object::{FieldValue, Object, Place, fingerprint};
    use crate::secret::Secret;

    fn description() -> Description {
        let fields = [("ttl", How::Read), ("hint", How::Ignored), ("password", How::Secret)];
        let fields = fields.map(|(name, how)| (name.to_owned(), how)).into_iter().collect();
        Description { fields, stays: false }
    }

    #[test]
    fn a_description_is_one_kind_and_reads_back() {
        let kind = description().kind();
        assert!(std::ptr::eq(kind, description().kind()));
        assert_eq!(Description::of(kind), Some(description()));
        assert_eq!(Description::decode(&description().encode()), Some(description()));
        assert_eq!(Description::of(&KIND), Some(Description { fields: BTreeMap::new(), stays: false }));
        assert_eq!(Description::decode(&json!({"fields": {"a": "else"}, "stays": false})), None);
    }

    #[test]
    fn all_is_written_as_it_stands_and_compared_as_it_is_told() {
        let kind = description().kind();
        let place = Place { file: "a.hcl".into(), line: 1, column: 1 };
        let mut object = Object::at_defaults(kind, "db/config/main", None, &place);
        let wording = json!("1h");
        object.fields.insert("ttl", crate::object::Leaf::of_any(&wording, place));
        object.fields.insert("hint", leaf(FieldValue::Data(json!("a"))));
        object.fields.insert("password", leaf(FieldValue::Unresolved("env:P".to_owned())));
        assert_eq!(calls(&object, None), json!([]));
        object.resolve("password", Secret::new("hunter2")).expect("a field");
        let expected = json!([["db/config/main", {"ttl": "1h", "hint": "a", "password": "hunter2"}]]);
        assert_eq!(calls(&object, None), expected);
        for told in [json!(3600), json!("3600"), json!("1h0m0s"), json!("60m")] {
            let answer = json!({"ttl": told, "other": 1});
            let live = kind.live("db/config/main", answer.as_object().expect("a map")).expect("parses");
            assert_eq!(fingerprint::of(&object), fingerprint::of_live(&live), "{told}");
        }
    }
}
