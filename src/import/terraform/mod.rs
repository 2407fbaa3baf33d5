//! What Terraform's provider for Vault declares, as objects: a directory of its files, a plan or a state.
//!
//! All three forms become resources (`resource.rs`): files are evaluated as far as that needs nobody (`config.rs`,
//! `evaluate.rs`), JSON is read (`json.rs`). A table says which resource is which object, field by field (`table.rs`), and
//! what comes of it are live objects (`carry.rs`), as if an engine had told them: from there on an import drafts them as what
//! an engine has. What can't be carried over is told with its place, never guessed and never dropped. No secret gets beyond
//! the readers.

mod answer;
mod carry;
mod claims;
mod config;
mod documents;
mod evaluate;
mod functions;
mod json;
mod resource;
mod scope;
mod syntax;
mod table;
mod types;
mod unread;
mod value;

pub use self::carry::Carried;
pub use self::config::Files;
pub use self::resource::Unplaced;
pub use self::unread::Unread;

/// What a directory of Terraform's files declares.
///
/// # Errors
/// [`Unread::Syntax`] and [`Unread::NoJson`].
pub fn of_files(files: &Files<'_>) -> Result<Carried, Unread> {
    Ok(carry::carry(config::read(files)?))
}

/// What a plan or a state holds, as text.
///
/// # Errors
/// All of [`Unread`] but [`Unread::Syntax`].
pub fn of_json(text: &str) -> Result<Carried, Unread> {
    Ok(carry::carry(json::read(text)?))
}
