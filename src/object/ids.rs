//! Objects that an engine knows by an id of its own making, and people by a name.

/// The part of an answer with an object's id.
pub(super) const ID: &str = "id";

/// The part of an answer with its name.
pub const NAME: &str = "name";

/// Where such objects are.
#[derive(Debug, PartialEq, Eq)]
pub struct Ids {
    /// The word of files for one of them: `user`.
    pub word: &'static str,
    /// By name: `identity/entity/name`.
    pub by_name: &'static str,
    /// By id: `identity/entity/id`.
    pub by_id: &'static str,
}

impl Ids {
    /// The path of the object of a name.
    pub fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.by_name)
    }

    /// Where the object of an id is read.
    pub fn path_of_id(&self, id: &str) -> String {
        format!("{}/{id}", self.by_id)
    }
}

/// People, and whatever else logs in.
pub(super) static ENTITIES: Ids = Ids { word: "user", by_name: "identity/entity/name", by_id: "identity/entity/id" };

/// Groups of them.
pub(super) static GROUPS: Ids = Ids { word: "group", by_name: "identity/group/name", by_id: "identity/group/id" };

/// What somebody is called whose path this is: the path itself of what is nobody.
pub fn name_of_person(path: &str) -> &str {
    ALL.iter().find_map(|ids| path.strip_prefix(ids.by_name)?.strip_prefix('/')).unwrap_or(path)
}

/// All of them.
pub(super) static ALL: [&Ids; 2] = [&ENTITIES, &GROUPS];
