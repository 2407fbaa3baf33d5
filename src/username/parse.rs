//! From the text of a template to its tree.

use super::error::{Error, Within};
use super::facts::Value;
use super::functions;

/// How deep parentheses and conditions may nest.
const DEPTH_MAX: usize = 32;

/// A part of a template.
#[derive(Debug)]
pub(super) enum Node {
    /// Printed as it is.
    Text(String),
    /// The value of a pipeline.
    Print(Pipeline),
    /// The first body whose condition holds.
    If {
        /// Conditions and bodies, in order.
        branches: Vec<(Pipeline, Vec<Self>)>,
        /// The body when none holds.
        otherwise: Vec<Self>,
    },
}

/// Commands; each gets the value of the one before as its last argument.
#[derive(Debug)]
pub(super) struct Pipeline(pub(super) Vec<Command>);

/// A function with its arguments, or a lone value.
#[derive(Debug)]
pub(super) struct Command(pub(super) Vec<Operand>);

/// One operand of a command.
#[derive(Debug)]
pub(super) enum Operand {
    /// A literal.
    Value(Value),
    /// `.Name`.
    Field(String),
    /// A function's name.
    Call(String),
    /// `( ... )`.
    Nested(Pipeline),
}

/// A piece of the template's text, cut at `{{` and `}}`.
enum Piece<'a> {
    Text(String),
    Action(&'a str),
}

/// Parses a template.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, Error> {
    let pieces = cut(text)?;
    let mut parser = Parser { pieces: pieces.into_iter() };
    match parser.body(0)? {
        (nodes, Stop::Template) => Ok(nodes),
        (_, Stop::Else(_)) => Err(Error::Unexpected("else")),
        (_, Stop::Done) => Err(Error::Unexpected("end")),
    }
}

/// Cuts the text at its actions, and applies comments and trim markers.
fn cut(text: &str) -> Result<Vec<Piece<'_>>, Error> {
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    let mut rest = text;
    let mut trim_next = false;
    loop {
        let (plain, after) = match rest.find("{{") {
            Some(start) => (&rest[..start], Some(&rest[start + 2..])),
            None => (rest, None),
        };
        let mut plain = if trim_next { plain.trim_start() } else { plain };
        let Some(action) = after else {
            pieces.push(Piece::Text(plain.to_owned()));
            return Ok(pieces);
        };
        let trims_before = action.starts_with("- ") || action.starts_with("-\t") || action.starts_with("-\n");
        if trims_before {
            plain = plain.trim_end();
        }
        pieces.push(Piece::Text(plain.to_owned()));
        let action = if trims_before { &action[1..] } else { action };
        let length = action_length(action)?;
        let inner = &action[..length];
        rest = &action[length + 2..];
        trim_next = inner.ends_with(" -") || inner.ends_with("\t-") || inner.ends_with("\n-") || inner.ends_with("*/-");
        let inner = if trim_next { &inner[..inner.len() - 1] } else { inner }.trim();
        if !(inner.starts_with("/*") && inner.ends_with("*/")) {
            pieces.push(Piece::Action(inner));
        }
    }
}

/// The length of an action up to its `}}`, which may also stand inside a string.
fn action_length(action: &str) -> Result<usize, Error> {
    let bytes = action.as_bytes();
    let mut at = 0;
    let mut quote = None;
    while at < bytes.len() {
        match (bytes[at], quote) {
            (b'\\', Some(b'"')) => at += 1,
            (byte, Some(open)) if byte == open => quote = None,
            (byte @ (b'"' | b'`'), None) => quote = Some(byte),
            (b'}', None) if bytes.get(at + 1) == Some(&b'}') => return Ok(at),
            _ => {}
        }
        at += 1;
    }
    Err(if quote.is_some() { Error::Unterminated("string in an action") } else { Error::UnclosedAction })
}

/// What ended a body.
enum Stop<'a> {
    Template,
    Else(&'a str),
    Done,
}

struct Parser<'a> {
    pieces: std::vec::IntoIter<Piece<'a>>,
}

impl<'a> Parser<'a> {
    fn body(&mut self, depth: usize) -> Result<(Vec<Node>, Stop<'a>), Error> {
        if depth > DEPTH_MAX {
            return Err(Error::Nested { what: "conditions", max: DEPTH_MAX });
        }
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let action = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Piece::Action(action) => action,
            };
            let (word, rest) = action.split_at(action.find(|c: char| !c.is_alphanumeric()).unwrap_or(action.len()));
            match word {
                "end" if rest.is_empty() => return Ok((nodes, Stop::Done)),
                "else" => return Ok((nodes, Stop::Else(rest.trim()))),
                "if" => nodes.push(self.condition(rest, depth)?),
                "range" | "with" | "define" | "template" | "block" | "break" | "continue" => {
                    return Err(Error::Unsupported(word.to_owned()));
                }
                _ => nodes.push(Node::Print(pipeline(action)?)),
            }
        }
        Ok((nodes, Stop::Template))
    }

    fn condition(&mut self, first: &str, depth: usize) -> Result<Node, Error> {
        let mut branches = Vec::new();
        let mut condition = pipeline(first)?;
        loop {
            let (body, end) = self.body(depth + 1)?;
            branches.push((condition, body));
            match end {
                Stop::Done => return Ok(Node::If { branches, otherwise: Vec::new() }),
                Stop::Else("") => {
                    let (otherwise, end) = self.body(depth + 1)?;
                    return match end {
                        Stop::Done => Ok(Node::If { branches, otherwise }),
                        Stop::Else(_) => Err(Error::SecondElse),
                        Stop::Template => Err(Error::Ends(Within::Else)),
                    };
                }
                Stop::Else(next) => match next.strip_prefix("if") {
                    Some(next) => condition = pipeline(next)?,
                    None => return Err(Error::AfterElse(next.to_owned())),
                },
                Stop::Template => return Err(Error::Ends(Within::If)),
            }
        }
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    Field(String),
    Literal(Value),
    Pipe,
    Open,
    Close,
}

/// Parses the whole of an action as a pipeline.
fn pipeline(text: &str) -> Result<Pipeline, Error> {
    let mut tokens = tokens(text)?.into_iter();
    let (pipeline, closed) = commands(&mut tokens, 0)?;
    if closed { Err(Error::UnopenedParenthesis) } else { Ok(pipeline) }
}

/// Commands up to the end or to a closing parenthesis; answers which it was.
fn commands(tokens: &mut std::vec::IntoIter<Token>, depth: usize) -> Result<(Pipeline, bool), Error> {
    if depth > DEPTH_MAX {
        return Err(Error::Nested { what: "parentheses", max: DEPTH_MAX });
    }
    let mut all = Vec::new();
    let mut operands = Vec::new();
    let mut finish = |operands: &mut Vec<Operand>| {
        if operands.is_empty() {
            return Err(Error::NoValueInAction);
        }
        all.push(Command(std::mem::take(operands)));
        Ok(())
    };
    let mut closed = false;
    while let Some(token) = tokens.next() {
        match token {
            Token::Pipe => finish(&mut operands)?,
            Token::Close => {
                closed = true;
                break;
            }
            Token::Open => match commands(tokens, depth + 1)? {
                (nested, true) => operands.push(Operand::Nested(nested)),
                (_, false) => return Err(Error::UnclosedParenthesis),
            },
            Token::Literal(value) => operands.push(Operand::Value(value)),
            Token::Field(name) => operands.push(Operand::Field(name)),
            Token::Word(name) => operands.push(match name.as_str() {
                "true" => Operand::Value(Value::Flag(true)),
                "false" => Operand::Value(Value::Flag(false)),
                _ if functions::NAMES.contains(&name.as_str()) => Operand::Call(name),
                _ => return Err(Error::UnknownFunction(name)),
            }),
        }
    }
    finish(&mut operands)?;
    Ok((Pipeline(all), closed))
}

fn tokens(text: &str) -> Result<Vec<Token>, Error> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word_end = |from: &str| from.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(from.len());
        let taken = match first {
            '|' => {
                tokens.push(Token::Pipe);
                1
            }
            '(' => {
                tokens.push(Token::Open);
                1
            }
            ')' => {
                tokens.push(Token::Close);
                1
            }
            '"' => {
                let (value, length) = quoted(rest)?;
                tokens.push(Token::Literal(Value::Text(value)));
                length
            }
            '`' => {
                let end = rest[1..].find('`').ok_or(Error::Unterminated("raw string"))?;
                tokens.push(Token::Literal(Value::Text(rest[1..=end].to_owned())));
                end + 2
            }
            '.' => {
                let end = word_end(&rest[1..]);
                tokens.push(Token::Field(rest[1..=end].to_owned()));
                end + 1
            }
            '-' | '0'..='9' => {
                let end = 1 + word_end(&rest[1..]);
                let number = rest[..end].parse().map_err(|_| Error::BadNumber(rest[..end].to_owned()))?;
                tokens.push(Token::Literal(Value::Number(number)));
                end
            }
            c if c.is_alphabetic() || c == '_' => {
                let end = word_end(rest);
                tokens.push(Token::Word(rest[..end].to_owned()));
                end
            }
            c => return Err(Error::UnexpectedCharacter(c)),
        };
        rest = rest[taken..].trim_start();
    }
    Ok(tokens)
}

/// A double-quoted string with Go's escapes; answers its value and its length in the text.
fn quoted(text: &str) -> Result<(String, usize), Error> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, at + 1)),
            '\\' => {
                let (_, escape) = chars.next().ok_or(Error::Unterminated("quoted string"))?;
                let digits = match escape {
                    'x' => 2,
                    'u' => 4,
                    'U' => 8,
                    _ => 0,
                };
                if digits > 0 {
                    let code: String = chars.by_ref().take(digits).map(|(_, digit)| digit).collect();
                    let c = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
                    value.push(c.ok_or_else(|| Error::BadEscape(format!("{escape}{code}")))?);
                    continue;
                }
                value.push(match escape {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    '"' | '\\' | '\'' => escape,
                    _ => return Err(Error::BadEscape(escape.to_string())),
                });
            }
            c => value.push(c),
        }
    }
    Err(Error::Unterminated("quoted string"))
}
