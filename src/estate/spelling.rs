//! Hints in the syntax of the file that they are about. They are written in HCL's, in words that hold pieces of it.

/// The pieces of HCL in a hint as YAML writes them: `key = value`, and blocks with their labels.
pub(crate) fn in_yaml(hint: &str) -> String {
    let mut out = String::with_capacity(hint.len() + 8);
    // How many braces of YAML each open one of HCL stands for.
    let mut open: Vec<usize> = Vec::new();
    let mut rest = hint;
    while let Some(first) = rest.chars().next() {
        let word = word_at(rest);
        let after = &rest[word.len()..];
        let taken = match first {
            '"' => {
                let end = rest[1..].find('"').map_or(rest.len(), |at| at + 2);
                out.push_str(&rest[..end]);
                end
            }
            '{' => {
                open.push(1);
                out.push('{');
                1
            }
            '}' => {
                out.push_str(&vec!["}"; open.pop().unwrap_or(1)].join(" "));
                1
            }
            _ if word.is_empty() => {
                out.push(first);
                first.len_utf8()
            }
            _ if is_value(after.strip_prefix(" = ")) => {
                out.push_str(word);
                out.push_str(": ");
                word.len() + " = ".len()
            }
            _ => match label_after(after) {
                Some((label, length)) => {
                    open.push(2);
                    out.push_str(&format!("{word}: {{ {label}: {{"));
                    word.len() + length
                }
                None => {
                    out.push_str(word);
                    word.len()
                }
            },
        };
        rest = &rest[taken..];
    }
    out
}

/// The word at the beginning of a text; empty if there is none.
fn word_at(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

fn is_value(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.starts_with(['"', '[', '{']) || text.starts_with("true") || text.starts_with("false"))
}

/// The label of a block whose word has just been read, as YAML writes it, and how long the HCL is up to its brace.
fn label_after(text: &str) -> Option<(String, usize)> {
    let label = text.strip_prefix(" \"")?;
    let (label, _) = label.split_once('"')?;
    let length = " \"\" {".len() + label.len();
    let is_plain = label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    let shown = if is_plain { label.to_owned() } else { format!("\"{label}\"") };
    text[..length.min(text.len())].ends_with('{').then_some((shown, length))
}

#[cfg(test)]
mod tests {
    use super::in_yaml;

    #[test]
    fn pieces_of_hcl_become_yaml_and_words_stay() {
        for (hcl, yaml) in [
            ("add namespaces = [\"...\"]", "add namespaces: [\"...\"]"),
            ("set token_ttl = \"1h\" or more", "set token_ttl: \"1h\" or more"),
            ("declare it: auth \"a/b\" { type = \"approle\" }", "declare it: auth: { \"a/b\": { type: \"approle\" } }"),
            ("add login \"approle\" { ... }", "add login: { approle: { ... } }"),
            ("add path \"...\" { capabilities = [\"read\"] }", "add path: { \"...\": { capabilities: [\"read\"] } }"),
            ("add mount = one of `a`, `b`", "add mount = one of `a`, `b`"),
            ("did you mean `namespaces`?", "did you mean `namespaces`?"),
            (
                "IAM takes no second user of a name: add {{ random 20 }}",
                "IAM takes no second user of a name: add {{ random 20 }}",
            ),
            ("a duration is written \"90s\" or \"7d\"", "a duration is written \"90s\" or \"7d\""),
        ] {
            assert_eq!(in_yaml(hcl), yaml);
        }
    }
}
