//! HCL as a sequence of tokens that keeps everything but blanks: comments, line breaks, and each text as it was written.
//!
//! Source: the HCL Native Syntax Specification, "Lexical Elements" and "Template Expressions". It is given texts that a
//! parser has understood, so what would be an error there only ends a token here.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name, a keyword, a number.
    Word,
    /// A text within quotes, with the templates in it.
    Quoted,
    /// A text of lines, from `<<` to the end of the line with its mark.
    Heredoc,
    /// `(`, `[` or `{`.
    Open,
    /// `)`, `]` or `}`.
    Close,
    /// `=`.
    Assign,
    /// `,`.
    Comma,
    /// `.`.
    Dot,
    /// Any other sign.
    Sign,
    /// `/* ... */`.
    Inline,
    /// `# ...` or `// ...`, without the end of its line.
    Comment,
    /// The end of a line.
    Break,
}

/// A token, where it begins, and whether there was a blank before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: TokenKind,
    pub(super) text: &'t str,
    pub(super) at: usize,
    pub(super) spaced: bool,
}

/// All tokens of a text.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        rest = &rest[blanks..];
        let Some((kind, length)) = first(rest) else { return tokens };
        let at = text.len() - rest.len();
        tokens.push(Token { kind, text: &rest[..length], at, spaced: blanks > 0 });
        rest = &rest[length..];
    }
}

/// The kind and the length in bytes of the first token; `None` at the end.
fn first(text: &str) -> Option<(TokenKind, usize)> {
    let line = || text.find('\n').map_or(text.len(), |end| end - usize::from(text[..end].ends_with('\r')));
    let mut chars = text.chars();
    let first = chars.next()?;
    let second = chars.next();
    let one = |kind| Some((kind, first.len_utf8()));
    match first {
        '\n' => one(TokenKind::Break),
        '\r' if second == Some('\n') => Some((TokenKind::Break, 2)),
        '#' => Some((TokenKind::Comment, line())),
        '/' if second == Some('/') => Some((TokenKind::Comment, line())),
        '/' if second == Some('*') => Some((TokenKind::Inline, text.find("*/").map_or(text.len(), |end| end + 2))),
        '"' => Some((TokenKind::Quoted, quoted(text))),
        '<' => Some(heredoc(text).map_or((TokenKind::Sign, 1), |length| (TokenKind::Heredoc, length))),
        '(' | '[' | '{' => one(TokenKind::Open),
        ')' | ']' | '}' => one(TokenKind::Close),
        '=' if !matches!(second, Some('=' | '>')) => one(TokenKind::Assign),
        ',' => one(TokenKind::Comma),
        '.' if !text.starts_with("...") => one(TokenKind::Dot),
        first if is_word(first) => {
            let is_number = first.is_ascii_digit();
            // The sign of an exponent is the number's, and so is the point before more digits.
            let mut before = first;
            let length = text.find(|c: char| {
                let is_more = is_word(c)
                    || c == '-' && (!is_number || matches!(before, 'e' | 'E'))
                    || is_number && (c == '.' || c == '+' && matches!(before, 'e' | 'E'));
                before = c;
                !is_more
            });
            Some((TokenKind::Word, length.unwrap_or(text.len())))
        }
        _ => {
            let sign =
                ["...", "==", "!=", ">=", "<=", "=>", "&&", "||", "::"].iter().find(|sign| text.starts_with(**sign));
            Some((TokenKind::Sign, sign.map_or(first.len_utf8(), |sign| sign.len())))
        }
    }
}

/// A mark over a letter may be a character of its own.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || !c.is_ascii() && !c.is_whitespace()
}

/// The length of a text within quotes, with the one at its end.
fn quoted(text: &str) -> usize {
    let mut at = 1;
    while let Some(c) = text[at..].chars().next() {
        at += c.len_utf8();
        match c {
            '"' => return at,
            '\\' => at += text[at..].chars().next().map_or(0, char::len_utf8),
            '$' | '%' => at += template(&text[at - 1..]),
            _ => {}
        }
    }
    text.len()
}

/// The length of what follows the first sign of a template, to the brace at its end; of what is none, of the sign that
/// says so.
fn template(text: &str) -> usize {
    let sign = &text[..1];
    if text[1..].starts_with(sign) {
        // `$${` is no template; of `$$` before anything else the second may begin one.
        return if text[2..].starts_with('{') { 2 } else { 0 };
    }
    if !text[1..].starts_with('{') {
        return 0;
    }
    let mut depth = 0_usize;
    let mut at = 1;
    while let Some((kind, length)) = first(&text[at..]) {
        let token = &text[at..at + length];
        at += length;
        match (kind, token) {
            (TokenKind::Open, "{") => depth += 1,
            (TokenKind::Close, "}") => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return at - 1;
        }
    }
    text.len() - 1
}

/// The length of a text of lines, without the end of its last one.
fn heredoc(text: &str) -> Option<usize> {
    let mark = text.strip_prefix("<<")?;
    let mark = mark.strip_prefix('-').unwrap_or(mark);
    let name_length = mark.find(|c: char| !is_word(c) && c != '-').unwrap_or(mark.len());
    let (name, lines) = mark.split_at(name_length);
    let is_one = !name.is_empty() && (lines.starts_with('\n') || lines.starts_with("\r\n"));
    if !is_one {
        return None;
    }
    let mut at = text.len() - lines.len() + lines.find('\n')? + 1;
    for line in text[at..].split_inclusive('\n') {
        let shown = line.trim_end_matches(['\n', '\r']);
        if shown.trim() == name {
            return Some(at + shown.len());
        }
        at += line.len();
    }
    Some(text.len())
}

#[cfg(test)]
mod tests {
    use super::{TokenKind, tokens};

    #[test]
    fn a_text_is_one_token_whatever_is_in_it() {
        for text in [
            r#""a""#,
            r#""\"""#,
            r#""${x}""#,
            r#""${"}"}""#,
            r#""${ { a = "${b}" } }""#,
            r#""$${""#,
            r#""$$${x}""#,
            r#""%{ if x }"b"%{ endif }""#,
            r#""100%""#,
            "<<E\n }\n  \"\nE",
            "<<-E\r\n x\r\n  E",
            "/* a\n b */",
            "# a \" b",
            "// a",
        ] {
            let all = tokens(text);
            let first = all.first().expect("a token");
            if text.contains("if x") {
                assert_eq!(first.text, r#""%{ if x }""#);
            } else {
                assert_eq!((all.len(), first.text), (1, text));
            }
        }
    }

    #[test]
    fn nothing_is_lost_but_blanks() {
        let text = "a  = [1,-2.5e+3, b.c[0] ] # d\n e {\r\n}\n\"x\" = y == z ? 1:2\nf-g = h - i";
        let joined: String = tokens(text).iter().map(|token| token.text).collect();
        let bare = |text: &str| text.replace([' ', '\t'], "");
        assert_eq!(bare(&joined), bare(text));
        let words: Vec<&str> =
            tokens(text).iter().filter(|token| token.kind == TokenKind::Word).map(|token| token.text).collect();
        assert_eq!(words, ["a", "1", "2.5e+3", "b", "c", "0", "e", "y", "z", "1", "2", "f-g", "h", "i"]);
    }
}
