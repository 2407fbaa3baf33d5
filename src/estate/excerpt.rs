//! Problems as people read them: with the lines of the files that they are about.
//!
//! Everything from files is escaped on the way: a terminal would obey escape sequences, and bidirectional marks would show
//! a text other than the one that is parsed.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use super::problem::{Label, Problem, Severity};
use super::source::{Source, Sources};
use super::span::Span;
use crate::text::{acts, one_line};

/// Problems beyond this many are counted, not shown; errors come first then.
const SHOWN_MAX: usize = 10_000;

/// Lines of one label that are shown.
const LINES_MAX: u32 = 4;

/// Bytes of one line that are shown.
const LINE_BYTES_MAX: usize = 240;

/// Shows problems with their source lines, one after the other. With `colour`, with terminal styles.
pub fn render(problems: &[Problem], sources: &Sources, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    let mut shown: Vec<&Problem> = problems.iter().collect();
    if shown.len() > SHOWN_MAX {
        shown.sort_by_key(|problem| problem.severity);
    }
    for problem in shown.into_iter().take(SHOWN_MAX) {
        let _ = writeln!(out, "{}\n", render_one(problem, sources, &renderer));
    }
    if problems.len() > SHOWN_MAX {
        let _ = writeln!(out, "... and {} more\n", problems.len() - SHOWN_MAX);
    }
    out.pop();
    out
}

fn render_one(problem: &Problem, sources: &Sources, renderer: &Renderer) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(one_line(&problem.what));
    let title = if let Some(code) = problem.code { title.id(code) } else { title };
    let mut group = title.elements(std::iter::empty::<Origin<'_>>());
    let excerpts: Vec<_> = problem.labels.iter().map(|label| Excerpt::of(label, sources, problem.hidden)).collect();
    for (index, (label, excerpt)) in problem.labels.iter().zip(&excerpts).enumerate() {
        let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        // Places in one neighbourhood are shown in one excerpt.
        if excerpts[..index].iter().flatten().any(|earlier| excerpt.as_ref().is_some_and(|this| earlier.covers(this))) {
            continue;
        }
        let Some(excerpt) = excerpt else {
            group = group.element(Origin::path(one_line(&label.file)));
            continue;
        };
        let mut snippet = Snippet::source(excerpt.text.clone())
            .line_start(excerpt.line as usize)
            .annotation(kind.span(excerpt.mark.clone()).label(label.text.as_deref().map(one_line)));
        for (other, text) in excerpts.iter().zip(&problem.labels).skip(index + 1) {
            if let Some(other) = other.as_ref().filter(|other| excerpt.covers(other)) {
                let span = AnnotationKind::Context.span(other.mark.clone());
                snippet = snippet.annotation(span.label(text.text.as_deref().map(one_line)));
            }
        }
        // The renderer counts columns in what it is given; where that is not the file's own line, it is told.
        group = if excerpt.faithful {
            group.element(snippet.path(one_line(&label.file)))
        } else {
            let origin =
                Origin::path(one_line(&label.file)).line(label.line as usize).char_column(label.column as usize);
            group.element(origin).element(snippet)
        };
    }
    if let Some(hint) = &problem.hint {
        group = group.element(Level::HELP.message(one_line(hint)));
    }
    renderer.render(&[group])
}

/// The source lines of a label, ready to be shown.
struct Excerpt {
    source: u32,
    line: u32,
    text: String,
    /// The label's bytes in `text`.
    mark: std::ops::Range<usize>,
    /// Whether the text up to the mark is as in the file.
    faithful: bool,
}

impl Excerpt {
    fn of(label: &Label, sources: &Sources, hidden: bool) -> Option<Self> {
        let span = label.span?;
        let source = sources.get(span.source)?;
        let last = label.end_line.min(label.line + LINES_MAX - 1);
        let start = source.line_start(label.line);
        let (mut text, mut mark) = shown(&source, start, last, span);
        if hidden {
            text.replace_range(mark.clone(), "***");
            mark.end = mark.start + 3;
        }
        let faithful = source.text.get(start..start + mark.start) == text.get(..mark.start)
            && start + mark.start == span.start as usize;
        Some(Self { source: span.source, line: label.line, text, mark, faithful })
    }

    /// Whether the other excerpt is of the very same lines.
    fn covers(&self, other: &Self) -> bool {
        self.source == other.source && self.line == other.line && self.text == other.text
    }
}

/// The lines from the byte `start` to the line `last`, escaped and cut, and where `span` is in them.
fn shown(source: &Source, start: usize, last: u32, span: Span) -> (String, std::ops::Range<usize>) {
    let end = match source.line_start(last + 1) {
        next if next > start => next,
        _ => source.text.len(),
    };
    let lines = source.text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r']);
    let (mark_start, mark_end) =
        ((span.start as usize).saturating_sub(start), (span.end as usize).saturating_sub(start));
    // A line longer than a screen is shown from a little before the mark.
    let line_end = lines.find('\n').unwrap_or(lines.len());
    let cut_left = if mark_start > LINE_BYTES_MAX && line_end > LINE_BYTES_MAX { mark_start - 40 } else { 0 };
    let mut text = String::new();
    let mut mark = None;
    let mut mark_to = None;
    let mut line_from = 0;
    for (at, c) in lines.char_indices().filter(|(at, _)| *at >= cut_left) {
        if at >= mark_start && mark.is_none() {
            mark = Some(text.len());
        }
        if at >= mark_end && mark_to.is_none() {
            mark_to = Some(text.len());
        }
        match c {
            '\n' => {
                text.push('\n');
                line_from = text.len();
            }
            '\r' => {}
            '\t' => text.push('\t'),
            _ if text.len() - line_from > LINE_BYTES_MAX => {}
            c if acts(c) => text.extend(c.escape_default()),
            c => text.push(c),
        }
    }
    let from = mark.unwrap_or(text.len());
    let to = mark_to.unwrap_or(text.len()).max(from);
    (text, from..to)
}

#[cfg(test)]
mod tests {
    use super::{Problem, render};
    use crate::estate::problem::Draft;
    use crate::estate::source::Sources;
    use crate::estate::span::Span;
    use crate::text::one_line;

    fn sources(text: &str) -> Sources {
        Sources::from_texts([("a.hcl".to_owned(), text.to_owned())], [])
    }

    #[test]
    fn a_problem_shows_its_line_both_places_and_a_hint() {
        let sources = sources("one = 1\ntwo = 2\n\n\nthree = 3\n");
        let draft = Draft::error(Span::new(0, 18..23), "twice").label("again here");
        let problem = sources.finish(draft.also(Span::new(0, 0..3), "first here").hint("remove one"));
        insta::assert_snapshot!(render(&[problem], &sources, false), @r"
        error: twice
         --> a.hcl:5:1
          |
        5 | three = 3
          | ^^^^^ again here
          |
         ::: a.hcl:1:1
          |
        1 | one = 1
          | --- first here
          |
          = help: remove one
        ");
    }

    #[test]
    fn escapes_and_bidirectional_marks_are_not_passed_on() {
        assert_eq!(one_line("a\u{1b}[2Jb\u{202e}c"), "a\\u{1b}[2Jb\\u{202e}c");
        let sources = sources("\u{1b}[2J\u{202e} = 1\n");
        let shown = render(&[sources.finish(Draft::error(Span::new(0, 0..4), "bad \u{7}"))], &sources, false);
        assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{shown:?}");
    }

    #[test]
    fn a_very_long_line_is_cut_around_the_mark() {
        let text = format!("{}bad{}", "x".repeat(100_000), "y".repeat(100_000));
        let sources = sources(&text);
        let shown = render(&[sources.finish(Draft::error(Span::new(0, 100_000..100_003), "w"))], &sources, false);
        assert!(shown.len() < 2_000 && shown.contains("xbady") && shown.contains("a.hcl:1:100001"), "{shown}");
    }

    #[test]
    fn a_problem_without_text_names_its_file() {
        let problem = Problem::with_file("big.yaml", "too large").hint("split it");
        insta::assert_snapshot!(render(&[problem], &Sources::default(), false), @r"
        error: too large
        --> big.yaml
         = help: split it
        ");
    }
}
