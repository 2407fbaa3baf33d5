//! Texts from files and engines made harmless for where they are shown.

use crate::text::{acts, one_line};

/// For Markdown, also in the cell of a table: plain text and nothing else.
pub(crate) fn markdown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            // An entity, because GitHub makes a mention or a link of the character even after a backslash.
            '@' => safe.push_str("&#64;"),
            '#' => safe.push_str("&#35;"),
            ':' => safe.push_str("&#58;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '!' | '|' | '~' | '+' | '-' => {
                safe.push('\\');
                safe.push(c);
            }
            c if acts(c) => safe.push_str(&markdown_escape(c)),
            c => safe.push(c),
        }
    }
    safe
}

/// For Markdown as code: the fence is longer than any run of backticks inside. For the cell of a table too.
pub(crate) fn code(text: &str) -> String {
    let text = one_line(text).replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// For HTML, in text and in the values of attributes.
pub(crate) fn html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if acts(c) => safe.extend(c.escape_default()),
            c => safe.push(c),
        }
    }
    safe
}

/// For XML, in text and in the values of attributes: as for HTML, and without the two non-characters that XML 1.0
/// has no place for, not even escaped.
pub(crate) fn xml(text: &str) -> String {
    html(&text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}"))
}

fn markdown_escape(c: char) -> String {
    format!("\\\\{}", c.escape_default().to_string().trim_start_matches('\\').replace('{', "\\{").replace('}', "\\}"))
}

#[cfg(test)]
mod tests {
    use super::{code, html, markdown, xml};

    #[test]
    fn nothing_acts_where_it_is_shown() {
        assert_eq!(markdown("<b>|*@you* #1"), "&lt;b&gt;\\|\\*&#64;you\\* &#35;1");
        assert_eq!(markdown("https://a\n"), "https&#58;//a\\\\n");
        assert_eq!(html("<script a=\"'&"), "&lt;script a=&quot;&#39;&amp;");
        assert_eq!(xml("<\u{ffff}\u{0}>"), "&lt;\u{fffd}\\u{0}&gt;");
    }

    #[test]
    fn code_can_not_be_left() {
        assert_eq!(code("s3:*"), "`s3:*`");
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`"), "`` ` ``");
    }
}
