//! The syntax of policy documents: HCL 1, and JSON as its twin.
//!
//! Policies are written in HCL's first version, which the house's HCL 2 parser does not read: several
//! attributes on one line, blocks keyed by quoted strings (`"path" "x" {}`), lists and objects with
//! optional commas. JSON is read by the same parser, with `:` for `=`, so that both have line numbers.
//! No interpolation, no expressions: `${x}` is text. Depth is limited, nothing is evaluated.

use std::ops::Range;

/// A parsed value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A quoted string or a heredoc.
    Text(String),
    /// A number.
    Number(serde_json::Number),
    /// `true` or `false`.
    Bool(bool),
    /// `[...]`.
    List(Vec<Node>),
    /// `{...}`.
    Object(Vec<Item>),
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Its bytes.
    pub span: Range<usize>,
}

/// One `key "label" = value` or `key "label" { ... }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The key, then the labels.
    pub keys: Vec<String>,
    /// What it is set to.
    pub node: Node,
    /// Where the key stands, from 1.
    pub line: usize,
    /// The bytes of the key and of each label.
    pub key_spans: Vec<Range<usize>>,
}

impl Item {
    /// The bytes of the key.
    pub fn key_span(&self) -> Range<usize> {
        self.key_spans[0].clone()
    }
}

/// Why a text is no HCL, and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("At {line}:{column}: {what}")]
pub struct SyntaxError {
    line: usize,
    column: usize,
    /// The byte at which it was seen.
    pub offset: usize,
    /// What is wrong there.
    pub what: String,
}

/// Deep enough for any policy, shallow enough for any stack.
const DEPTH_MAX: usize = 16;

/// Parses a whole document.
pub fn parse(text: &str) -> Result<Vec<Item>, SyntaxError> {
    let mut parser = Parser { text, at: 0, depth: 0, counted: 0, newlines: 0 };
    parser.skip_blank()?;
    if parser.peek() == Some('{') {
        parser.bump();
        let items = parser.items(Some('}'))?;
        parser.skip_blank()?;
        return match parser.peek() {
            None => Ok(items),
            Some(c) => Err(parser.error(format!("unexpected {c:?} after the document"))),
        };
    }
    parser.items(None)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// Up to where newlines were counted, and how many there were: long documents are counted once.
    counted: usize,
    newlines: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn line(&mut self) -> usize {
        self.newlines += count_newlines(&self.text[self.counted..self.at]);
        self.counted = self.at;
        1 + self.newlines
    }

    fn error(&self, what: impl Into<String>) -> SyntaxError {
        let line_start = self.text[..self.at].rfind('\n').map_or(0, |newline| newline + 1);
        let column = 1 + self.text[line_start..self.at].chars().count();
        let line = 1 + count_newlines(&self.text[..self.at]);
        SyntaxError { line, column, offset: self.at, what: what.into() }
    }

    /// Skips white space and comments.
    fn skip_blank(&mut self) -> Result<(), SyntaxError> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with('#') || trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                match trimmed.find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return Err(self.error("comment not terminated")),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn items(&mut self, close: Option<char>) -> Result<Vec<Item>, SyntaxError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error(format!("nested deeper than {DEPTH_MAX} levels")));
        }
        let mut items = Vec::new();
        loop {
            self.skip_blank()?;
            match self.peek() {
                None if close.is_none() => break,
                None => return Err(self.error("object expected closing RBRACE got: EOF")),
                c if c == close => {
                    self.bump();
                    break;
                }
                Some(_) => items.push(self.item()?),
            }
            self.skip_blank()?;
            if self.peek() == Some(',') && close.is_some() {
                self.bump();
            }
        }
        self.depth -= 1;
        Ok(items)
    }

    fn item(&mut self) -> Result<Item, SyntaxError> {
        let line = self.line();
        let (mut keys, mut key_spans) = (Vec::new(), Vec::new());
        loop {
            match self.peek() {
                Some('=' | ':') if !keys.is_empty() => {
                    self.bump();
                    self.skip_blank()?;
                    break;
                }
                Some('{') if !keys.is_empty() => break,
                None if !keys.is_empty() => return Err(self.error("key is not followed by a value")),
                _ => {
                    let start = self.at;
                    keys.push(self.key()?);
                    key_spans.push(start..self.at);
                }
            }
            self.skip_blank()?;
        }
        Ok(Item { keys, node: self.node()?, line, key_spans })
    }

    fn node(&mut self) -> Result<Node, SyntaxError> {
        let start = self.at;
        let value = self.value()?;
        Ok(Node { value, span: start..self.at })
    }

    fn key(&mut self) -> Result<String, SyntaxError> {
        match self.peek() {
            Some('"') => self.string(),
            Some(c) if c.is_alphabetic() || c == '_' => Ok(self.identifier().to_owned()),
            Some(c) => Err(self.error(format!("expected a key, '=' or '{{', found {c:?}"))),
            None => Err(self.error("expected a key, found the end of the document")),
        }
    }

    fn identifier(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn value(&mut self) -> Result<Value, SyntaxError> {
        match self.peek() {
            Some('"') => self.string().map(Value::Text),
            Some('[') => self.list(),
            Some('{') => {
                self.bump();
                self.items(Some('}')).map(Value::Object)
            }
            Some('<') => self.heredoc().map(Value::Text),
            Some(c) if c.is_ascii_digit() || c == '-' => self.number(),
            Some(c) if c.is_alphabetic() => {
                let start = self.at;
                match self.identifier() {
                    "true" => Ok(Value::Bool(true)),
                    "false" => Ok(Value::Bool(false)),
                    word => {
                        let what = format!("{word:?} is no value; write strings in double quotes");
                        self.at = start;
                        Err(self.error(what))
                    }
                }
            }
            Some(c) => Err(self.error(format!("expected a value, found {c:?}"))),
            None => Err(self.error("expected a value, found the end of the document")),
        }
    }

    fn list(&mut self) -> Result<Value, SyntaxError> {
        self.bump();
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error(format!("nested deeper than {DEPTH_MAX} levels")));
        }
        let mut values = Vec::new();
        loop {
            self.skip_blank()?;
            if self.peek() == Some(']') {
                self.bump();
                break;
            }
            values.push(self.node()?);
            self.skip_blank()?;
            match self.peek() {
                Some(',') => {
                    self.bump();
                }
                Some(']') => {}
                _ => return Err(self.error("error parsing list, expected comma or list end")),
            }
        }
        self.depth -= 1;
        Ok(Value::List(values))
    }

    fn number(&mut self) -> Result<Value, SyntaxError> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E')))
            .unwrap_or(rest.len());
        let number =
            rest[..end].parse().map_err(|_| self.error(format!("{:?} is no number", rest.get(..end).unwrap_or(""))))?;
        self.at += end;
        Ok(Value::Number(number))
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        self.bump();
        let mut text = String::new();
        // In `${...}` neither quotes nor line ends end a literal (HCL 1, `scanner.scanString`).
        let mut braces = 0_usize;
        loop {
            match self.bump() {
                None => return Err(self.error("literal not terminated")),
                Some('\n') if braces == 0 => return Err(self.error("literal not terminated")),
                Some('"') if braces == 0 => return Ok(text),
                Some('$') if braces == 0 && self.peek() == Some('{') => {
                    self.bump();
                    text.push_str("${");
                    braces = 1;
                }
                Some(c) if braces > 0 => {
                    match c {
                        '{' => braces += 1,
                        '}' => braces -= 1,
                        _ => {}
                    }
                    // A quote may be escaped there, and is a quote.
                    if c != '\\' || self.peek() != Some('"') {
                        text.push(c);
                    }
                }
                Some('\\') => {
                    let start = self.at - 1;
                    let Some(c) = self.escape() else {
                        self.at = start;
                        return Err(self.error("illegal char escape"));
                    };
                    text.push(c);
                }
                Some(c) => text.push(c),
            }
        }
    }

    /// What follows a backslash; none for what HCL 1 does not have, and for bytes that are no text by themselves.
    /// Source: hashicorp/hcl 1, `hcl/strconv`.
    fn escape(&mut self) -> Option<char> {
        Some(match self.bump()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            c @ ('"' | '\\' | '/') => c,
            'x' => self.byte(16, 2)?,
            '0'..='7' => {
                self.at -= 1;
                self.byte(8, 3)?
            }
            'u' => {
                let first = self.digits(16, 4)?;
                let code = if (0xd800..0xdc00).contains(&first) && self.rest().starts_with("\\u") {
                    self.at += 2;
                    let second = self.digits(16, 4)?;
                    0x10000 + ((first - 0xd800) << 10) + (second.wrapping_sub(0xdc00) & 0x3ff)
                } else {
                    first
                };
                char::from_u32(code)?
            }
            'U' => char::from_u32(self.digits(16, 8)?)?,
            _ => return None,
        })
    }

    fn byte(&mut self, radix: u32, count: usize) -> Option<char> {
        self.digits(radix, count).and_then(char::from_u32).filter(char::is_ascii)
    }

    fn digits(&mut self, radix: u32, count: usize) -> Option<u32> {
        let digits = self.rest().get(..count).filter(|text| text.chars().all(|c| c.is_digit(radix)))?;
        self.at += count;
        u32::from_str_radix(digits, radix).ok()
    }

    fn heredoc(&mut self) -> Result<String, SyntaxError> {
        let rest = self.rest();
        let Some(head) = rest.strip_prefix("<<") else {
            return Err(self.error("expected a value, found '<'"));
        };
        let indented = head.starts_with('-');
        let head = head.strip_prefix('-').unwrap_or(head);
        let Some((marker, body)) = head.split_once('\n') else {
            return Err(self.error("heredoc not terminated"));
        };
        let marker = marker.trim();
        if marker.is_empty() {
            return Err(self.error("heredoc without a marker"));
        }
        let mut lines: Vec<&str> = Vec::new();
        let mut used = rest.len() - body.len();
        for line in body.split_inclusive('\n') {
            let bare = line.trim_end_matches(['\n', '\r']);
            if bare == marker || indented && bare.trim_start() == marker {
                self.at += used + bare.len();
                let indent = if indented { common_indent(&lines) } else { 0 };
                return Ok(lines.iter().map(|line| line.get(indent..).unwrap_or("\n")).collect());
            }
            used += line.len();
            lines.push(line);
        }
        Err(self.error("heredoc not terminated"))
    }
}

fn count_newlines(text: &str) -> usize {
    text.bytes().filter(|&byte| byte == b'\n').count()
}

fn common_indent(lines: &[&str]) -> usize {
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    filled.map(|line| line.len() - line.trim_start_matches([' ', '\t']).len()).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Value, parse};

    fn show(value: &Value) -> String {
        match value {
            Value::Text(text) => format!("{text:?}"),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::List(values) => {
                format!("[{}]", values.iter().map(|node| show(&node.value)).collect::<Vec<_>>().join(","))
            }
            Value::Object(items) => {
                let shown = items.iter().map(|item| format!("{}={}", item.keys.join(" "), show(&item.node.value)));
                format!("{{{}}}", shown.collect::<Vec<_>>().join(";"))
            }
        }
    }

    /// A compact form, to compare the parses of different spellings.
    fn shape(text: &str) -> String {
        match parse(text) {
            Ok(items) => show(&Value::Object(items)),
            Err(error) => format!("error: {error}"),
        }
    }

    /// As OpenBao takes and refuses them.
    #[test]
    fn what_is_in_a_template_does_not_end_a_literal() {
        for (literal, expected) in [
            ("${v}", "{a=\"${v}\"}"),
            ("${v\"x\"}", "{a=\"${v\\\"x\\\"}\"}"),
            ("${v\\\"x}y", "{a=\"${v\\\"x}y\"}"),
            ("${a{b}c}", "{a=\"${a{b}c}\"}"),
            ("${a\nb}", "{a=\"${a\\nb}\"}"),
            ("$v{", "{a=\"$v{\"}"),
        ] {
            assert_eq!(shape(&format!("a = \"{literal}\"")), expected, "{literal}");
        }
        for open in ["${v", "$${v", "${{v}"] {
            let told = shape(&format!("a = \"{open}\"\nb = 1\n"));
            assert!(told.contains("literal not terminated"), "{open}: {told}");
        }
    }

    #[test]
    fn the_spellings_of_hcl_1_and_json_parse_alike() {
        for text in [
            "path \"a\" { capabilities = [\"read\", \"list\"] }",
            "path \"a\" {\n  capabilities = [\n    \"read\",\n    \"list\",\n  ]\n}",
            "\"path\" \"a\" { \"capabilities\" = [\"read\",\"list\"] } # end",
            "// head\npath /* x */ \"a\" {capabilities=[\"read\",\"list\"]}",
            "path \"a\" = { capabilities = [\"read\", \"list\"], }",
        ] {
            assert_eq!(shape(text), "{path a={capabilities=[\"read\",\"list\"]}}", "{text}");
        }
        assert_eq!(
            shape("{\"path\": {\"a\": {\"capabilities\": [\"read\"], \"n\": 1.5}}}"),
            "{path={a={capabilities=[\"read\"];n=1.5}}}"
        );
    }

    #[test]
    fn everything_knows_its_bytes() {
        let text = "path \"a\" {\n  capabilities = [\"re\\u0061d\", \"list\"]\n}\nx = <<E\n1\nE\n";
        let items = parse(text).expect("parses");
        let at = |span: &std::ops::Range<usize>| &text[span.clone()];
        assert_eq!(items[0].key_spans.iter().map(at).collect::<Vec<_>>(), ["path", "\"a\""]);
        assert!(at(&items[0].node.span).starts_with('{') && at(&items[0].node.span).ends_with('}'));
        let Value::Object(body) = &items[0].node.value else { panic!("{items:?}") };
        assert_eq!(at(&body[0].key_span()), "capabilities");
        let Value::List(names) = &body[0].node.value else { panic!("{items:?}") };
        let names: Vec<_> = names.iter().map(|node| (show(&node.value), at(&node.span))).collect();
        assert_eq!(names, [("\"read\"".to_owned(), "\"re\\u0061d\""), ("\"list\"".to_owned(), "\"list\"")]);
        assert_eq!(at(&items[1].node.span), "<<E\n1\nE");
    }

    #[test]
    fn several_attributes_may_share_a_line() {
        assert_eq!(shape("a = 1 b = true c { \"d\" = [] }"), "{a=1;b=true;c={d=[]}}");
    }

    #[test]
    fn strings_take_escapes_and_heredocs() {
        assert_eq!(shape(r#"a = "\x41\101\a\v""#), r#"{a="AA\u{7}\u{b}"}"#);
        for text in [r#"a = "bc\q""#, r#"a = "bc\x4""#, r#"a = "bc\xff""#, r#"a = "bc\777""#, r#"a = "bc\ud800""#] {
            let error = super::parse(text).expect_err(text);
            assert_eq!((error.offset, error.what.as_str()), (7, "illegal char escape"), "{text}");
        }
        assert_eq!(shape(r#"a = "x\n\"A😀${y}""#), r#"{a="x\n\"A😀${y}"}"#);
        assert_eq!(shape("a = <<EOF\n  x\ny\nEOF\nb = 1"), "{a=\"  x\\ny\\n\";b=1}");
        assert_eq!(shape("a = <<-EOF\n    x\n      y\n    EOF\n"), "{a=\"x\\n  y\\n\"}");
    }

    #[test]
    fn errors_say_where() {
        for (text, error) in [
            ("path \"a\" {", "error: At 1:11: object expected closing RBRACE got: EOF"),
            ("path", "error: At 1:5: key is not followed by a value"),
            ("a = b", "error: At 1:5: \"b\" is no value; write strings in double quotes"),
            ("a = [1 2]", "error: At 1:8: error parsing list, expected comma or list end"),
            ("a = \"x\ny\"", "error: At 2:1: literal not terminated"),
            ("\n= 1", "error: At 2:1: expected a key, '=' or '{', found '='"),
            ("{\"a\": 1} x", "error: At 1:10: unexpected 'x' after the document"),
            ("/* x", "error: At 1:1: comment not terminated"),
            ("a = <<E\nx", "error: At 1:5: heredoc not terminated"),
            ("a = 1-2", "error: At 1:5: \"1-2\" is no number"),
        ] {
            assert_eq!(shape(text), error);
        }
    }

    #[test]
    fn hostile_nesting_is_refused_at_once() {
        for open in ["a = ".to_owned() + &"[".repeat(100_000), "a {".repeat(100_000), "{\"a\":".repeat(100_000)] {
            assert!(shape(&open).contains("nested deeper than 16 levels"));
        }
    }

    #[test]
    fn long_documents_take_no_longer_per_line() {
        // A megabyte: where counting lines from the start each time would take minutes.
        let text = "a = 1\n".repeat(170_000);
        assert_eq!(parse(&text).unwrap().last().unwrap().line, 170_000);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|[\\[\\]{}=:,\"a1\\\\<\\-\n #/*]*") {
            let _ = parse(&text);
        }
    }
}
