//! Single words of both syntaxes: keys and values as they are written, so that they are read as what they are.

/// A text within double quotes as HCL and YAML both write it, but for what is a template in only one of them. What acts on a
/// terminal is escaped too: a file is looked at before it is committed.
pub(crate) fn quoted(text: &str) -> String {
    crate::text::quoted(text, |c| match c {
        '\r' => Some("\\r".to_owned()),
        c if !crate::text::acts(c) => None,
        c if u32::from(c) > 0xffff => Some(format!("\\U{:08x}", u32::from(c))),
        c => Some(format!("\\u{:04x}", u32::from(c))),
    })
}

/// A text with `${` as the estate writes it where nothing is to be put in its place.
pub(crate) fn untemplated(text: &str) -> String {
    text.replace("${", "$${")
}

/// A key in HCL.
pub(crate) fn hcl_key(name: &str) -> String {
    let mut chars = name.chars();
    let begins = chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    let is_plain = begins && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
    // These are values where a name may stand.
    let is_value = matches!(name, "true" | "false" | "null");
    // Nothing is replaced in keys, so only what would be a template of HCL's is escaped in them.
    if is_plain && !is_value { name.to_owned() } else { hcl_text(&untemplated(name)) }
}

/// A text in HCL in which `${` means what it means in the estate.
pub(crate) fn hcl_text(text: &str) -> String {
    quoted(&undirected(text))
}

/// A text in which nothing is a directive of HCL's.
fn undirected(text: &str) -> String {
    text.replace("%{", "%%{")
}

/// What ends a text of several lines.
const END: &str = "EOT";

/// A text of several lines that ends as a file does, so that nothing of it has to be escaped: in HCL, from `<<` to the mark
/// at its end.
pub(crate) fn heredoc(text: &str) -> Option<String> {
    let is_plain = |c: char| c == '\n' || !crate::text::acts(c);
    let lines = text.strip_suffix('\n')?;
    let fits = lines.contains('\n') && text.chars().all(is_plain) && !lines.lines().any(|line| line.trim() == END);
    fits.then(|| format!("<<{END}\n{}\n{END}", undirected(lines)))
}

/// A text in YAML, without quotes where that is surely the same text, for any version of YAML.
pub(crate) fn scalar(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./@".contains(c);
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/');
    let colons_within = text.split(':').skip(1).all(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let is_word = words.contains(&text.to_ascii_lowercase().as_str());
    if is_duration(text) {
        return text.to_owned();
    }
    let fits = begins && colons_within && !is_word && text.chars().all(|c| is_plain(c) || c == ':');
    if fits { text.to_owned() } else { quoted(text) }
}

/// Whether a text is a duration such as `1h30m`, which no version of YAML takes for a number.
fn is_duration(text: &str) -> bool {
    let mut parts = text.split_inclusive(['h', 'm', 's']);
    !text.is_empty()
        && parts.all(|part| {
            let digits = part.strip_suffix(['h', 'm', 's']).unwrap_or_default();
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
}

/// Whether a text of several lines can stand in YAML as it is.
pub(crate) fn is_literal(text: &str) -> bool {
    let is_plain = |c: char| c == '\n' || !crate::text::acts(c);
    let first = text.chars().next();
    let lines = text.strip_suffix('\n').unwrap_or(text);
    lines.contains('\n')
        && text.chars().all(is_plain)
        && first.is_some_and(|first| !first.is_whitespace())
        && !lines.ends_with('\n')
        && lines.split('\n').all(|line| !line.ends_with([' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::scalar;

    #[test]
    fn what_yaml_would_take_for_something_else_has_quotes() {
        for (text, shown) in [
            ("aws/web", "aws/web"),
            ("arn:aws:iam", "arn:aws:iam"),
            ("a:", "\"a:\""),
            ("Yes", "\"Yes\""),
            ("1h30m", "1h30m"),
            ("1h3", "\"1h3\""),
            ("1e3", "\"1e3\""),
            ("0123", "\"0123\""),
            ("a b", "\"a b\""),
            ("", "\"\""),
            ("#", "\"#\""),
            ("a\u{1b}", "\"a\\u001b\""),
        ] {
            assert_eq!(scalar(text), shown, "{text}");
        }
    }
}
