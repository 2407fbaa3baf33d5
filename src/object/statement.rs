//! The block of a statement, which is in whatever has a policy document.

use super::Shape;
use super::words::{ANYTHING, Block, Key};

/// `statement "name" { ... }`, in whatever has a policy document. Source: IAM User Guide, "IAM JSON policy element
/// reference".
pub static STATEMENT: Block = Block {
    word: "statement",
    label: Some("The statement's Sid."),
    doc: "A statement of a policy document.",
    keys: &[
        Key::own("effect", Shape::OneOf(&["Allow", "Deny"]), "Whether it allows, which is the default, or denies."),
        Key::own("actions", Shape::List, "The actions that it is about."),
        Key::own("not_actions", Shape::List, "Instead: the only actions that it is not about."),
        Key::own("resources", Shape::List, "The ARNs that it is about."),
        Key::own("not_resources", Shape::List, "Instead: the only ARNs that it is not about."),
        Key::own("condition", Shape::Map, "When it holds, by operator and condition key."),
    ],
    check: ANYTHING,
};
