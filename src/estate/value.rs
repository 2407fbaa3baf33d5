//! Typed values: what a file may say for a field of each shape.
//!
//! Stricter than what an engine takes: a number is not text and text is no list, because what a reader would
//! take for a mistake should not be guessed at.

use serde_json::Value;

use super::problem::Draft;
use super::span::Span;
use super::tree::{Content, Node};
use crate::iam::arn::{Arn, is_account};
use crate::iam::quota::is_name_char;
use crate::object::{FieldValue, Shape, field};
use crate::text::did_you_mean;
use crate::units::{duration, network};

/// The value of a node for a field of this shape, in canonical form. Policy documents and ACL rules are more
/// than a value and are read elsewhere.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn read(shape: Shape, node: &Node) -> Result<FieldValue, Vec<Draft>> {
    let one = |draft: Draft| vec![draft];
    let value = match shape {
        Shape::Text | Shape::OwnName | Shape::Rules(_) | Shape::PolicyDocument => Value::from(text(node).map_err(one)?),
        Shape::OneOf(choices) => {
            let text = text(node).map_err(one)?;
            if !choices.contains(&text) {
                let hint = did_you_mean(text, choices.iter().copied());
                let what = format!("`{text}` is not one of {}", listed(choices));
                return Err(one(Draft::error(node.span, what).hint_if(hint)));
            }
            Value::from(text)
        }
        Shape::Int => Value::from(int(node).map_err(one)?),
        Shape::Bool => match node.content {
            Content::Bool(flag) => Value::from(flag),
            _ => return Err(one(wrong(node, "true or false").hint_if(truth(node).map(str::to_owned)))),
        },
        Shape::Seconds => Value::from(seconds(node).map_err(one)?),
        Shape::Set | Shape::List | Shape::Names(_) => Value::from(list(node, |_, _| Ok(()))?),
        Shape::Texts => Value::from(long_texts(node)?),
        Shape::Cidrs => Value::from(list(node, cidr)?),
        Shape::PolicyArn => {
            let text = text(node).map_err(one)?;
            policy_arn(text, node.span).map_err(one)?;
            Value::from(text)
        }
        Shape::PolicyArns => Value::from(list(node, policy_arn)?),
        Shape::RoleArns => Value::from(list(node, role_arn)?),
        Shape::UserPath => {
            let text = text(node).map_err(one)?;
            user_path(text, node.span).map_err(one)?;
            Value::from(text)
        }
        Shape::Map | Shape::ByMethod => Value::Object(map(node)?),
        Shape::Claims => Value::Object(claims(node)?),
        Shape::Any => any(node)?,
        Shape::Fields => match &node.content {
            Content::Map(_) => any(node)?,
            _ => return Err(one(wrong(node, "a map"))),
        },
        Shape::Secret => return secret(node).map(FieldValue::Unresolved).map_err(one),
    };
    field::normalise(shape, &value)
        .map(FieldValue::Data)
        .map_err(|misfit| one(Draft::error(node.span, misfit.to_string())))
}

/// A value as it stands, whatever it is.
///
/// # Errors
/// What in it is nothing, and references to secrets, which are never compared or shown.
pub(crate) fn any(node: &Node) -> Result<Value, Vec<Draft>> {
    let one = |draft: Draft| vec![draft];
    Ok(match &node.content {
        Content::Null | Content::Broken => return Err(one(wrong(node, "a value"))),
        Content::Bool(flag) => Value::from(*flag),
        Content::Int(int) => Value::from(*int),
        Content::Float(float) => Value::from(*float),
        Content::Text(_) => Value::from(text(node).map_err(one)?),
        Content::List(items) => {
            let items: Vec<Value> = items.iter().map(any).collect::<Result<_, _>>()?;
            Value::from(items)
        }
        Content::Map(map) => {
            let fields = map.iter().map(|(key, entry)| Ok((key.clone(), any(&entry.value)?)));
            Value::Object(fields.collect::<Result<_, Vec<Draft>>>()?)
        }
    })
}

/// A text of a file.
///
/// # Errors
/// It is something else, or a reference to a secret, which only fields for secrets may hold.
pub(crate) fn text(node: &Node) -> Result<&str, Draft> {
    match &node.content {
        Content::Text(text) if is_secret(text) => {
            let draft = Draft::error(node.span, "this field is not for secrets, and would show it");
            Err(draft.hint(
                "what is no secret is written as it is; `secret:` references stand in fields for secrets, and in those of \
                 an `object` that `write_only` names",
            ))
        }
        Content::Text(text) => Ok(text),
        Content::Int(_) | Content::Float(_) | Content::Bool(_) => {
            Err(wrong(node, "text").hint("put it in quotes, so that no digit or letter is lost"))
        }
        _ => Err(wrong(node, "text")),
    }
}

fn is_secret(text: &str) -> bool {
    ["secret:env:", "secret:file:", "secret:vault:"].iter().any(|prefix| text.starts_with(prefix))
}

/// A whole number.
///
/// # Errors
/// It is something else.
pub(crate) fn int(node: &Node) -> Result<i64, Draft> {
    match &node.content {
        Content::Int(int) => Ok(*int),
        Content::Text(text) => Err(wrong(node, "a whole number").hint_if(whole(text))),
        _ => Err(wrong(node, "a whole number")),
    }
}

/// How a text is written as a number. One that YAML takes for a number without quotes has some; others may have none:
/// YAML 1.2 knows neither `010` nor `1_000` (YAML 1.2.2, section 10.3.2).
fn whole(text: &str) -> Option<String> {
    let digits: String = text.trim().chars().filter(|c| *c != '_' && *c != '+').collect();
    let number = digits.parse::<i64>().ok()?;
    Some(match number.to_string() == text {
        true => "write it without quotes".to_owned(),
        false => format!("write {number}"),
    })
}

/// How what is meant for a truth value is written. YAML 1.1 and people have other words for it than YAML 1.2 and HCL.
fn truth(node: &Node) -> Option<&'static str> {
    let word = match &node.content {
        Content::Text(text) => text.trim().to_ascii_lowercase(),
        Content::Int(int) => int.to_string(),
        _ => return None,
    };
    match word.as_str() {
        "true" | "false" => Some("write it without quotes, in lower case"),
        "yes" | "y" | "on" | "1" => Some("write true"),
        "no" | "n" | "off" | "0" => Some("write false"),
        _ => None,
    }
}

/// A list of texts.
///
/// # Errors
/// Everything in it that is something else.
pub(crate) fn texts(node: &Node) -> Result<Vec<(&str, Span)>, Vec<Draft>> {
    let Content::List(items) = &node.content else {
        let draft = wrong(node, "a list");
        return Err(vec![match &node.content {
            Content::Text(text) => draft.hint(format!("write [\"{text}\"]")),
            _ => draft,
        }]);
    };
    let (good, bad): (Vec<_>, Vec<_>) =
        items.iter().map(|item| text(item).map(|text| (text, item.span))).partition(Result::is_ok);
    if bad.is_empty() {
        Ok(good.into_iter().filter_map(Result::ok).collect())
    } else {
        Err(bad.into_iter().filter_map(Result::err).collect())
    }
}

fn list(node: &Node, check: impl Fn(&str, Span) -> Result<(), Draft>) -> Result<Vec<String>, Vec<Draft>> {
    let items = texts(node)?;
    let mut problems = Vec::new();
    for (text, span) in &items {
        if text.trim() != *text || text.is_empty() {
            problems.push(Draft::error(*span, "an item is not empty, and has no blanks around it"));
        } else if text.contains(',') {
            problems.push(Draft::error(*span, "an item holds a comma").hint("make it several items"));
        } else if let Err(draft) = check(text, *span) {
            problems.push(draft);
        }
    }
    if problems.is_empty() { Ok(items.into_iter().map(|(text, _)| text.to_owned()).collect()) } else { Err(problems) }
}

/// Texts of several lines, which end as their lines do.
fn long_texts(node: &Node) -> Result<Vec<String>, Vec<Draft>> {
    let items = texts(node)?;
    match items.iter().find(|(text, _)| text.trim().is_empty()) {
        Some((_, span)) => Err(vec![Draft::error(*span, "an item is not empty")]),
        None => Ok(items.into_iter().map(|(text, _)| text.trim().to_owned()).collect()),
    }
}

fn map(node: &Node) -> Result<serde_json::Map<String, Value>, Vec<Draft>> {
    let Content::Map(map) = &node.content else { return Err(vec![wrong(node, "a map")]) };
    let mut values = serde_json::Map::new();
    let mut problems = Vec::new();
    for (key, entry) in map {
        match text(&entry.value) {
            Ok(text) => {
                values.insert(key.clone(), Value::from(text));
            }
            Err(draft) => problems.push(draft),
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

/// Names of claims, each with one value or several: texts, whole numbers, truths.
fn claims(node: &Node) -> Result<serde_json::Map<String, Value>, Vec<Draft>> {
    let Content::Map(map) = &node.content else { return Err(vec![wrong(node, "a map")]) };
    let mut claims = serde_json::Map::new();
    let mut problems = Vec::new();
    for (name, entry) in map {
        let values = match &entry.value.content {
            Content::List(items) if items.is_empty() => {
                let draft = Draft::error(entry.value.span, "a claim without a value is met by no token");
                problems.push(draft.hint("leave the claim out, or name its values"));
                continue;
            }
            Content::List(items) => items.iter().collect(),
            _ => vec![&entry.value],
        };
        let (values, wrong): (Vec<_>, Vec<_>) = values.into_iter().map(claim).partition(Result::is_ok);
        problems.extend(wrong.into_iter().filter_map(Result::err));
        claims.insert(name.clone(), values.into_iter().filter_map(Result::ok).collect());
    }
    if problems.is_empty() { Ok(claims) } else { Err(problems) }
}

fn claim(node: &Node) -> Result<Value, Draft> {
    match &node.content {
        Content::Int(number) => Ok(Value::from(*number)),
        Content::Bool(flag) => Ok(Value::from(*flag)),
        _ => text(node).map(Value::from),
    }
}

/// A duration: whole seconds, or text such as `90s`, `1h30m`, `7d`.
fn seconds(node: &Node) -> Result<i64, Draft> {
    let hint = "a duration is written \"90s\", \"1h30m\" or \"7d\", or as whole seconds";
    let seconds = match &node.content {
        Content::Int(seconds) => Ok(*seconds),
        Content::Text(text) if text.trim().is_empty() => Err("this duration is empty".to_owned()),
        // One reader of YAML takes it for octal, another for decimal.
        Content::Text(text) if text.trim().starts_with('0') && is_digits(text) => {
            Err(format!("`{text}` begins with a zero: it is another number to some readers"))
        }
        Content::Text(text) if !duration::is_whole(text) => {
            Err(format!("`{text}` is no whole number of seconds, and engines count those"))
        }
        Content::Text(text) => field::parse_seconds(text).map_err(|misfit| misfit.to_string()),
        _ => return Err(wrong(node, "a duration").hint(hint)),
    };
    match seconds {
        Ok(seconds) if seconds >= 0 => Ok(seconds),
        Ok(_) => Err(Draft::error(node.span, "a duration is not negative").hint(hint)),
        Err(what) => Err(Draft::error(node.span, what).hint(hint)),
    }
}

/// Whether a text is a number of more than one digit.
fn is_digits(text: &str) -> bool {
    let text = text.trim();
    text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A network: an address, with or without the length of its prefix.
fn cidr(text: &str, span: Span) -> Result<(), Draft> {
    let hint = "a network is written 10.0.0.0/16 or 2001:db8::/32";
    let network =
        network::parse(text).ok_or_else(|| Draft::error(span, format!("`{text}` is not a network")).hint(hint))?;
    if network.trunc() != network {
        let draft = Draft::error(span, format!("`{text}` has bits beyond its prefix"));
        return Err(draft.hint(format!("the network is {}", network.trunc())));
    }
    Ok(())
}

/// A thing of IAM that has a name in a path.
struct OfIam {
    /// What its ARN says of it: `policy`.
    word: &'static str,
    /// What people call it.
    called: &'static str,
    /// The most characters of its name.
    name_max: usize,
}

impl OfIam {
    /// Whether a text is the ARN of one, as IAM would have given it.
    ///
    /// # Source
    /// IAM User Guide, "IAM identifiers" and "IAM and AWS STS quotas": names are of letters, digits and `+=,.@_-`, paths of
    /// printable ASCII, 512 at most; nothing of IAM is in a region.
    fn check(&self, text: &str, span: Span) -> Result<(), Draft> {
        let arn = arn(text, span)?;
        let refused = |why: &str| {
            let draft = Draft::error(span, format!("`{text}` is not the ARN of {}{why}", self.called));
            Err(draft.hint(format!("it is written arn:aws:iam::ACCOUNT:{}/NAME", self.word)))
        };
        let Some(rest) = arn.resource.strip_prefix(self.word).and_then(|rest| rest.strip_prefix('/')) else {
            return refused("");
        };
        let (path, name) = rest.rsplit_once('/').map_or(("", rest), |(path, name)| (path, name));
        match () {
            () if arn.service != "iam" => refused(""),
            () if !arn.region.is_empty() => refused(": nothing of IAM is in a region"),
            () if arn.account.is_empty() => refused(": it has no account"),
            () if name.is_empty() || !name.chars().all(is_name_char) => {
                refused(": a name is of letters, digits and `+=,.@_-`")
            }
            () if name.len() > self.name_max => refused(&format!(": a name has at most {} characters", self.name_max)),
            () if path.len() > USER_PATH_MAX || !path.bytes().all(|byte| byte.is_ascii_graphic()) => {
                refused(": a path is of printable ASCII, 512 characters at most")
            }
            () => Ok(()),
        }
    }
}

/// The ARN of a managed policy.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn policy_arn(text: &str, span: Span) -> Result<(), Draft> {
    OfIam { word: "policy", called: "a managed policy", name_max: 128 }.check(text, span)
}

/// The ARN of a role of an account.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn role_arn(text: &str, span: Span) -> Result<(), Draft> {
    OfIam { word: "role", called: "a role", name_max: 64 }.check(text, span)
}

/// The ARN of a user of an AWS account.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn user_arn(text: &str, span: Span) -> Result<(), Draft> {
    OfIam { word: "user", called: "an IAM user", name_max: 64 }.check(text, span)
}

/// The ARN of whoever an engine signs as.
pub(crate) fn principal_arn(text: &str, span: Span) -> Result<(), Draft> {
    let arn = arn(text, span)?;
    let is_one = ["user/", "role/"].iter().any(|kind| arn.resource.starts_with(kind)) && !text.contains(['*', '?']);
    if arn.service != "iam" || !is_one {
        let draft = Draft::error(span, format!("`{text}` is not the ARN of an IAM user or role"));
        return Err(draft.hint("it is written arn:aws:iam::ACCOUNT:user/NAME"));
    }
    Ok(())
}

/// The path of IAM users. Source: IAM API reference, `CreateUser`, parameter `Path`.
fn user_path(text: &str, span: Span) -> Result<(), Draft> {
    let inner = text.strip_prefix('/').map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let is_sound = |inner: &str| inner.len() <= USER_PATH_MAX && inner.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    if !text.ends_with('/') || text.contains("//") || !inner.is_some_and(is_sound) {
        let draft = Draft::error(span, format!("`{text}` is not the path of an IAM user"));
        return Err(draft.hint("a path starts and ends with `/`, as in /apps/"));
    }
    Ok(())
}

/// The longest path of a user between its first and its last slash.
const USER_PATH_MAX: usize = 510;

/// An ARN. Source: AWS General Reference, "Amazon Resource Names".
///
/// # Errors
/// What is wrong with it.
fn arn(text: &str, span: Span) -> Result<Arn<'_>, Draft> {
    let Some(found) = Arn::parse(text) else {
        let draft = Draft::error(span, format!("`{text}` is not an ARN"));
        return Err(draft.hint("an ARN is arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE"));
    };
    let Arn { partition, service, region, account, resource } = found;
    let word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !partition.starts_with("aws") || !word(partition) || service.is_empty() || !word(service) {
        return Err(Draft::error(span, format!("`{text}` is not an ARN")).hint("an ARN starts with arn:aws:SERVICE:"));
    }
    if !word(region) || resource.is_empty() {
        return Err(Draft::error(span, format!("`{text}` is not an ARN")));
    }
    if !account.is_empty() && account != "aws" && !is_account(account) {
        let draft = Draft::error(span, format!("`{account}` is not an account id"));
        return Err(draft.hint("an AWS account id has twelve digits"));
    }
    Ok(found)
}

/// A reference to a secret, without its `secret:`.
///
/// # Errors
/// A literal, or a reference of an unknown sort. The message never shows the text: it may be the secret.
pub(crate) fn secret(node: &Node) -> Result<String, Draft> {
    let hint = "write secret:env:NAME, secret:file:PATH or secret:vault:MOUNT/PATH#field";
    let Content::Text(text) = &node.content else {
        return Err(wrong(node, "a reference to a secret").hint(hint).hidden());
    };
    let Some(reference) = text.strip_prefix("secret:") else {
        return Err(Draft::error(node.span, "a secret does not stand in the files").hint(hint).hidden());
    };
    let valid = match reference.split_once(':') {
        Some(("env", name)) => {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        }
        Some(("file", path)) => !path.is_empty(),
        Some(("vault", rest)) => {
            rest.split_once('#').is_some_and(|(path, field)| path.contains('/') && !field.is_empty())
        }
        _ => false,
    };
    if valid {
        Ok(reference.to_owned())
    } else {
        Err(Draft::error(node.span, "this reference to a secret is not understood").hint(hint))
    }
}

/// `expected ..., found ...`.
pub(crate) fn wrong(node: &Node, expected: &str) -> Draft {
    Draft::error(node.span, format!("expected {expected}, found {}", node.type_name()))
}

/// `a`, `b` or `c`.
pub(crate) fn listed(choices: &[&str]) -> String {
    choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{arn, read, secret};
    use crate::estate::span::Span;
    use crate::estate::tree::{Content, Node};
    use crate::object::{FieldValue, Shape};

    fn node(value: &Value) -> Node {
        let content = match value {
            Value::String(text) => Content::Text(text.clone()),
            Value::Number(number) => number.as_i64().map_or(Content::Float(0.5), Content::Int),
            Value::Bool(flag) => Content::Bool(*flag),
            Value::Array(items) => Content::List(items.iter().map(node).collect()),
            _ => Content::Null,
        };
        Node { content, span: Span::default() }
    }

    #[test]
    fn good_values_become_canonical() {
        for (shape, written, canonical) in [
            (Shape::Seconds, json!("1h30m"), json!(5400)),
            (Shape::Seconds, json!(90), json!(90)),
            (Shape::Cidrs, json!(["10.0.0.0/16", "10.0.0.1/32"]), json!(["10.0.0.0/16", "10.0.0.1"])),
            (Shape::Set, json!(["b", "a"]), json!(["a", "b"])),
            (Shape::PolicyArn, json!("arn:aws:iam::aws:policy/X"), json!("arn:aws:iam::aws:policy/X")),
            (Shape::UserPath, json!("/apps/"), json!("/apps/")),
            (Shape::UserPath, json!("/"), json!("")),
            (Shape::Int, json!(-1), json!(-1)),
        ] {
            assert_eq!(read(shape, &node(&written)).ok(), Some(FieldValue::Data(canonical)), "{written}");
        }
    }

    #[test]
    fn names_of_iam_are_as_iam_gives_them() {
        let long = "x".repeat(65);
        for (check, word) in
            [(super::policy_arn as fn(&str, Span) -> _, "policy"), (super::role_arn, "role"), (super::user_arn, "user")]
        {
            let is_one = |account: &str, name: &str| {
                check(&format!("arn:aws:iam:{account}:{word}/{name}"), Span::default()).is_ok()
            };
            for name in ["a", "a/b/c", "A+=,.@_-9", &long[1..]] {
                assert!(is_one(":123456789012", name), "{word} {name}");
            }
            for name in ["", "x y", "a*", "a?", "\u{fc}", "x!", "a/", "a b/c", &"x".repeat(129)] {
                assert!(!is_one(":123456789012", name), "{word} {name}");
            }
            assert!(!is_one("us-east-1:123456789012", "a") && !is_one(":", "a") && !is_one("", "a"), "{word}");
            assert_eq!(is_one(":123456789012", &long), word == "policy");
        }
        assert!(super::policy_arn("arn:aws:iam::aws:policy/service-role/AmazonECS", Span::default()).is_ok());
    }

    #[test]
    fn bad_values_are_refused() {
        for (shape, written) in [
            (Shape::Seconds, json!("soon")),
            (Shape::Seconds, json!("")),
            (Shape::Seconds, json!("010")),
            (Shape::Seconds, json!("10ms")),
            (Shape::Seconds, json!("1.5s")),
            (Shape::Seconds, json!(-1)),
            (Shape::Seconds, json!(["1h"])),
            (Shape::Cidrs, json!(["10.0.0.1/16"])),
            (Shape::Cidrs, json!(["10.0.0.0/33"])),
            (Shape::Cidrs, json!(["10.0.0.0/+8"])),
            (Shape::Cidrs, json!(["300.0.0.0/8"])),
            (Shape::Cidrs, json!("10.0.0.0/8")),
            (Shape::Set, json!(["a", 1])),
            (Shape::Set, json!(["a,b"])),
            (Shape::Text, json!(1)),
            (Shape::Text, json!("secret:env:X")),
            (Shape::Int, json!("1")),
            (Shape::Bool, json!("true")),
            (Shape::OneOf(&["iam_user"]), json!("iam_usr")),
            (Shape::PolicyArn, json!("arn:aws:iam::12345:policy/X")),
            (Shape::PolicyArns, json!(["arn:aws:iam::111122223333:role/x"])),
            (Shape::RoleArns, json!(["arn:aws:iam::111122223333:policy/x"])),
            (Shape::RoleArns, json!(["arn:aws:sts::111122223333:assumed-role/x/y"])),
            (Shape::UserPath, json!("")),
            (Shape::UserPath, json!("apps/")),
            (Shape::UserPath, json!("/apps")),
            (Shape::UserPath, json!("//")),
            (Shape::UserPath, json!("/a b/")),
            (Shape::Secret, json!("hunter2")),
            (Shape::Secret, json!("secret:exec:ls")),
            (Shape::Secret, json!("secret:env:A-B")),
            (Shape::Secret, json!("secret:vault:kv#")),
        ] {
            assert!(read(shape, &node(&written)).is_err(), "{shape:?}: {written}");
        }
    }

    #[test]
    fn arns_are_checked_part_by_part() {
        for good in ["arn:aws:iam::111122223333:policy/a/b", "arn:aws-cn:s3:::b", "arn:aws:rds:eu-west-1::snapshot:x:y"]
        {
            assert!(arn(good, Span::default()).is_ok(), "{good}");
        }
        for bad in ["", "arn:aws:iam", "arm:aws:iam::111122223333:policy/a", "arn:gcp:iam:::x", "arn:aws:iam::1:x"] {
            assert!(arn(bad, Span::default()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_literal_secret_is_never_shown() {
        let draft = secret(&node(&json!("hunter2"))).expect_err("refused");
        assert!(!format!("{draft:?}").contains("hunter2"));
    }
}
