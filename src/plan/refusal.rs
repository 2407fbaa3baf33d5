//! Why a plan may not be applied: what is wrong, where, and what to do next.

use std::fmt;

use super::escape::short;
use crate::estate::Deletes;
use crate::guardrail;
use crate::object::{Kind, Obstacle, Place, keyed_mount};
use crate::text::count;

/// Violations that a refusal tells in full.
const VIOLATIONS_SHOWN_MAX: usize = 3;

/// How many paths a message names before it only counts.
pub(super) const PATHS_SHOWN_MAX: usize = 10;

/// Why a plan may not be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// More deletions than the environment allows.
    TooManyDeletes {
        /// What would be deleted.
        paths: Vec<String>,
        /// How many may be.
        allowed: u32,
    },
    /// More deletions of one kind than the environment allows.
    TooManyOfKind {
        /// The kind.
        kind: &'static Kind,
        /// What would be deleted.
        paths: Vec<String>,
        /// Of how many.
        of: usize,
        /// How many may be.
        allowed: Deletes,
        /// Where that is declared.
        place: Place,
    },
    /// Its declaration is gone, and it was protected.
    Protected {
        /// The object.
        path: String,
        /// Where it was declared.
        place: Place,
    },
    /// Its declaration is gone, and what is at its path is not what was written there.
    NotAsWritten {
        /// The object.
        path: String,
        /// Where it was declared.
        place: Place,
        /// Whether an apply of ours was not seen to end well.
        unsettled: bool,
    },
    /// A field that cannot be changed in place.
    Immutable {
        /// The object.
        path: String,
        /// The fields.
        fields: Vec<&'static str>,
        /// Where it is declared.
        place: Place,
    },
    /// What its kind says against a step.
    Obstacle {
        /// The object.
        path: String,
        /// Where it is declared, or was.
        place: Place,
        /// What it says.
        obstacle: Obstacle,
    },
    /// Something that is to be renamed and that is not ours.
    RenameNotOurs {
        /// Its new path.
        path: String,
        /// Its old one.
        old: String,
        /// Where that is declared.
        place: Place,
    },
    /// Objects that are declared absent, that are there, and that are not ours.
    AbsentNotOurs {
        /// Each object and where that is declared.
        objects: Vec<(String, Place)>,
    },
    /// A selected change that can't be made without another, which was left out by name.
    LeftOut {
        /// The selected object.
        path: String,
        /// Where it is declared, or was.
        place: Place,
        /// The one that is left out.
        other: String,
        /// How they hang together.
        bond: Bond,
    },
    /// Declared objects that are there already and are nobody's.
    NotOurs {
        /// Each object and where it is declared.
        objects: Vec<(String, Place)>,
    },
    /// Declared objects that another estate, or another environment of this one, has in its ledger.
    Anothers {
        /// Each object, who has it, and whether it is there.
        objects: Vec<(String, String)>,
        /// Their names in the ledger.
        owners: Vec<String>,
    },
    /// Objects of which can't be told whether another estate has them.
    Untold {
        /// The objects.
        paths: Vec<String>,
    },
    /// A mount that would take along what is not ours.
    Below {
        /// The mount.
        path: String,
        /// Where it was declared.
        place: Place,
        /// Each object below it, and who has it if anybody does.
        objects: Vec<(String, Option<String>)>,
        /// Folders below it that this token may not list.
        unlisted: Vec<String>,
    },
    /// Something would be written beside a key that stays, and that the write would take away.
    KeyKept {
        /// What, and why not.
        what: String,
    },
    /// A mount would sign for another AWS account, or for one of which that can't be told, while leases of it are out.
    AccountChange {
        /// The mount's root configuration.
        path: String,
        /// Where it is declared.
        place: Place,
        /// How many leases there are; none if the token may not know.
        leases: Option<usize>,
    },
    /// The files are of a commit that came before one that was applied.
    Older {
        /// The files' commit.
        commit: String,
        /// The newer one.
        newer: String,
        /// An object that was written from it.
        example: String,
    },
    /// The history of a shallow clone does not tell whether the files came before what was applied.
    Shallow {
        /// The files' commit.
        commit: String,
        /// One that was applied and is not in it.
        applied: String,
        /// An object that was written from it.
        example: String,
    },
    /// The environment demands more of what is applied to it.
    Demanded {
        /// The environment.
        environment: String,
        /// What is not as it demands, in words.
        unmet: Vec<String>,
    },
    /// It introduces what a guardrail denies.
    Guardrail {
        /// Each violation, in a line.
        violated: Vec<String>,
        /// Whether all that is violated is the end of exceptions.
        ended: bool,
    },
    /// The environment's ledger seems to be of other files.
    Stranger {
        /// The environment.
        environment: String,
        /// An object that is in the ledger, and where it was declared.
        example: (String, Place),
    },
}

/// How a selected change hangs together with one that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bond {
    /// It needs the other, which is not there yet.
    Needs,
    /// It takes something away on which the other stands.
    StandsOn,
    /// Both are one rename.
    Renamed,
}

impl Refusal {
    /// Its name for programs. Stable.
    pub fn id(&self) -> &'static str {
        match self {
            Self::TooManyDeletes { .. } => "too-many-deletes",
            Self::TooManyOfKind { .. } => "too-many-deletes-of-a-kind",
            Self::Protected { .. } => "protected",
            Self::NotAsWritten { .. } => "not-as-written",
            Self::Immutable { .. } => "immutable",
            Self::Obstacle { .. } => "obstacle",
            Self::RenameNotOurs { .. } => "rename-not-ours",
            Self::AbsentNotOurs { .. } => "absent-not-ours",
            Self::LeftOut { .. } => "left-out",
            Self::NotOurs { .. } => "not-ours",
            Self::Anothers { .. } => "anothers",
            Self::Untold { .. } => "ledgers-unread",
            Self::Below { .. } => "takes-others-along",
            Self::KeyKept { .. } => "key-kept",
            Self::AccountChange { .. } => "account-change",
            Self::Older { .. } => "older-files",
            Self::Shallow { .. } => "shallow-clone",
            Self::Demanded { .. } => "demanded",
            Self::Guardrail { .. } => "guardrail",
            Self::Stranger { .. } => "other-files",
        }
    }

    /// The objects that it is about; none where it is about the plan as a whole.
    pub fn paths(&self) -> Vec<&str> {
        fn firsts<T>(objects: &[(String, T)]) -> Vec<&str> {
            objects.iter().map(|(path, _)| path.as_str()).collect()
        }
        match self {
            Self::TooManyDeletes { paths, .. } | Self::TooManyOfKind { paths, .. } | Self::Untold { paths } => {
                paths.iter().map(String::as_str).collect()
            }
            Self::Protected { path, .. }
            | Self::NotAsWritten { path, .. }
            | Self::Immutable { path, .. }
            | Self::Obstacle { path, .. }
            | Self::RenameNotOurs { path, .. }
            | Self::LeftOut { path, .. }
            | Self::Below { path, .. }
            | Self::AccountChange { path, .. } => vec![path],
            Self::AbsentNotOurs { objects } | Self::NotOurs { objects } => firsts(objects),
            Self::Anothers { objects, .. } => firsts(objects),
            Self::KeyKept { .. }
            | Self::Older { .. }
            | Self::Shallow { .. }
            | Self::Demanded { .. }
            | Self::Guardrail { .. }
            | Self::Stranger { .. } => Vec::new(),
        }
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::KeyKept { .. } => "declare the engine's key and its secret, or a new key with on_rotate = \"replace\" in \
                                     `root`; or take the change of the other fields back"
                .to_owned(),
            Self::Anothers { owners, .. } => {
                let flags: Vec<String> = owners.iter().map(|owner| format!("--adopt-from {owner}")).collect();
                format!(
                    "declare each object in one place; what moves to here is taken over, and their ledger forgets it, \
                     with {}",
                    flags.join(" ")
                )
            }
            Self::Untold { .. } => "use a token that may list leasehold/metadata and read leasehold/data/+/objects/*, as \
                                    policies/acl/apply.hcl lets it"
                .to_owned(),
            Self::Below { path, objects, unlisted, .. } => {
                let first = match (objects.is_empty(), unlisted.is_empty()) {
                    (true, _) => "use a token that may list them",
                    (false, true) => "let whoever has them remove them first, or remove what nobody needs (settings that no call removes: write their \
                                      defaults)",
                    (false, false) => "let whoever has them remove them first, and use a token that may list the rest",
                };
                format!("{first}; if the mount is to stay, `leasehold forget {path}`")
            }
            Self::AccountChange { .. } => "let the leases end first, or revoke them; if it is the same account, or their \
                                           users may stay behind in the old one, say so with --allow-account-change"
                .to_owned(),
            Self::Older { .. } => "check out what was applied last, or newer; --allow-older applies the older files, and takes \
                                   back what came after them"
                .to_owned(),
            Self::Shallow { .. } => "fetch the whole history: `git fetch --unshallow`, `fetch-depth: 0` of actions/checkout, \
                                     `GIT_DEPTH: 0` of GitLab; or --allow-older, if the files surely are newer"
                .to_owned(),
            Self::Demanded { environment, .. } => {
                format!("apply what it demands: see `require` in the environment `{environment}`")
            }
            Self::Guardrail { ended: true, .. } => guardrail::ENDED_FIX.to_owned(),
            Self::Guardrail { .. } => "change what is granted, or add an `except` block with a reason, an owner and an \
                                       end to the guardrail"
                .to_owned(),
            Self::Stranger { .. } => "if several estates share this engine, give each its name in the environment, as in \
                                      estate = \"payments\"; if these are the right files, apply the removals first and what \
                                      is new afterwards"
                .to_owned(),
            Self::TooManyDeletes { paths, .. } => format!(
                "if this is meant, set `max_deletes = {}` in the environment, apply, and set it back; where it is not set there, \
                 `--max-deletes {}` is enough",
                paths.len(),
                paths.len()
            ),
            Self::TooManyOfKind { kind, paths, .. } => format!(
                "if this is meant, set `deletes = {}` in `limit \"{}\"` of the environment, apply, and set it back",
                paths.len(),
                kind.name
            ),
            Self::NotAsWritten { path, unsettled: true, .. } => format!(
                "look at what is there (`leasehold read {path}`): if it may go, `leasehold delete {path}`; `leasehold forget \
                 {path}` leaves it there, and gives it up"
            ),
            Self::NotAsWritten { path, .. } => format!(
                "if it is somebody else's, `leasehold forget {path}`; if it is ours, declare it again, apply, and remove it \
                 then"
            ),
            Self::Protected { .. } => {
                "put the declaration back with `protect = false`, apply, and remove it then".to_owned()
            }
            Self::Immutable { .. } => "declare it under another name, move its users, and remove this one".to_owned(),
            Self::Obstacle { obstacle, .. } => obstacle.hint.clone(),
            Self::RenameNotOurs { old, .. } => format!(
                "to rename it, first make it ours: declare {old} as it is, `apply --adopt`, then give it its new name; or leave \
                 `renamed_from` out, and both are there"
            ),
            Self::AbsentNotOurs { .. } => "to take it away, first make it ours: declare it without `absent` and `expires`, `apply \
                                           --adopt`, then say so again; or let whoever has it remove it"
                .to_owned(),
            Self::LeftOut { path, other, .. } => {
                format!("leave {path} out too, or take {other} out of what --exclude names")
            }
            Self::NotOurs { objects } => {
                let has_root = objects.iter().any(|(path, _)| keyed_mount(path).is_some());
                let but = if has_root { ", but for root keys, which stay" } else { "" };
                format!(
                    "look at the differences above; `--adopt` makes them ours and as declared{but} (`--adopt=PATTERN` those at \
                     such paths), or declare yours under other names"
                )
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyDeletes { paths, allowed } => {
                let named = named(paths.iter().cloned());
                let objects = if paths.len() == 1 { "object" } else { "objects" };
                write!(f, "{} {objects} would be deleted, and {allowed} may be: {named}", paths.len())
            }
            Self::TooManyOfKind { kind, paths, of, allowed, place } => {
                let named = named(paths.iter().cloned());
                let kind = kind.name;
                write!(
                    f,
                    "{} of {of} objects of the kind {kind} would be deleted, and {allowed} may be ({place}): {named}",
                    paths.len()
                )
            }
            Self::Protected { path, place } => {
                write!(f, "{path} is protected (it was declared at {place}) and is no longer declared")
            }
            Self::NotAsWritten { path, place, unsettled } => write!(
                f,
                "{path} (it was declared at {place}) would be deleted, and is not as it was written: {}",
                if *unsettled {
                    "our last write of it failed or was not seen to arrive as it was sent, or somebody made another in its \
                     place"
                } else {
                    "somebody changed it, or made another in its place"
                }
            ),
            Self::Immutable { path, fields, place } => {
                write!(f, "{path} ({place}): {} can't be changed once it exists", fields.join(", "))
            }
            Self::Obstacle { path, place, obstacle } => write!(f, "{path} ({place}) {}", obstacle.what),
            Self::KeyKept { what } => f.write_str(what),
            Self::RenameNotOurs { path, old, place } => {
                write!(f, "{path} ({place}) is to be what {old} was, and that is there and not ours")
            }
            Self::AbsentNotOurs { objects } => {
                let named = named(objects.iter().map(|(path, place)| format!("{path} ({place})")));
                let are = if objects.len() == 1 { "object is" } else { "objects are" };
                write!(f, "{} {are} to be absent, there all the same, and not ours: {named}", objects.len())
            }
            Self::LeftOut { path, place, other, bond: Bond::Needs } => {
                write!(f, "{path} ({place}) needs {other}, which is not there yet, and which --exclude leaves out")
            }
            Self::LeftOut { path, place, other, bond: Bond::Renamed } => {
                write!(f, "{path} ({place}) and {other} are one rename, and --exclude leaves out the latter")
            }
            Self::LeftOut { path, place, other, bond: Bond::StandsOn } => write!(
                f,
                "{path} (it was declared at {place}) would be taken away, and --exclude leaves out what stands on it or names \
                 it: {other}"
            ),
            Self::Untold { paths } => {
                let named = named(paths.iter().cloned());
                write!(f, "whether another estate has what would be taken over can't be told with this token: {named}")
            }
            Self::Below { path, place, objects, unlisted } => {
                write!(f, "{path} (it was declared at {place}) would take along ")?;
                let whose = |(path, whose): &(String, Option<String>)| match whose {
                    Some(whose) => format!("{path} ({whose})"),
                    None => path.clone(),
                };
                let named = named(objects.iter().map(whose));
                match objects.len() {
                    0 => {}
                    1 => write!(f, "1 object that is not ours: {named}")?,
                    many => write!(f, "{many} objects that are not ours: {named}")?,
                }
                if !unlisted.is_empty() {
                    let and = if objects.is_empty() { "" } else { "; and " };
                    write!(f, "{and}whatever is in {}, which this token may not list", unlisted.join(", "))?;
                }
                Ok(())
            }
            Self::Anothers { objects, .. } => {
                let named = named(objects.iter().map(|(path, owner)| format!("{path} ({owner})")));
                write!(f, "declared here, and another owner has it: {named}")
            }
            Self::Stranger { environment, example: (path, place) } => write!(
                f,
                "the ledger of the environment `{environment}` on this engine seems to belong to other files: \
                 none of its roles, policies and logins is declared here (one is {path}, from {place})"
            ),
            Self::AccountChange { path, place, leases } => {
                let mount = keyed_mount(path).map_or_else(|| path.clone(), |mount| mount + "/");
                let leases = match leases {
                    Some(1) => "1 lease is out, which".to_owned(),
                    Some(leases) => format!("{leases} leases are out, which"),
                    None => "how many leases are out this token may not know, and they".to_owned(),
                };
                write!(
                    f,
                    "{path} ({place}) would lead {mount} to another AWS account, as far as can be told: {leases} can't be \
                     revoked from there"
                )
            }
            Self::Older { commit, newer, example } => {
                let (commit, newer) = (short(commit), short(newer));
                write!(
                    f,
                    "these files are of commit {commit}, which came before {newer}, from which {example} was applied"
                )
            }
            Self::Shallow { commit, applied, example } => {
                let (commit, applied) = (short(commit), short(applied));
                write!(
                    f,
                    "whether these files, of commit {commit}, came before {applied}, from which {example} was applied, can't be \
                     told: this is a shallow clone without it"
                )
            }
            Self::Demanded { environment, unmet } => {
                write!(f, "the environment `{environment}` does not take this: {}", unmet.join("; "))
            }
            Self::Guardrail { violated, .. } => {
                let named = cut(violated.iter().cloned(), VIOLATIONS_SHOWN_MAX, "; ");
                write!(f, "{}: {named}", count(violated.len(), "guardrail violation"))?;
                if violated.len() > VIOLATIONS_SHOWN_MAX {
                    f.write_str("; `leasehold validate` tells each")?;
                }
                Ok(())
            }
            Self::NotOurs { objects } => {
                let named = named(objects.iter().map(|(path, place)| format!("{path} ({place})")));
                let exist = match objects.len() {
                    1 => "1 declared object exists already and was".to_owned(),
                    many => format!("{many} declared objects exist already and were"),
                };
                write!(f, "{exist} not made from these files: {named}")
            }
        }
    }
}

fn named(items: impl ExactSizeIterator<Item = String>) -> String {
    cut(items, PATHS_SHOWN_MAX, ", ")
}

/// The first of these, with what stands between them, and how many more there are.
pub(super) fn cut(items: impl ExactSizeIterator<Item = String>, most: usize, between: &str) -> String {
    let count = items.len();
    let shown: Vec<String> = items.take(most).collect();
    let rest = count - shown.len();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    shown.join(between) + &more
}
