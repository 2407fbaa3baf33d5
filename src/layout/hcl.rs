//! HCL as `terraform fmt` lays it out: two blanks for each level, one around what needs one, signs of assignment and
//! comments of neighbouring lines below each other. No line is broken or joined, and no comment is touched.
//!
//! Beyond that, of several empty lines one is left, and none at either end of a file; what is laid out here is
//! as `terraform fmt` leaves it.

mod tokens;

use std::borrow::Cow;

use self::tokens::{Token, TokenKind, tokens};
use super::syntax::Comment;

/// How many blanks a level is.
const INDENT: usize = 2;

/// A line and how it is laid out.
struct Line<'t> {
    tokens: Vec<Token<'t>>,
    /// Where its own end of line stands: as the file has it.
    end: &'t str,
    /// How many blanks are before each token.
    blanks: Vec<usize>,
    /// The place of the sign that is aligned with those of the lines around it.
    assign: Option<usize>,
    /// The place of the comment after something.
    comment: Option<usize>,
}

/// The comments of a file that a parser has understood.
pub(super) fn comments(text: &str) -> Vec<Comment> {
    let mut is_first = true;
    let mut comments = Vec::new();
    for token in tokens(text) {
        if let TokenKind::Comment | TokenKind::Inline = token.kind {
            let bare = match token.kind {
                TokenKind::Inline => token.text.trim_start_matches("/*").trim_end_matches("*/"),
                _ => token.text.strip_prefix("//").or(token.text.strip_prefix('#')).unwrap_or(token.text),
            };
            comments.push(Comment { at: token.at, text: bare.to_owned(), is_alone: is_first });
        }
        is_first = token.kind == TokenKind::Break || is_first && token.kind == TokenKind::Inline;
    }
    comments
}

/// Whether two texts are the same but for blanks and empty lines.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let said = |text: &str| -> Vec<(TokenKind, String)> {
        let mut tokens: Vec<(TokenKind, String)> =
            tokens(text).iter().map(|token| (token.kind, shown(token).into_owned())).collect();
        // An empty line more or less says nothing.
        tokens.dedup_by(|after, before| after.0 == TokenKind::Break && before.0 == TokenKind::Break);
        let is_empty_line =
            |tokens: &[(TokenKind, String)], at: usize| tokens.get(at).is_some_and(|token| token.0 == TokenKind::Break);
        if is_empty_line(&tokens, 0) {
            tokens.remove(0);
        }
        if tokens.len().checked_sub(1).is_some_and(|last| is_empty_line(&tokens, last)) {
            tokens.pop();
        }
        tokens
    };
    said(one) == said(other)
}

/// A file that a parser has understood, laid out.
pub(super) fn laid_out(text: &str) -> String {
    let mut lines = lines(text);
    indent(&mut lines);
    align(&mut lines, |line| line.assign);
    align(&mut lines, |line| line.comment);
    written(&lines)
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let all = tokens(text);
    let end = all.iter().find(|token| token.kind == TokenKind::Break).map_or("\n", |token| token.text);
    let parts = all.split_inclusive(|token| token.kind == TokenKind::Break);
    parts
        .map(|part| match part {
            [tokens @ .., Token { kind: TokenKind::Break, text, .. }] => Line::new(tokens, text),
            tokens => Line::new(tokens, end),
        })
        .collect()
}

impl<'t> Line<'t> {
    fn new(tokens: &[Token<'t>], end: &'t str) -> Self {
        let blanks = (0..tokens.len()).map(|at| usize::from(at > 0 && is_spaced(tokens, at))).collect();
        let comment = tokens.iter().position(|token| token.kind == TokenKind::Comment).filter(|at| *at > 0);
        Self { assign: assign(tokens), comment, tokens: tokens.to_vec(), end, blanks }
    }

    /// How many brackets it opens and does not close.
    fn opened(&self) -> isize {
        self.tokens.iter().map(change).sum()
    }

    /// Columns before a token. Of what stands in several lines, the last counts.
    fn width_to(&self, at: usize) -> usize {
        let mut width = 0;
        for (token, blanks) in self.tokens[..at].iter().zip(&self.blanks) {
            width += blanks;
            let text = shown(token);
            match text.rfind('\n') {
                Some(line) if token.kind == TokenKind::Inline => width = text[line + 1..].chars().count(),
                _ => width += text.chars().count(),
            }
        }
        width
    }
}

fn change(token: &Token<'_>) -> isize {
    match token.kind {
        TokenKind::Open => 1,
        TokenKind::Close => -1,
        _ => 0,
    }
}

/// The sign of an assignment that is done in its line.
fn assign(tokens: &[Token<'_>]) -> Option<usize> {
    let at = tokens
        .iter()
        .position(|token| matches!(token.kind, TokenKind::Assign | TokenKind::Open | TokenKind::Comment))?;
    // The key of a map may be an expression in brackets.
    let at = match tokens[at].text {
        "(" if at == 0 => tokens.iter().position(|token| token.kind == TokenKind::Assign)?,
        _ => at,
    };
    let is_whole = tokens[at..].iter().map(change).sum::<isize>() == 0;
    (at > 0 && tokens[at].kind == TokenKind::Assign && is_whole).then_some(at)
}

/// Whether there is a blank before a token that is not the first of its line.
fn is_spaced(tokens: &[Token<'_>], at: usize) -> bool {
    let (before, token) = (&tokens[at - 1], &tokens[at]);
    let ends_value = |token: &Token<'_>| {
        matches!(token.kind, TokenKind::Word | TokenKind::Quoted | TokenKind::Heredoc | TokenKind::Close)
    };
    match (before.kind, token.kind) {
        (_, TokenKind::Comment | TokenKind::Assign) | (TokenKind::Assign, _) => true,
        (_, TokenKind::Comma) | (TokenKind::Dot, _) | (_, TokenKind::Dot) | (TokenKind::Open, TokenKind::Close) => {
            false
        }
        (TokenKind::Open, _) => before.text == "{",
        (TokenKind::Comma, _) => true,
        (_, TokenKind::Close) => token.text == "}",
        (_, TokenKind::Inline) | (TokenKind::Inline, _) => true,
        // A call and an index; but a list after a keyword.
        (TokenKind::Word | TokenKind::Quoted | TokenKind::Close, TokenKind::Open) if token.text != "{" => {
            matches!(before.text, "in" | "if") && token.spaced
        }
        (TokenKind::Sign, _) if before.text == "!" => false,
        // A minus before a number, with nothing to subtract from.
        (TokenKind::Sign, _) if before.text == "-" || before.text == "*" => at >= 2 && ends_value(&tokens[at - 2]),
        (_, TokenKind::Sign) if token.text == "..." => false,
        _ => true,
    }
}

/// Lines are as far in as brackets are open before them; brackets that open in one line count as one.
fn indent(lines: &mut [Line<'_>]) {
    let mut open: Vec<isize> = Vec::new();
    for line in lines {
        let mut opened = line.opened();
        while let Some(last) = open.last_mut().filter(|_| opened < 0) {
            *last += opened;
            opened = (*last).min(0);
            if *last <= 0 {
                open.pop();
            }
        }
        if let Some(first) = line.blanks.first_mut() {
            *first = INDENT * open.len();
        }
        if opened > 0 {
            open.push(opened);
        }
    }
}

/// What neighbouring lines all have is put below each other.
fn align<'t>(lines: &mut [Line<'t>], cell: impl Fn(&Line<'t>) -> Option<usize>) {
    for run in lines.chunk_by_mut(|before, after| cell(before).is_some() && cell(after).is_some()) {
        let widths = run.iter().filter_map(|line| Some(line.width_to(cell(line)?)));
        let width = widths.max().unwrap_or_default();
        for line in run {
            if let Some(at) = cell(line) {
                line.blanks[at] = width - line.width_to(at) + 1;
            }
        }
    }
}

fn written(lines: &[Line<'_>]) -> String {
    let is_empty = |line: &Line<'_>| line.tokens.is_empty();
    let last = lines.iter().rposition(|line| !is_empty(line)).map_or(0, |last| last + 1);
    let mut text = String::new();
    let mut is_after_empty = true;
    for line in &lines[..last] {
        if is_empty(line) && is_after_empty {
            continue;
        }
        is_after_empty = is_empty(line);
        for (token, blanks) in line.tokens.iter().zip(&line.blanks) {
            text.extend(std::iter::repeat_n(' ', *blanks));
            text.push_str(&shown(token));
        }
        text.push_str(line.end);
    }
    text
}

/// A token as it is written.
fn shown<'t>(token: &Token<'t>) -> Cow<'t, str> {
    match token.kind {
        TokenKind::Comment => Cow::Borrowed(token.text.trim_end()),
        TokenKind::Quoted if token.text.contains("${") => Cow::Owned(without_blanks(token.text)),
        _ => Cow::Borrowed(token.text),
    }
}

/// A quoted text in which what names a value has no blanks around it: `${ var.x }` is `${var.x}`.
fn without_blanks(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, template) = rest.split_at(at);
        shown.push_str(before);
        shown.push_str("${");
        rest = &template[2..];
        let is_escaped = before.ends_with('$') || before.ends_with('\\');
        let inner = rest.split_once('}').map(|(inner, _)| inner).filter(|inner| !is_escaped && is_name(inner.trim()));
        if let Some(inner) = inner {
            shown.push_str(inner.trim());
            rest = &rest[inner.len()..];
        }
    }
    shown.push_str(rest);
    shown
}

fn is_name(text: &str) -> bool {
    text.split('.').all(|part| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests;
