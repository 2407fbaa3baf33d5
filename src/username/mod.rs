//! How IAM users are named: the template, which is the part of Go's text/template that such templates use, and what
//! IAM takes as a name. Pure; named by both halves: the engine names users, and the estate is told before it does what
//! no user can be named.
//!
//! Text, `{{ pipelines }}` with calls, fields, strings, numbers and parentheses, `if`, `else`, `end`,
//! comments and trim markers. Compiled once per mount configuration; every limit has a name.

mod error;
mod facts;
mod functions;
mod parse;

use self::facts::{OUTPUT_MAX, Value};
use self::parse::{Command, Node, Operand, Pipeline};
use crate::iam::quota::is_name_char;

pub(crate) use self::error::Error;
pub(crate) use self::facts::{Chance, Facts};

/// The template of a mount that sets none. People write IAM policies on `user/vault-*`, so the names
/// it makes begin with `vault-`, as they do everywhere.
pub(crate) const DEFAULT: &str = concat!(
    r#"{{ if (eq .Type "STS") }}"#,
    r#"{{ printf "vault-%s-%s"  (unix_time) (random 20) | truncate 32 }}"#,
    r#"{{ else }}"#,
    r#"{{ printf "vault-%s-%s-%s" (printf "%s-%s" (.DisplayName) (.PolicyName) | truncate 42) "#,
    r#"(unix_time) (random 20) | truncate 64 }}"#,
    r#"{{ end }}"#
);

/// The longest template, in bytes.
const TEMPLATE_MAX: usize = 8192;

/// A template ready to be rendered.
#[derive(Debug)]
pub(crate) struct Template(Vec<Node>);

/// The longest name of an IAM user, in characters. Source: "IAM and AWS STS quotas".
pub(crate) const NAME_MAX: usize = 64;

/// Why IAM takes no user of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It has this many characters, more than [`NAME_MAX`].
    Long(usize),
    /// It is empty.
    Empty,
    /// It holds this character.
    Character(char),
}

/// Whether IAM takes a user of this name. Source: IAM API reference, `CreateUser`, parameter `UserName`.
pub(crate) fn check(name: &str) -> Result<(), Refused> {
    match (name.chars().count(), name.chars().find(|c| !is_name_char(*c))) {
        (long, _) if long > NAME_MAX => Err(Refused::Long(long)),
        (0, _) => Err(Refused::Empty),
        (_, Some(character)) => Err(Refused::Character(character)),
        (_, None) => Ok(()),
    }
}

/// Replaces what IAM does not take in a user name, as display names and role names may hold it.
pub(crate) fn name_part(text: &str) -> String {
    text.chars().map(|c| if is_name_char(c) { c } else { '_' }).collect()
}

/// A text in double quotes with Go's escapes, as `%q` prints it.
pub(crate) fn go_quote(text: &str) -> String {
    functions::go_quote(text)
}

impl Template {
    /// Compiles a template.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(crate) fn compile(text: &str) -> Result<Self, Error> {
        if text.len() > TEMPLATE_MAX {
            return Err(Error::Long(TEMPLATE_MAX));
        }
        parse::parse(text).map(Self)
    }

    /// Prints the template.
    ///
    /// # Errors
    /// The call that failed, and why.
    pub(crate) fn render(&self, facts: &Facts<'_>) -> Result<String, Error> {
        let mut text = String::new();
        print(&self.0, facts, &mut text)?;
        Ok(text)
    }
}

fn print(nodes: &[Node], facts: &Facts<'_>, text: &mut String) -> Result<(), Error> {
    for node in nodes {
        match node {
            Node::Text(plain) => text.push_str(plain),
            Node::Print(pipeline) => text.push_str(&evaluate(pipeline, facts)?.text()),
            Node::If { branches, otherwise } => {
                let mut chosen = otherwise;
                for (condition, body) in branches {
                    if evaluate(condition, facts)?.is_true() {
                        chosen = body;
                        break;
                    }
                }
                print(chosen, facts, text)?;
            }
        }
        if text.len() > OUTPUT_MAX {
            return Err(Error::PrintsMuch(OUTPUT_MAX));
        }
    }
    Ok(())
}

fn evaluate(pipeline: &Pipeline, facts: &Facts<'_>) -> Result<Value, Error> {
    let mut piped = None;
    for command in &pipeline.0 {
        piped = Some(run(command, piped, facts)?);
    }
    piped.ok_or(Error::NoValue)
}

fn run(command: &Command, piped: Option<Value>, facts: &Facts<'_>) -> Result<Value, Error> {
    let (head, rest) = command.0.split_first().ok_or(Error::NoValue)?;
    match head {
        Operand::Call(name) => {
            let mut arguments = rest.iter().map(|operand| value(operand, facts)).collect::<Result<Vec<_>, _>>()?;
            arguments.extend(piped);
            call(name, &arguments, facts)
        }
        _ if !rest.is_empty() || piped.is_some() => Err(Error::NoFunction),
        operand => value(operand, facts),
    }
}

fn call(name: &str, arguments: &[Value], facts: &Facts<'_>) -> Result<Value, Error> {
    functions::call(name, arguments, facts).map_err(|error| Error::Call { name: name.to_owned(), error })
}

fn value(operand: &Operand, facts: &Facts<'_>) -> Result<Value, Error> {
    match operand {
        Operand::Value(value) => Ok(value.clone()),
        Operand::Field(name) => Ok(Value::Text(
            match name.as_str() {
                "Type" => facts.kind,
                "DisplayName" => facts.display_name,
                "PolicyName" => facts.policy_name,
                _ => return Err(Error::UnknownField(name.clone())),
            }
            .to_owned(),
        )),
        Operand::Call(name) => call(name, &[], facts),
        Operand::Nested(pipeline) => evaluate(pipeline, facts),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::{Chance, DEFAULT, Facts, Refused, Template, check, go_quote, name_part};

    const CHANCE: Chance = Chance { base62: |length| Some("x".repeat(length)), uuid: || Some("u".repeat(36)) };

    fn facts(display_name: &str) -> Facts<'_> {
        let now = datetime!(2023-11-14 22:13:20.25 UTC);
        Facts { kind: "IAM", display_name, policy_name: "r", now, chance: CHANCE }
    }

    #[test]
    fn what_iam_takes_as_a_name() {
        for (name, refused) in [
            ("vault-root-r-1700000000-Ab_+=,.@-".to_owned(), Ok(())),
            ("x".repeat(64), Ok(())),
            ("x".repeat(65), Err(Refused::Long(65))),
            (String::new(), Err(Refused::Empty)),
            ("a/b".to_owned(), Err(Refused::Character('/'))),
        ] {
            assert_eq!(check(&name), refused, "{name}");
        }
        assert_eq!(name_part("^#$test name\nshould be normalized)(*"), "___test_name_should_be_normalized___");
        assert_eq!(name_part("a/b c"), "a_b_c");
    }

    #[test]
    fn quotes_are_those_of_go() {
        assert_eq!(go_quote("{bad"), "\"{bad\"");
        assert_eq!(go_quote("a\"b\\\n\t\u{1}é"), "\"a\\\"b\\\\\\n\\t\\x01é\"");
    }

    fn render(template: &str) -> Result<String, String> {
        let rendered = Template::compile(template).and_then(|template| template.render(&facts("root")));
        rendered.map_err(|error| error.to_string())
    }

    #[test]
    fn the_default_names_users_by_display_name_role_and_time() {
        let name = render(DEFAULT).unwrap();
        assert!(name.starts_with("vault-root-r-1700000000-"), "{name}");
        assert_eq!(name.len(), "vault-root-r-1700000000-".len() + 20);
        let long = "d".repeat(80);
        let name = Template::compile(DEFAULT).unwrap().render(&facts(&long)).unwrap();
        assert_eq!(name.len(), 64);
        assert!(name.starts_with(&format!("vault-{}-1700000000-", "d".repeat(42))), "{name}");
        let sts = Facts { kind: "STS", ..facts("") };
        let name = Template::compile(DEFAULT).unwrap().render(&sts).unwrap();
        assert_eq!(name.len(), 32);
        assert!(name.starts_with("vault-1700000000-"), "{name}");
    }

    #[test]
    fn functions_and_control_work_as_in_go() {
        for (template, expected) in [
            ("plain", "plain"),
            ("{{ .DisplayName }}-{{.PolicyName}}", "root-r"),
            ("{{ .DisplayName | uppercase }}", "ROOT"),
            ("{{ lowercase \"ABC\" }}", "abc"),
            ("{{ replace \"o\" \"0\" .DisplayName }}", "r00t"),
            ("{{ .DisplayName | truncate 2 }}", "ro"),
            ("{{ truncate_sha256 12 \"abcdefghijklmnop\" }}", "abcdc1bd5d19"),
            ("{{ unix_time }} {{ unix_time_millis }}", "1700000000 1700000000250"),
            ("{{ timestamp \"2006-01-02T15:04:05Z\" }}", "2023-11-14T22:13:20Z"),
            ("{{ timestamp \"Jan _2 06 03PM .000\" }}", "Nov 14 23 10PM .250"),
            ("{{ base64 \"a\" }} {{ decode_base64 \"YQ==\" }} {{ hex \"a\" }} {{ decode_hex \"61\" }}", "YQ== a 61 a"),
            ("{{ sha256 \"\" | truncate 8 }}", "e3b0c442"),
            ("{{ printf \"%s|%5d|%-4s|%q|%v%%\" \"a\" 7 \"b\" \"c\" true }}", "a|    7|b   |\"c\"|true%"),
            ("{{ printf \"%x %X %t\" \"hi\" 255 true }}", "6869 FF true"),
            ("{{ if eq .Type \"IAM\" }}user{{ else }}session{{ end }}", "user"),
            ("{{ if eq .Type \"STS\" \"X\" }}a{{ else if .DisplayName }}b{{ else }}c{{ end }}", "b"),
            ("{{ if and (ne .Type \"STS\") (not \"\") }}y{{ end }}{{ or \"\" \"z\" }}", "yz"),
            ("a {{- /* comment */ -}} b {{- \"c\" -}}  d", "abcd"),
            ("{{ `raw \\n` }}{{ \"tab\\t\\u0041\" }}", "raw \\ntab\tA"),
            ("{{ len .DisplayName }}", "4"),
        ] {
            assert_eq!(render(template).as_deref(), Ok(expected), "{template}");
        }
        assert_eq!(render("{{ random 70 }}").unwrap().len(), 70);
        assert_eq!(render("{{ uuid }}").unwrap().len(), 36);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (template, part) in [
            ("{{ foo }}", "function \"foo\" not defined"),
            ("{{ .Foo }}", "can't evaluate field Foo"),
            ("{{ random }}", "wrong number of arguments"),
            ("{{ random \"x\" }}", "expected a number"),
            ("{{ random 0 }}", "must be"),
            ("{{ random 999999999 }}", "must be"),
            ("{{ truncate 0 \"a\" }}", "must be"),
            ("{{ truncate_sha256 8 \"a\" }}", "greater than 8"),
            ("{{ if .Type }}", "unexpected end"),
            ("{{ end }}", "unexpected {{end}}"),
            ("{{ else }}", "unexpected {{else}}"),
            ("{{ \"a }}", "unterminated"),
            ("{{ .Type", "unclosed action"),
            ("{{ }}", "missing value"),
            ("{{ .Type | }}", "missing value"),
            ("{{ \"a\" \"b\" }}", "non-function"),
            ("{{ (.Type }}", "unclosed"),
            ("{{ range .X }}{{ end }}", "not supported"),
            ("{{ $x := 1 }}", "unexpected"),
            ("{{ printf \"%z\" 1 }}", "verb"),
            ("{{ printf \"%s\" }}", "missing"),
            ("{{ decode_hex \"zz\" }}", "hex"),
        ] {
            let error = render(template).expect_err(template);
            assert!(error.contains(part), "{template}: {error}");
        }
        let deep = format!("{{{{ {}.Type{} }}}}", "(".repeat(1000), ")".repeat(1000));
        assert!(render(&deep).unwrap_err().contains("nested"));
        assert!(render(&"x".repeat(10_000)).is_err());
    }
}
