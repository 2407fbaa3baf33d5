//! Texts of several lines, as `|` and `>` begin them, while the rest of a file is laid out.
//!
//! `pretty_yaml` gets some of them wrong: those whose end it cuts (`|+`), and those that say how far they are indented (`|2`).
//! So it never sees one: a sign stands in their place, and they come back below it, two blanks further in than what holds
//! them. Where each begins and what it says is told by the parser that the estate reads with.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// Stands for a text. Nobody's: a file that has it is laid out as it is.
const SIGN: char = '\u{e000}';

/// How far a text is indented below what holds it.
const STEP: usize = 2;

/// A text of several lines in a file.
#[derive(Debug)]
pub(super) struct Block {
    /// From `|` or `>` to what the same word says of its end and of its indentation.
    head: Range<usize>,
    /// Its lines, each with its end.
    body: Range<usize>,
    style: char,
    /// `+`, `-`, or nothing.
    chomping: &'static str,
    /// The lines without their indentation.
    lines: Vec<String>,
}

/// The texts of a file, in their order; `None` where it can't be read, or has the sign.
pub(super) fn blocks(text: &str) -> Option<Vec<Block>> {
    if text.contains(SIGN) {
        return None;
    }
    let mut blocks = Vec::new();
    let mut events = Parser::new_from_str(text);
    let offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let byte = |character: usize| offsets.get(character).copied().unwrap_or(text.len());
    let mut before = 0;
    while let Some(event) = events.next_event() {
        let (event, span) = event.ok()?;
        let (start, end) = (byte(span.start.index()), byte(span.end.index()));
        if let Event::Scalar(said, ScalarStyle::Literal | ScalarStyle::Folded, ..) = event {
            let is_empty = said.trim_matches('\n').is_empty();
            // The parser tells where the first line of a text is, and of one without any the sign itself or what comes next.
            let head = head(text, before, start)?;
            let first = text[..start].rfind('\n').map_or(0, |end| end + 1);
            let indent = (!is_empty).then_some(start - first);
            blocks.push(block(text, head, indent, said.ends_with('\n')));
        }
        before = end;
    }
    Some(blocks)
}

/// What begins a text, which is at this place or the last before it, and after another: its sign, and what the same word says.
fn head(text: &str, after: usize, at: usize) -> Option<Range<usize>> {
    let is_mark = |byte: &u8| matches!(byte, b'+' | b'-' | b'0'..=b'9');
    let head_at = |start: usize| {
        let marks = text[start + 1..].bytes().take_while(is_mark).count();
        let head = start..start + 1 + marks;
        let rest = text[head.end..].lines().next().unwrap_or_default();
        let is_last =
            rest.trim_start().is_empty() || rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#');
        let is_first = text[..start].ends_with([' ', '\t', '\n']);
        (is_first && is_last).then_some(head)
    };
    let signs = text.get(after..at + 1).or(text.get(after..at))?.match_indices(['|', '>']);
    signs.filter_map(|(start, _)| head_at(after + start)).next()
}

/// The text that begins so, and whose lines are indented so far, where one of them holds anything.
fn block(text: &str, head: Range<usize>, indent: Option<usize>, is_ended: bool) -> Block {
    let mark = &text[head.clone()];
    let begin = text[head.end..].find('\n').map_or(text.len(), |end| head.end + end + 1);
    let mut lines: Vec<String> = Vec::new();
    // Where the last line ends that is not left to the file, and how many of them that are.
    let (mut at, mut end, mut kept) = (begin, begin, 0);
    for line in text[begin..].split_inclusive('\n') {
        let bare = line.trim_end_matches(['\n', '\r']);
        let blanks = bare.len() - bare.trim_start_matches(' ').len();
        if blanks < bare.len() && indent.is_none_or(|indent| blanks < indent) {
            break;
        }
        let inner = bare.get(indent.unwrap_or(bare.len())..).unwrap_or_default();
        lines.push(inner.to_owned());
        at += line.len();
        // Empty lines at its end are of a text that keeps them.
        if mark.contains('+') || !inner.is_empty() {
            (end, kept) = (at, lines.len());
        }
    }
    lines.truncate(kept);
    let chomping = match mark {
        // The last line of a file may have no end, and then the text has none.
        mark if mark.contains('-') || !is_ended && !lines.is_empty() => "-",
        mark if mark.contains('+') => "+",
        _ => "",
    };
    let style = if mark.starts_with('|') { '|' } else { '>' };
    Block { head, body: begin..end, style, chomping, lines }
}

/// A file with the sign in place of its texts.
pub(super) fn without(text: &str, blocks: &[Block]) -> String {
    let mut out = String::new();
    let mut at = 0;
    for block in blocks {
        out.push_str(&text[at..block.head.start]);
        out.push(SIGN);
        out.push_str(&text[block.head.end..block.body.start]);
        at = block.body.end;
    }
    out + &text[at..]
}

/// A file with blanks in place of its texts, so that all else is where it was.
pub(super) fn blanked(text: &str, blocks: &[Block]) -> String {
    let mut out = String::new();
    let mut at = 0;
    for block in blocks {
        out.push_str(&text[at..block.head.start]);
        // Something has to stand there.
        out.extend(block.head.clone().map(|_| 'x'));
        out.push_str(&text[block.head.end..block.body.start]);
        out.extend(text[block.body.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        at = block.body.end;
    }
    out + &text[at..]
}

/// A file with its texts in place of their signs; `None` where that is not known of one.
pub(super) fn with(text: &str, blocks: &[Block]) -> Option<String> {
    let mut blocks = blocks.iter();
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let Some((before, after)) = line.split_once(SIGN) else {
            out.push_str(line);
            continue;
        };
        let block = blocks.next()?;
        let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
        let column = column(before)? + STEP;
        // A reader counts the blanks of the first line that has anything.
        let is_told =
            block.lines.iter().find(|line| !line.is_empty()).is_some_and(|line| line.starts_with([' ', '\t']));
        out.push_str(before);
        out.push(block.style);
        if is_told {
            out.push_str(&STEP.to_string());
        }
        out.push_str(block.chomping);
        out.push_str(after);
        for line in &block.lines {
            if !line.is_empty() {
                out.extend(std::iter::repeat_n(' ', column));
                out.push_str(line);
            }
            out.push_str(end);
        }
    }
    blocks.next().is_none().then_some(out)
}

/// The column of what holds a text, by what stands before it in its line: the key, or the sign of a list's item.
fn column(before: &str) -> Option<usize> {
    let mut rest = before.trim_start_matches(' ');
    let mut item = None;
    while let Some(inner) = rest.strip_prefix("- ") {
        item = Some(before.len() - rest.len());
        rest = inner.trim_start_matches(' ');
    }
    // An anchor may stand before the text.
    match rest.split_once(' ').filter(|(anchor, _)| anchor.starts_with('&')).map_or(rest, |(_, rest)| rest) {
        "" => item,
        key if key.trim_end_matches(' ').ends_with(':') || key.contains(": &") => Some(before.len() - rest.len()),
        _ => None,
    }
}
