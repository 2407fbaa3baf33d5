//! YAML in its canonical form, as `pretty_yaml` lays it out: two blanks for each level, lists under a key indented, one
//! kind of quotes. Comments stay where they are, and texts of several lines say what they said.

mod block;

use std::borrow::Cow;

use pretty_yaml::config::{FormatOptions, LanguageOptions, LayoutOptions, LineBreak};
use pretty_yaml::format_text;
use yaml_parser::SyntaxKind;

use super::syntax::{Comment, WIDTH, not_the_same};
use crate::estate::{self, Problem};

/// A file in its canonical form.
///
/// # Errors
/// What can't be read of it.
pub(super) fn formatted(name: &str, text: &str) -> Result<String, Vec<Problem>> {
    let before = estate::tree_of(name, text)?;
    let shown = laid_out(text).ok_or_else(|| vec![not_the_same(name)])?;
    let is_same = estate::tree_of(name, &shown).is_ok_and(|after| after.says_what(&before));
    let said =
        |text: &str| comments(text).into_iter().map(|comment| comment.text.trim().to_owned()).collect::<Vec<_>>();
    if is_same && said(text) == said(&shown) { Ok(shown) } else { Err(vec![not_the_same(name)]) }
}

/// A text laid out; `None` where it is not understood.
pub(super) fn laid_out(text: &str) -> Option<String> {
    let Some(blocks) = block::blocks(text) else { return pretty(text) };
    block::with(&pretty(&block::without(text, &blocks))?, &blocks)
}

/// What `pretty_yaml` makes of a text.
fn pretty(text: &str) -> Option<String> {
    let line_break = if text.contains("\r\n") { LineBreak::Crlf } else { LineBreak::Lf };
    let options = FormatOptions {
        layout: LayoutOptions { print_width: WIDTH, line_break, ..LayoutOptions::default() },
        language: LanguageOptions {
            trailing_comma: false,
            brace_spacing: false,
            // They may stand in a text of several lines, which they are part of.
            trim_trailing_whitespaces: false,
            ..LanguageOptions::default()
        },
    };
    // Without an end of the last line, a comment there is laid out in another way.
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format_text(&format!("{text}{end}"), &options).ok()
}

/// The comments of a text; none where it is not understood.
pub(super) fn comments(text: &str) -> Vec<Comment> {
    let text = blanked(text);
    let Ok(tree) = yaml_parser::parse(&text) else { return Vec::new() };
    let tokens = tree.descendants_with_tokens().filter_map(|element| element.into_token());
    let comments = tokens.filter(|token| token.kind() == SyntaxKind::COMMENT);
    comments
        .map(|token| {
            let at = usize::from(token.text_range().start());
            let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
            Comment {
                at,
                text: token.text().trim_start_matches('#').to_owned(),
                is_alone: text[line..at].trim().is_empty(),
            }
        })
        .collect()
}

/// Whether something in a text is repeated by an alias.
pub(super) fn repeats(text: &str) -> bool {
    let tree = yaml_parser::parse(&blanked(text));
    tree.is_ok_and(|tree| tree.descendants().any(|node| node.kind() == SyntaxKind::ALIAS))
}

/// A text without what stands in texts of several lines, with all else where it was.
fn blanked(text: &str) -> Cow<'_, str> {
    block::blocks(text).map_or(Cow::from(text), |blocks| Cow::from(block::blanked(text, &blocks)))
}
