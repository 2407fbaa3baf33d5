//! Which comment is whose: one that stands alone belongs to what comes after it in the same block, one beside something
//! to that, and one after everything to the block.

use super::items::{EMPTY, Form, Item};
use crate::layout::syntax::{Comment, Syntax};

/// Gives what stands in a file its comments and its empty lines.
pub(super) fn place(root: &mut Item, text: &str, comments: &[Comment], syntax: Syntax) {
    // What is repeated by an alias stands elsewhere, and nothing is said of it.
    for comment in comments {
        give(root, text, comment, syntax == Syntax::Yaml);
    }
    gaps(root, text, comments);
}

/// In a syntax whose blocks have no ends, how far in a comment is says whose it is.
fn give(item: &mut Item, text: &str, comment: &Comment, has_no_ends: bool) {
    let lines: Vec<String> = comment.text.split('\n').map(said).collect();
    let column = |at: usize| at - text[..at].rfind('\n').map_or(0, |end| end + 1);
    let is_in = |item: &Item| item.start <= comment.at && comment.at < item.stop;
    let is_listed = |item: &Item| matches!(item.value, Form::List(_) | Form::Map(_));
    let is_of_line = |at: usize, to: usize| at <= to && !text[at..to].contains('\n');
    let start = item.start;
    let Some(inner) = item.inner() else {
        // A value that has no parts, or what is between it and its key.
        return if comment.is_alone { item.before.extend(lines) } else { beside_of(item, lines) };
    };
    if let Some(at) = inner.iter().position(is_in) {
        return give(&mut inner[at], text, comment, has_no_ends);
    }
    let next = inner.iter().position(|item| item.start > comment.at);
    let last = next.unwrap_or(inner.len()).checked_sub(1);
    if !comment.is_alone {
        let ending = last.filter(|last| is_of_line(inner[*last].stop.min(comment.at), comment.at));
        return match (ending, next) {
            (Some(last), _) => beside(&mut inner[last], text, comment.at, lines),
            _ if is_of_line(start, comment.at) => beside_of(item, lines),
            (None, Some(next)) => inner[next].before.extend(lines),
            (None, None) => item.end.extend(lines),
        };
    }
    // In YAML what a block ends with is further in than what comes after it.
    if let Some(last) = last
        && is_listed(&inner[last])
        && column(comment.at) > column(inner[last].start)
        && has_no_ends
    {
        return give_last(&mut inner[last], text, comment, lines);
    }
    match next {
        Some(next) => add(&mut inner[next].before, text, comment, lines),
        None => add(&mut item.end, text, comment, lines),
    }
}

/// Adds a comment that stands alone to those before it, as far off as it was.
fn add(to: &mut Vec<String>, text: &str, comment: &Comment, lines: Vec<String>) {
    let line = text[..comment.at].rfind('\n').map_or(0, |end| end + 1);
    if !to.is_empty() && has_gap(text, line) {
        to.push(EMPTY.to_owned());
    }
    to.extend(lines);
}

/// A comment after the last thing of a block that has no sign for its end.
fn give_last(item: &mut Item, text: &str, comment: &Comment, lines: Vec<String>) {
    let column = |at: usize| at - text[..at].rfind('\n').map_or(0, |end| end + 1);
    let last = item.inner().and_then(|inner| inner.last_mut());
    match last {
        Some(last) if matches!(last.value, Form::List(_) | Form::Map(_)) && column(comment.at) > column(last.start) => {
            give_last(last, text, comment, lines);
        }
        _ => add(&mut item.end, text, comment, lines),
    }
}

/// Gives a comment to what it stands beside: of what ends in its line, the outermost that begins there.
fn beside(item: &mut Item, text: &str, at: usize, lines: Vec<String>) {
    let is_of_line = |from: usize| from <= at && !text[from..at].contains('\n');
    if !is_of_line(item.start)
        && let Some(last) = item.inner().and_then(|inner| inner.last_mut()).filter(|last| is_of_line(last.stop))
    {
        return beside(last, text, at, lines);
    }
    beside_of(item, lines);
}

fn beside_of(item: &mut Item, lines: Vec<String>) {
    match <[String; 1]>::try_from(lines) {
        Ok([line]) if item.after.is_none() => item.after = Some(line),
        Ok(line) => item.before.extend(line),
        Err(lines) => item.before.extend(lines),
    }
}

/// A line of a comment, without the blank that follows the sign and what is at its end.
fn said(line: &str) -> String {
    let line = line.trim_end();
    line.strip_prefix(' ').unwrap_or(line).to_owned()
}

fn gaps(item: &mut Item, text: &str, comments: &[Comment]) {
    let Some(inner) = item.inner() else { return };
    for item in inner {
        // The comments right above it stand between.
        let mut start = text[..item.start.min(text.len())].rfind('\n').map_or(0, |end| end + 1);
        for comment in comments[..comments.partition_point(|comment| comment.at < item.start)].iter().rev() {
            let line = text[..comment.at].rfind('\n').map_or(0, |end| end + 1);
            let is_above = comment.is_alone && text[comment.at..start.max(comment.at)].trim_end().lines().count() <= 1;
            if !is_above || has_gap(text, start) {
                break;
            }
            start = line;
        }
        item.has_gap = has_gap(text, start);
        gaps(item, text, comments);
    }
}

/// Whether the line before a line is empty.
fn has_gap(text: &str, line: usize) -> bool {
    let before = text[..line].strip_suffix('\n').unwrap_or_default();
    line > 0 && before.rsplit('\n').next().is_some_and(|line| line.trim().is_empty())
}
