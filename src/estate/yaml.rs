//! YAML to the tree.
//!
//! Two parsers read each file. The first keeps positions and is where hostile files end: depth, number of
//! values with all that aliases repeat, tags, repeated keys. The second, `serde_yaml`, says what a scalar
//! means, and only ever sees what the first let through. Both must see the same shape, so that a position
//! never belongs to another value.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_yaml::Value;

use super::problem::Draft;
use super::span::Span;
use super::tree::{Content, DEPTH_MAX, Entry, Map, NODES_MAX, Node, fraction, twice};

/// Values that aliases of one file may repeat.
const ALIASED_NODES_MAX: usize = 100_000;

/// Parses one file. `None` when it can't be used; the problems say why.
pub(crate) fn parse(text: &str, source: u32, problems: &mut Vec<Draft>) -> Option<Map> {
    let before = problems.len();
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        offsets: Offsets::new(text),
        text,
        source,
        problems,
        anchors: HashMap::new(),
        nodes: 0,
        aliased: 0,
    };
    let root = match reader.document() {
        Ok(root) => root?,
        Err(draft) => {
            reader.problems.push(*draft);
            return None;
        }
    };
    if problems.len() > before {
        return None;
    }
    let value: Value = match serde_yaml::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            let at = error.location().map_or(0, |location| location.index().min(text.len()));
            problems.push(Draft::error(Span::new(source, at..at), format!("this is not YAML: {error}")));
            return None;
        }
    };
    let root = retype(root, value, problems)?;
    let root = resolve_merges(root, problems);
    if problems.len() > before {
        return None;
    }
    match root.content {
        Content::Map(map) => Some(map),
        Content::Null => Some(Map::new()),
        _ => {
            problems.push(Draft::error(root.span, format!("expected declarations, found {}", root.type_name())));
            None
        }
    }
}

/// Character offsets, which the parser tells, to byte offsets. `None` while they are the same.
struct Offsets(Option<Vec<u32>>);

impl Offsets {
    fn new(text: &str) -> Self {
        if text.is_ascii() {
            return Self(None);
        }
        let ends = [text.len() as u32];
        Self(Some(text.char_indices().map(|(at, _)| at as u32).chain(ends).collect()))
    }

    fn byte(&self, character: usize) -> usize {
        match &self.0 {
            None => character,
            Some(table) => table.get(character).or(table.last()).map_or(0, |at| *at as usize),
        }
    }
}

struct Reader<'t, 'p> {
    events: Parser<'t, saphyr_parser::StrInput<'t>>,
    offsets: Offsets,
    text: &'t str,
    source: u32,
    problems: &'p mut Vec<Draft>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    aliased: usize,
}

/// Boxed, because it is the rare way out of every step.
type Failed = Box<Draft>;

impl<'t> Reader<'t, '_> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Failed> {
        match self.events.next_event() {
            Some(Ok((event, span))) => Ok((event, self.span(span))),
            Some(Err(error)) => {
                let at = self.offsets.byte(error.marker().index()).min(self.text.len());
                let span = Span::new(self.source, at..at);
                // The parser looks ahead, so its own limit may come before ours.
                Err(Box::new(match error.info() {
                    "recursion limit exceeded" => too_deep(span),
                    info => Draft::error(span, format!("this is not YAML: {info}")),
                }))
            }
            None => Ok((Event::StreamEnd, Span { source: self.source, ..Span::default() })),
        }
    }

    fn span(&self, span: saphyr_parser::Span) -> Span {
        let start = self.offsets.byte(span.start.index()).min(self.text.len());
        let end = self.offsets.byte(span.end.index()).clamp(start, self.text.len());
        // A plain or block scalar's end is where the next token starts.
        let trimmed = self.text.get(start..end).map_or(end, |text| start + text.trim_end().len());
        Span::new(self.source, start..trimmed)
    }

    /// The only document of the file.
    fn document(&mut self) -> Result<Option<Node>, Failed> {
        let mut root = None;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(root.or(Some(Node { content: Content::Null, span: self.whole() }))),
                (Event::DocumentStart(_), span) if root.is_some() => {
                    let draft = Draft::error(span, "a second document starts here");
                    return Err(Box::new(draft.hint("one document a file: put it into a file of its own")));
                }
                (Event::DocumentStart(_), _) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span, 0)?);
                }
                _ => {}
            }
        }
    }

    fn whole(&self) -> Span {
        Span { source: self.source, ..Span::default() }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Failed> {
        self.nodes += 1;
        if depth > DEPTH_MAX {
            return Err(Box::new(too_deep(span)));
        }
        if self.nodes > NODES_MAX {
            return Err(Box::new(Draft::error(span, format!("this file holds more than {NODES_MAX} values"))));
        }
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span)?;
                // What a plain scalar means is decided by the second parser; a quoted one is text.
                let content = if style == ScalarStyle::Plain && text == "~" {
                    Content::Null
                } else {
                    Content::Text(text.into_owned())
                };
                (Node { content, span }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), span)?;
                (self.list(span, depth)?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), span)?;
                (self.map(span, depth)?, anchor)
            }
            Event::Alias(anchor) => return self.alias(anchor, span, depth),
            _ => return Err(Box::new(Draft::error(span, "a value is missing here"))),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
            self.aliased += node.count();
            self.check_aliased(span)?;
        }
        Ok(node)
    }

    fn refuse_tag(&self, tagged: bool, span: Span) -> Result<(), Failed> {
        if !tagged {
            return Ok(());
        }
        Err(Box::new(Draft::error(span, "tags are not understood").hint("write text in quotes instead of !!str")))
    }

    fn alias(&mut self, anchor: usize, span: Span, depth: usize) -> Result<Node, Failed> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(Box::new(Draft::error(span, "this alias stands inside the value that it repeats")));
        };
        self.aliased += node.count();
        if self.aliased <= ALIASED_NODES_MAX && depth + levels(node) > DEPTH_MAX {
            return Err(Box::new(too_deep(span)));
        }
        let node = node.clone();
        self.check_aliased(span)?;
        Ok(node)
    }

    fn check_aliased(&self, span: Span) -> Result<(), Failed> {
        if self.aliased <= ALIASED_NODES_MAX {
            return Ok(());
        }
        let draft = Draft::error(span, format!("aliases repeat more than {ALIASED_NODES_MAX} values"));
        Err(Box::new(draft.hint("write the values out, or use fewer aliases")))
    }

    fn list(&mut self, span: Span, depth: usize) -> Result<Node, Failed> {
        let mut items: Vec<Node> = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::SequenceEnd {
                let end = items.last().map_or(at.end, |item| item.span.end).max(at.end.min(self.flow_end(span, at)));
                return Ok(Node { content: Content::List(items), span: Span { end: end.max(span.end), ..span } });
            }
            items.push(self.node(event, at, depth + 1)?);
        }
    }

    /// Where a collection ends that is written in brackets; a block has no end of its own.
    fn flow_end(&self, start: Span, end: Span) -> u32 {
        let opens = self.text.as_bytes().get(start.start as usize);
        if matches!(opens, Some(b'[' | b'{')) { end.end } else { 0 }
    }

    fn map(&mut self, span: Span, depth: usize) -> Result<Node, Failed> {
        let mut map = Map::new();
        let mut last = span.end;
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                let end = last.max(at.end.min(self.flow_end(span, at)));
                return Ok(Node { content: Content::Map(map), span: Span { end: end.max(span.end), ..span } });
            }
            let key = self.node(event, at, depth + 1)?;
            let key_span = Span { end: at.end.max(at.start), ..at };
            let (event, at) = self.next()?;
            let value = self.node(event, at, depth + 1)?;
            // A repeated value stands where its anchor is, which may be further up.
            last = last.max(at.end).max(value.span.end);
            let Content::Text(key) = key.content else {
                return Err(Box::new(Draft::error(key_span, "a key is text").hint("put it in quotes")));
            };
            match map.get(&key) {
                Some(Entry { key_span: first, .. }) => {
                    self.problems.push(twice(format!("`{key}` is declared twice"), key_span, *first));
                }
                None => {
                    map.insert(key, Entry { key_span, value });
                }
            }
        }
    }
}

fn too_deep(span: Span) -> Draft {
    Draft::error(span, format!("values nest deeper than {DEPTH_MAX} levels"))
}

fn levels(node: &Node) -> usize {
    match &node.content {
        Content::List(items) => 1 + items.iter().map(levels).max().unwrap_or(0),
        Content::Map(map) => 1 + map.values().map(|entry| levels(&entry.value)).max().unwrap_or(0),
        _ => 0,
    }
}

/// The tree with the second parser's meaning of every scalar. `None` after a problem.
fn retype(node: Node, value: Value, problems: &mut Vec<Draft>) -> Option<Node> {
    let span = node.span;
    let content = match (node.content, value) {
        (Content::Map(map), Value::Mapping(values)) if map.len() == values.len() => {
            let mut typed = Map::with_capacity(map.len());
            for ((key, entry), (value_key, value)) in map.into_iter().zip(values) {
                let key_span = entry.key_span;
                match value_key {
                    Value::String(text) if text == key => {}
                    Value::String(_) => return ambiguous(key_span, problems),
                    _ => {
                        let what = format!("the key `{key}` is not text to YAML");
                        problems.push(Draft::error(key_span, what).hint(format!("put it in quotes: \"{key}\"")));
                        return None;
                    }
                }
                let value = retype(entry.value, value, problems)?;
                typed.insert(key, Entry { key_span, value });
            }
            Content::Map(typed)
        }
        (Content::List(items), Value::Sequence(values)) if items.len() == values.len() => Content::List(
            items.into_iter().zip(values).map(|(item, value)| retype(item, value, problems)).collect::<Option<_>>()?,
        ),
        (Content::Text(_) | Content::Null, Value::Null) => Content::Null,
        (Content::Text(_), Value::Bool(flag)) => Content::Bool(flag),
        (Content::Text(_), Value::Number(number)) => match number.as_i64() {
            Some(int) => Content::Int(int),
            None => {
                let read = fraction(number.as_f64().unwrap_or(f64::NAN), span);
                read.map_err(|problem| problems.push(problem)).ok()?
            }
        },
        (Content::Text(text), Value::String(same)) if text == same => Content::Text(text),
        _ => return ambiguous(span, problems),
    };
    Some(Node { content, span })
}

fn ambiguous<T>(span: Span, problems: &mut Vec<Draft>) -> Option<T> {
    let draft = Draft::error(span, "YAML parsers disagree about this");
    problems.push(draft.hint("put it in quotes, with a space between an anchor and a colon"));
    None
}

/// Replaces `<<` by what it names: keys that are not there yet, each at the place where it was written.
fn resolve_merges(node: Node, problems: &mut Vec<Draft>) -> Node {
    let span = node.span;
    let content = match node.content {
        Content::List(items) => Content::List(items.into_iter().map(|item| resolve_merges(item, problems)).collect()),
        Content::Map(map) => {
            let mut merged = Vec::new();
            let mut own = Map::with_capacity(map.len());
            for (key, entry) in map {
                let value = resolve_merges(entry.value, problems);
                if key == "<<" {
                    merged.push(value);
                } else {
                    own.insert(key, Entry { key_span: entry.key_span, value });
                }
            }
            for value in merged {
                let sources = match value.content {
                    Content::List(items) => items,
                    _ => vec![value],
                };
                for source in sources {
                    let Content::Map(map) = source.content else {
                        problems
                            .push(Draft::error(source.span, format!("`<<` merges maps, found {}", source.type_name())));
                        continue;
                    };
                    for (key, entry) in map {
                        own.entry(key).or_insert(entry);
                    }
                }
            }
            Content::Map(own)
        }
        scalar => scalar,
    };
    Node { content, span }
}

#[cfg(test)]
mod tests {
    use super::{Content, Map, parse};

    fn tree(text: &str) -> Result<Map, Vec<String>> {
        let mut problems = Vec::new();
        match parse(text, 0, &mut problems) {
            Some(map) if problems.is_empty() => Ok(map),
            _ => Err(problems.into_iter().map(|draft| format!("{draft:?}")).collect()),
        }
    }

    #[test]
    fn scalars_mean_what_serde_yaml_says() {
        let map =
            tree("a: 012345678901\nb: 12\nc: yes\nd: 'true'\ne: ~\nf:\ng: 1.5\nh: '~'\ni: \"null\"\n").expect("parses");
        let shown: Vec<String> = map.values().map(|entry| format!("{:?}", entry.value.content)).collect();
        assert_eq!(
            shown,
            [
                "Text(\"012345678901\")",
                "Int(12)",
                "Text(\"yes\")",
                "Text(\"true\")",
                "Null",
                "Null",
                "Float(1.5)",
                "Text(\"~\")",
                "Text(\"null\")"
            ]
        );
    }

    #[test]
    fn merges_keep_what_is_written_and_the_anchors_places() {
        let map = tree("a: &a {x: '1', y: '2'}\nb: {<<: *a, y: '3'}\n").expect("parses");
        let Content::Map(b) = &map["b"].value.content else { panic!("a map") };
        assert!(matches!(&b["y"].value.content, Content::Text(text) if text == "3"));
        assert_eq!(b["x"].value.span.start, 10);
    }

    #[test]
    fn hostile_and_unclear_files_are_refused() {
        let bomb = format!("a: &a [{}]\nb: [{}]\n", "1,".repeat(2000), "*a,".repeat(2000));
        let laughs = (1..9).fold("a0: &a0 [x]\n".to_owned(), |text, n| {
            format!("{text}a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(","))
        });
        for (text, expected) in [
            (bomb.as_str(), "aliases repeat"),
            (laughs.as_str(), "aliases repeat"),
            (&format!("a: {}", "[".repeat(10_000)), "nest deeper"),
            (&(0..10_000).map(|n| format!("{}a:\n", " ".repeat(n))).collect::<String>(), "nest deeper"),
            ("a: !Sub x", "tags are not understood"),
            ("a: 1\na: 2\n", "declared twice"),
            ("a: 1\n---\nb: 2\n", "second document"),
            ("1: x", "is not text"),
            ("? [a]\n: x", "a key is text"),
            ("a: &a [*a]", "inside the value"),
            ("a: *nope", "this is not YAML"),
            ("a:\n\t- b", "this is not YAML"),
            ("- a", "expected declarations"),
            ("<<: 1", "merges maps"),
        ] {
            let problems = tree(text).expect_err(expected);
            assert!(problems.iter().any(|problem| problem.contains(expected)), "{expected}: {:.200}", problems[0]);
        }
    }

    #[test]
    fn positions_are_bytes_also_after_wide_characters() {
        let text = "ł: 'łł'\nkey: value # x\n";
        let map = tree(text).expect("parses");
        let span = map["key"].value.span;
        assert_eq!(&text[span.start as usize..span.end as usize], "value");
        assert!(tree("").expect("empty").is_empty() && tree("# nothing\n").expect("empty").is_empty());
    }
}
