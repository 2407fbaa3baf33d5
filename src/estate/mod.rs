//! Files to declarations to desired objects.
//!
//! HCL and YAML are two spellings of one tree. Every value of that tree keeps its place, through merge,
//! override and lowering, so that whatever is wrong later points at what the author wrote. Problems are
//! collected: a run tells all of them. Files are data from strangers: size, depth, count and reach are
//! bounded before anything is parsed.

mod blocks;
mod declared;
mod excerpt;
mod explain;
mod hcl;
mod ignore;
mod interpolate;
mod json_schema;
mod load;
mod lower;
mod near;
mod outline;
mod parsed;
mod problem;
mod read;
mod schema;
mod source;
mod span;
mod spelling;
pub(crate) mod tree;
mod value;
pub(crate) mod walk;
mod yaml;

pub(crate) use blocks::{has_key, is_labelled};
pub use declared::{
    App, Assertion, AwsChoice, Deletes, Demands, DriftRules, EngineChoice, Environment, Estate, IamPrincipal, Ignored,
    KeyChoice, Level, Limit, Login, MAX_DELETES_DEFAULT, ManagedPolicy, Test, Weighed,
};
pub use excerpt::render;
pub use explain::{Explained, Inside, explain, explain_all};
pub use json_schema::json_schema;
pub use load::{Checked, check, environment, load, load_each, warnings, yaml_problems};
pub(crate) use load::{DECLARATIONS, declaring};
pub use lower::{derived_rules, requests_with};
pub use near::{is_near, root};
pub(crate) use parsed::{hcl_syntax, tree_of};
pub use problem::{Label, Problem, Severity};
pub(crate) use read::{check_text, read_text};
pub use read::{read_any, read_directory};
pub use source::{Lookup, Source, Sources, Unread};
