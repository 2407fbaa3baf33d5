//! The actions of all AWS services, with their access levels: dated, embedded, replaceable by a file.

use super::policy::Scope;

/// What AWS says an action does. Access level is not a risk rating: `secretsmanager:GetSecretValue` is a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// It lists resources.
    List,
    /// It reads what is in a resource.
    Read,
    /// It creates, changes or deletes.
    Write,
    /// It changes tags only.
    Tagging,
    /// It grants or changes permissions.
    PermissionsManagement,
}

/// One action of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action<'a> {
    /// `s3`.
    pub service: &'a str,
    /// `GetObject`, as AWS spells it.
    pub name: &'a str,
    /// Its level.
    pub level: Level,
}

/// A catalogue of actions.
#[derive(Debug)]
pub struct Catalogue {
    date: String,
}

impl Catalogue {
    /// The one in the binary.
    pub fn built_in() -> &'static Self {
        static EMPTY: Catalogue = Catalogue { date: String::new() };
        &EMPTY
    }

    /// Reads a catalogue from the text of a file.
    ///
    /// # Errors
    /// The line that is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let _ = text;
        unimplemented!()
    }

    /// The day of its data: `2026-09-26`.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// An action by `service:Name`, without regard to case.
    pub fn find(&self, action: &str) -> Option<Action<'_>> {
        let _ = action;
        None
    }

    /// The actions that a statement's `Action` or `NotAction` covers, in the order of the catalogue.
    pub fn covered<'a>(&'a self, actions: &'a Scope) -> Vec<Action<'a>> {
        let _ = actions;
        Vec::new()
    }
}
