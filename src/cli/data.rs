//! `k=v` arguments, as Vault's command line reads them.
//!
//! `k=v` is text, `k=@file` a file's content, `k=-` what comes on stdin, `k=\@x` the text `@x`; a key that
//! is repeated is a list. `-` or `@file` alone is a JSON object. Values are always text: the engine makes
//! numbers and lists of them.

use std::io::Read;

use serde_json::{Map, Value};

use super::error::CliError;

/// As much as servers take in one request.
const BYTES_MAX: u64 = 32 << 20;

/// Where `-` and `@file` are read from.
pub(crate) trait Sources {
    /// All of stdin.
    fn stdin(&mut self) -> Result<String, CliError>;
    /// All of a file.
    fn file(&mut self, path: &str) -> Result<String, CliError>;
}

/// The real stdin, which can be read only once, and the real files.
#[derive(Debug, Default)]
pub(crate) struct Real {
    stdin_read: bool,
}

impl Sources for Real {
    fn stdin(&mut self) -> Result<String, CliError> {
        if std::mem::replace(&mut self.stdin_read, true) {
            return Err(CliError::new(1, "stdin can be read for one value only"));
        }
        read(std::io::stdin().lock(), "stdin")
    }

    fn file(&mut self, path: &str) -> Result<String, CliError> {
        let file = std::fs::File::open(path).map_err(|error| CliError::new(1, format!("{path}: {error}")))?;
        read(file, path)
    }
}

fn read(from: impl Read, name: &str) -> Result<String, CliError> {
    let mut text = String::new();
    from.take(BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| CliError::new(1, format!("{name} could not be read: {error}")))?;
    match text.len() as u64 > BYTES_MAX {
        true => Err(CliError::new(1, format!("{name} has more than 32 MiB"))),
        false => Ok(text),
    }
}

/// Reads the arguments.
///
/// # Errors
/// An argument that is none of the forms, or a source that can't be read. Values are never shown.
pub(crate) fn parse(arguments: &[String], sources: &mut impl Sources) -> Result<Map<String, Value>, CliError> {
    let mut data = Map::new();
    for argument in arguments {
        match argument.split_once('=') {
            Some((key, value)) if !key.is_empty() => add(&mut data, key, text(value, sources)?),
            Some(_) => return Err(CliError::new(1, "an argument begins with '=', so it has no key")),
            None => {
                let json = match argument.strip_prefix('@') {
                    Some(path) => sources.file(path)?,
                    None if argument == "-" => sources.stdin()?,
                    None => {
                        return Err(CliError::new(1, "an argument is not KEY=VALUE")
                            .hint("KEY=@FILE reads a file, KEY=- reads stdin, - alone reads JSON from stdin"));
                    }
                };
                data.extend(object(&json)?);
            }
        }
    }
    Ok(data)
}

/// One value that may be given in place, by `@file`, or on stdin (`-`).
///
/// # Errors
/// When the source can't be read.
pub(crate) fn text(value: &str, sources: &mut impl Sources) -> Result<String, CliError> {
    match (value, value.strip_prefix('@'), value.strip_prefix("\\@")) {
        ("-", _, _) => sources.stdin(),
        (_, Some(path), _) => sources.file(path),
        (_, _, Some(literal)) => Ok(format!("@{literal}")),
        _ => Ok(value.to_owned()),
    }
}

fn object(json: &str) -> Result<Map<String, Value>, CliError> {
    let wrong = |problem: &str| CliError::new(1, format!("the data is not a JSON object: {problem}"));
    match serde_json::from_str(json) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(wrong("it is another kind of value")),
        // serde_json's text could show a piece of the data; the place is enough.
        Err(error) => Err(wrong(&format!("line {}, column {}", error.line(), error.column()))),
    }
}

fn add(data: &mut Map<String, Value>, key: &str, value: String) {
    match data.get_mut(key) {
        None => {
            data.insert(key.to_owned(), Value::String(value));
        }
        Some(Value::Array(values)) => values.push(Value::String(value)),
        Some(present) => {
            let first = std::mem::take(present);
            *present = Value::Array(vec![first, Value::String(value)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{CliError, Sources, parse};

    struct Fixed;

    impl Sources for Fixed {
        fn stdin(&mut self) -> Result<String, CliError> {
            Ok("{\"from\": \"stdin\"}\n".to_owned())
        }

        fn file(&mut self, path: &str) -> Result<String, CliError> {
            Ok(format!("{{\"in\": \"{path}\"}}"))
        }
    }

    #[track_caller]
    fn check(arguments: &[&str], expected: serde_json::Value) {
        let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        assert_eq!(serde_json::Value::Object(parse(&arguments, &mut Fixed).unwrap()), expected);
    }

    #[test]
    fn values_come_from_the_argument_a_file_or_stdin() {
        check(&["a=b", "c=d=e", "f="], json!({"a": "b", "c": "d=e", "f": ""}));
        check(&["p=@role.json"], json!({"p": "{\"in\": \"role.json\"}"}));
        check(&["p=-"], json!({"p": "{\"from\": \"stdin\"}\n"}));
        check(&["p=\\@literal", "n=-1"], json!({"p": "@literal", "n": "-1"}));
    }

    #[test]
    fn a_repeated_key_is_a_list() {
        check(&["a=1", "a=2", "a=3"], json!({"a": ["1", "2", "3"]}));
    }

    #[test]
    fn a_whole_object_may_be_given_and_added_to() {
        check(&["-", "a=b"], json!({"from": "stdin", "a": "b"}));
        check(&["@data.json"], json!({"in": "data.json"}));
        check(&[], json!({}));
    }

    #[test]
    fn what_is_neither_is_refused_without_showing_it() {
        for argument in ["hunter2", "=hunter2"] {
            let error = parse(&[argument.to_owned()], &mut Fixed).unwrap_err();
            assert!(!error.message.contains("hunter2"), "{error:?}");
        }
        assert!(super::object("{\"a\": hunter2").unwrap_err().message.contains("line 1"));
        assert!(super::object("[1]").is_err());
    }
}
