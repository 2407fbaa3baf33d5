//! The plan: what would change in an engine, as a value.
//!
//! A plan is computed once from what the files say, what the engine holds and what the ledger says is ours.
//! People read it, programs read it, limits judge it, and apply carries it out: all from this one value, so
//! that the summary, the exit code and what is done cannot disagree. It holds no secret, and each change
//! holds the live object it was computed from, so that apply can tell whether the world has moved since.
//! Pure: reading is done elsewhere.

mod adopt;
mod attached;
mod change;
mod configured;
mod diff;
mod escape;
mod fields;
mod html;
mod impact;
mod input;
mod json;
mod junit;
mod kept;
mod limit;
mod markdown;
mod moved;
mod obstacle;
mod order;
mod outstanding;
mod ownership;
mod refusal;
mod rename;
mod reviewed;
mod revoke;
pub mod saved;
mod select;
mod selection;
mod summary;
#[cfg(test)]
mod testing;
mod text;
mod value;

pub use self::adopt::{Adopt, EVERYTHING, check_adopt};
pub use self::attached::{Attached, Attacher};
pub use self::change::{Change, ChangeAction, FieldChange, Renamed, Shown, Summary, Unmanaged};
pub use self::configured::Configured;
pub use self::escape::{escape, short};
pub use self::fields::{differences, secret_digests};
pub(crate) use self::html::lines_html;
pub use self::impact::Impact;
pub use self::input::{Claim, Claims, Input, Others};
pub use self::json::field_json;
pub use self::kept::{Kept, Reason, Standing, add_keys_before, keep_keys};
pub use self::limit::MAX_DELETES_DEFAULT;
pub(crate) use self::limit::is_outdated;
pub(crate) use self::markdown::{fenced, section};
pub use self::moved::three_ways;
pub use self::order::{blockers, stages};
pub use self::outstanding::{Folder, LeaseFate, Outstanding};
pub use self::ownership::{adopt_fields, with_adopted};
pub use self::refusal::{Bond, Refusal};
pub use self::reviewed::Reviewed;
pub use self::selection::{Along, Asked, Grants, LeftOut, Selected, Selection, Unknown};
pub(crate) use self::summary::WHOLE_MAX;
pub use self::text::show;
pub(crate) use self::text::{Page, files_of};
pub use self::value::{Plan, PutBack};
