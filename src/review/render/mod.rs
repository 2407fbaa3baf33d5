//! A review as text, Markdown, JSON, SARIF and HTML.

mod html;
mod json;
mod markdown;
pub mod sarif;
mod section;
mod text;

pub use self::markdown::MARKER;
pub use self::text::Colour;
