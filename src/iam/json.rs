//! JSON whose every value knows where it stands.
//!
//! `serde_json` keeps no positions, and of two equal keys it silently keeps the last: a reviewer would read
//! one policy and AWS another. This reader keeps both. Depth is bounded, so hostile text can't exhaust the
//! stack.

use std::ops::Range;

/// A JSON value and its place, of whatever policy_type the reader of the file uses.
#[derive(Clone, Debug)]
pub struct Json<S> {
    /// The value.
    pub content: Content<S>,
    /// Where it stands.
    pub span: S,
}

/// The value of a [`Json`].
#[derive(Clone, Debug)]
pub enum Content<S> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    /// A string, unescaped.
    Text(String),
    /// An array.
    List(Vec<Json<S>>),
    /// An object in its own order; a key may stand twice.
    Map(Vec<Member<S>>),
}

/// One member of an object.
#[derive(Clone, Debug)]
pub struct Member<S> {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_span: S,
    /// The value.
    pub value: Json<S>,
}

/// Why a text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Where, in bytes.
    pub span: Range<usize>,
    /// What was expected or found.
    pub what: String,
}

/// How deep values may nest.
pub const DEPTH_MAX: usize = 64;

/// Parses a whole text.
///
/// # Errors
/// The first place where the text is not JSON.
pub fn parse(text: &str) -> Result<Json<Range<usize>>, Malformed> {
    let mut reader = Reader { text, at: 0 };
    reader.blank();
    let value = reader.value(0)?;
    reader.blank();
    if reader.at < text.len() {
        return Err(reader.unexpected("the end of the document"));
    }
    Ok(value)
}

impl<S> Json<S> {
    /// The same value with other places.
    pub fn map_spans<T>(self, place: &impl Fn(S) -> T) -> Json<T> {
        let content = match self.content {
            Content::Null => Content::Null,
            Content::Bool(flag) => Content::Bool(flag),
            Content::Number(number) => Content::Number(number),
            Content::Text(text) => Content::Text(text),
            Content::List(items) => Content::List(items.into_iter().map(|item| item.map_spans(place)).collect()),
            Content::Map(members) => Content::Map(
                members
                    .into_iter()
                    .map(|member| Member {
                        key: member.key,
                        key_span: place(member.key_span),
                        value: member.value.map_spans(place),
                    })
                    .collect(),
            ),
        };
        Json { content, span: place(self.span) }
    }

    /// The text without white space: order, shape and the spelling of numbers as they were written.
    pub fn compact(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        let quoted = |text: &str, out: &mut String| out.push_str(&serde_json::Value::from(text).to_string());
        match &self.content {
            Content::Null => out.push_str("null"),
            Content::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Content::Number(number) => out.push_str(number),
            Content::Text(text) => quoted(text, out),
            Content::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Content::Map(members) => {
                out.push('{');
                for (index, member) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    quoted(&member.key, out);
                    out.push(':');
                    member.value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// The word for the value's type in a message.
    pub fn type_name(&self) -> &'static str {
        match self.content {
            Content::Null => "null",
            Content::Bool(_) => "true or false",
            Content::Number(_) => "a number",
            Content::Text(_) => "text",
            Content::List(_) => "a list",
            Content::Map(_) => "an object",
        }
    }
}

impl From<&serde_json::Value> for Json<()> {
    fn from(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        let content = match value {
            Value::Null => Content::Null,
            Value::Bool(flag) => Content::Bool(*flag),
            Value::Number(number) => Content::Number(number.to_string()),
            Value::String(text) => Content::Text(text.clone()),
            Value::Array(items) => Content::List(items.iter().map(Self::from).collect()),
            Value::Object(map) => Content::Map(
                map.iter()
                    .map(|(key, value)| Member { key: key.clone(), key_span: (), value: Self::from(value) })
                    .collect(),
            ),
        };
        Self { content, span: () }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn unexpected(&self, expected: &str) -> Malformed {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(found) => Malformed {
                span: self.at..self.at + found.len_utf8(),
                what: format!("expected {expected}, found `{found}`"),
            },
            None => Malformed {
                span: self.at.min(self.text.len())..self.text.len(),
                what: format!("expected {expected}, found the end of the document"),
            },
        }
    }

    fn value(&mut self, depth: usize) -> Result<Json<Range<usize>>, Malformed> {
        let start = self.at;
        if depth > DEPTH_MAX {
            return Err(Malformed { span: start..start + 1, what: format!("nested deeper than {DEPTH_MAX} levels") });
        }
        let content = match self.peek() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Content::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Json { content, span: start..self.at })
    }

    fn word(&mut self) -> Result<Content<Range<usize>>, Malformed> {
        for (word, content) in [("true", Content::Bool(true)), ("false", Content::Bool(false)), ("null", Content::Null)]
        {
            if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(content);
            }
        }
        Err(self.unexpected("a value"))
    }

    fn map(&mut self, depth: usize) -> Result<Content<Range<usize>>, Malformed> {
        self.at += 1;
        let mut members = Vec::new();
        self.blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Content::Map(members));
        }
        loop {
            self.blank();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let key = self.string()?;
            let key_span = start..self.at;
            self.blank();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("`:`"));
            }
            self.at += 1;
            self.blank();
            let value = self.value(depth + 1)?;
            members.push(Member { key, key_span, value });
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Content::Map(members));
                }
                _ => return Err(self.unexpected("`,` or `}`")),
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Content<Range<usize>>, Malformed> {
        self.at += 1;
        let mut items = Vec::new();
        self.blank();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Content::List(items));
        }
        loop {
            self.blank();
            items.push(self.value(depth + 1)?);
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Content::List(items));
                }
                _ => return Err(self.unexpected("`,` or `]`")),
            }
        }
    }

    fn number(&mut self) -> Result<Content<Range<usize>>, Malformed> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        let text = &self.text[start..self.at];
        if serde_json::from_str::<serde_json::Number>(text).is_err() {
            return Err(Malformed { span: start..self.at, what: format!("`{text}` is not a JSON number") });
        }
        Ok(Content::Number(text.to_owned()))
    }

    /// Finds the end of the string and leaves the unescaping to `serde_json`.
    fn string(&mut self) -> Result<String, Malformed> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut escaped = false;
        let mut end = start + 1;
        loop {
            match bytes.get(end) {
                None => {
                    let line =
                        bytes[start..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| start + at);
                    return Err(Malformed { span: start..line, what: "this string has no end".to_owned() });
                }
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    end += 2;
                }
                Some(byte) if *byte < 0x20 => {
                    let what = "a string may not hold a line break or control character".to_owned();
                    return Err(Malformed { span: end..end + 1, what });
                }
                Some(_) => end += 1,
            }
        }
        self.at = end + 1;
        if !escaped {
            return Ok(self.text[start + 1..end].to_owned());
        }
        serde_json::from_str(&self.text[start..self.at]).map_err(|_| Malformed {
            span: start..self.at,
            what: "this string has an escape that JSON does not know".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Content, parse};

    #[test]
    fn values_keep_their_places_and_repeated_keys() {
        let text = r#"{"a": [1, "x\n"], "a": null}"#;
        let Content::Map(members) = parse(text).expect("parses").content else { panic!("a map") };
        assert_eq!(members.len(), 2);
        assert_eq!(&text[members[1].key_span.clone()], "\"a\"");
        let Content::List(items) = &members[0].value.content else { panic!("a list") };
        assert_eq!(&text[items[1].span.clone()], r#""x\n""#);
    }

    #[test]
    fn compact_text_differs_in_white_space_only() {
        let text = "{ \"b\": [1.50, -2E3, \"x y\\n\"],\n \"a\": [], \"c\": {\"d\": [null, true]} }";
        let compact = r#"{"b":[1.50,-2E3,"x y\n"],"a":[],"c":{"d":[null,true]}}"#;
        assert_eq!(parse(text).expect("parses").compact(), compact);
        assert_eq!(parse(compact).expect("parses").compact(), compact);
    }

    #[test]
    fn malformed_text_is_refused_where_it_is() {
        for (text, at, what) in [
            ("", 0, "expected a value, found the end of the document"),
            ("{\"a\" 1}", 5, "expected `:`, found `1`"),
            ("{\"a\": 1,}", 8, "expected a key in double quotes, found `}`"),
            ("[1 2]", 3, "expected `,` or `]`, found `2`"),
            ("{} x", 3, "expected the end of the document, found `x`"),
            ("\"abc", 0, "this string has no end"),
            ("\"\\q\"", 0, "this string has an escape that JSON does not know"),
            ("01", 0, "`01` is not a JSON number"),
            ("\"a\nb\"", 2, "a string may not hold a line break or control character"),
        ] {
            let malformed = parse(text).expect_err(text);
            assert_eq!((malformed.span.start, malformed.what.as_str()), (at, what), "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(parse(&"[".repeat(100_000)).is_err_and(|malformed| malformed.what.contains("nested deeper")));
        assert!(parse(&format!("{}1{}", "[".repeat(60), "]".repeat(60))).is_ok());
    }

    #[test]
    fn what_serde_json_takes_is_taken() {
        for text in ["{}", " [ ] ", "-1.5e3", "\"\\u00e9\\\"\"", "{\"a\":{\"b\":[true,false,null]}}", "\"\\\\\""] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }
}
