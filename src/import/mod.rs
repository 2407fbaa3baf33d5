//! What an engine has, or Terraform declares, as files of an estate.
//!
//! Live objects go in, texts come out, and which lines of them are of which object. What the words of the kinds say goes
//! into files as people lay them out: engines together, each app with its login and its roles, the rest by what it is. Where
//! the estate's own reader, or a plan, refuses an object, it is drafted anew without that; the reason is kept. What Terraform
//! declares becomes such objects too (`terraform/`). Nothing here asks an engine or touches a file, and but for the table of
//! Terraform's resources nothing knows a kind.

mod apps;
mod block;
mod draft;
mod files;
mod fresh;
mod hcl;
mod known;
mod report;
pub mod terraform;
mod words;
mod yaml;

use self::block::Block;
pub use self::draft::Draft;
pub use self::files::File;
pub use self::fresh::Fresh;
pub use self::known::{Blamed, Known};
pub use self::report::{Compared, Report};
pub use self::words::Secret;
pub use crate::layout::Syntax;
use crate::units::address::Addresses;

/// The declaration of an environment whose engine is at an address, or a namespace of one there, or embedded where there is
/// none, as a file. `secrets` are the variables that its files name.
pub fn environment(
    name: &str,
    addresses: Option<&Addresses>,
    namespace: Option<&str>,
    secrets: &[Secret],
    syntax: Syntax,
) -> File {
    let block = Block::new("environment", &[name], "");
    let block = match addresses {
        Some(addresses) => block.at(addresses),
        None => block.with("engine", "embedded"),
    };
    let block = namespace.into_iter().fold(block, |block, namespace| block.with("namespace", namespace));
    let allowed: Vec<String> = secrets.iter().map(|secret| format!("env:{}", secret.variable)).collect();
    let block = match addresses {
        Some(_) if !allowed.is_empty() => block.with("secrets", allowed),
        _ => block,
    };
    File { name: format!("environments.{}", syntax.ending()), text: files::page(&[block], syntax).text }
}
