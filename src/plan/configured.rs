//! What a server takes from its own configuration alone: a plan compares it, shows what is to be written there, and changes
//! nothing of it. It is nobody's in the ledger.

use super::change::{Change, ChangeAction};
use super::input::Input;
use crate::object::{Home, Kind, Object, Taking};

/// Something that is to be written in the server's configuration.
#[derive(Clone, Debug)]
pub struct Configured {
    /// What becomes of it, once that is done.
    pub change: Change,
    /// What stands for it there.
    pub stanza: String,
}

impl Configured {
    /// What is to be written, if an object is not there as it is declared.
    fn of(change: Option<Change>, object: &Object) -> Option<Self> {
        let change = change?;
        let live = change.live.as_ref();
        let action = match live {
            None => ChangeAction::Create,
            // It is nobody's, so there is nothing to take over.
            Some(_) if change.fields.is_empty() => return None,
            Some(_) => ChangeAction::Update,
        };
        let stanza = object.kind.stanza(object, live)?;
        Some(Self { change: Change { action, effects: Vec::new(), guardrails: None, ..change }, stanza })
    }

    /// What to do.
    pub(crate) fn what(&self) -> &'static str {
        match self.change.action {
            ChangeAction::Create => {
                "this server takes it from its configuration alone: write this there, and have it read anew (SIGHUP)"
            }
            _ => {
                "this server takes it from its configuration alone, and no change of what it has: take it out there and have \
                 that read (SIGHUP), then write this and have that read"
            }
        }
    }
}

/// What becomes of an object here, and what in the server's configuration.
pub(super) fn apart(
    change: Option<Change>,
    object: &Object,
    input: &Input<'_>,
) -> (Option<Change>, Option<Configured>) {
    match Taking::of(&object.kind.home, input.taking) {
        Taking::ByApi => (change, None),
        Taking::FromConfiguration => (None, Configured::of(change, object)),
        Taking::Unknown => {
            let doubted = change.map(|mut change| {
                change.effects.extend(doubt(object.kind));
                change
            });
            (doubted, None)
        }
    }
}

/// What is to be said of a change of which is not known whether the server takes it.
fn doubt(kind: &Kind) -> Option<String> {
    let Home::Entry(table) = kind.home else { return None };
    let path = table.configured.as_ref()?.path;
    Some(format!("whether this server takes it by its API is not known: this token may not read {path}"))
}

/// What is to be said of what is forgotten since it is the server's own.
pub(super) const STAYS: &str =
    "this server takes it from its configuration alone: it stays until it is taken out there";
