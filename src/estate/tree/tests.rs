//! Random trees, printed in both syntaxes, load equal.

use proptest::prelude::*;

use super::{Content, Map, Node, merge, overlay};
use crate::estate::{hcl, yaml};

/// A tree without places.
#[derive(Clone, Debug, PartialEq)]
enum Plain {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

fn plain(node: &Node) -> Plain {
    match &node.content {
        Content::Null | Content::Broken => Plain::Null,
        Content::Bool(flag) => Plain::Bool(*flag),
        Content::Int(int) => Plain::Int(*int),
        Content::Float(float) => Plain::Float(*float),
        Content::Text(text) => Plain::Text(text.clone()),
        Content::List(items) => Plain::List(items.iter().map(plain).collect()),
        Content::Map(map) => Plain::Map(entries(map)),
    }
}

fn entries(map: &Map) -> Vec<(String, Plain)> {
    map.iter().map(|(key, entry)| (key.clone(), plain(&entry.value))).collect()
}

/// Text as both syntaxes quote it; JSON's escapes are known to both.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn as_yaml(value: &Plain, indent: usize, out: &mut String) {
    match value {
        Plain::Null => out.push_str("~\n"),
        Plain::Bool(flag) => out.push_str(&format!("{flag}\n")),
        Plain::Int(int) => out.push_str(&format!("{int}\n")),
        Plain::Float(float) => out.push_str(&format!("{float:?}\n")),
        Plain::Text(text) => out.push_str(&format!("{}\n", quoted(text))),
        Plain::List(items) if items.is_empty() => out.push_str("[]\n"),
        Plain::Map(map) if map.is_empty() => out.push_str("{}\n"),
        Plain::List(items) => {
            out.push('\n');
            for item in items {
                out.push_str(&format!("{}- ", " ".repeat(indent)));
                as_yaml(item, indent + 2, out);
            }
        }
        Plain::Map(map) => {
            out.push('\n');
            for (key, value) in map {
                out.push_str(&format!("{}{}: ", " ".repeat(indent), quoted(key)));
                as_yaml(value, indent + 2, out);
            }
        }
    }
}

fn as_hcl(value: &Plain) -> String {
    match value {
        Plain::Null => "null".to_owned(),
        Plain::Bool(flag) => flag.to_string(),
        Plain::Int(int) => int.to_string(),
        Plain::Float(float) => format!("{float:?}"),
        Plain::Text(text) => quoted(text).replace("%{", "%%{"),
        Plain::List(items) => format!("[{}]", items.iter().map(as_hcl).collect::<Vec<_>>().join(", ")),
        Plain::Map(map) => {
            let entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{} = {}", quoted(key), as_hcl(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// Texts with what is special in either syntax, and with well-formed templates only.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        "[a-zA-Z0-9 _./:*+-]{0,8}",
        Just("${var.x}".to_owned()),
        Just("$${aws:username}".to_owned()),
        Just("${env.name}".to_owned()),
        prop::sample::select(vec![
            "true", "null", "~", "0123", "1e3", "no", "%{", "$", "{", "}", "'", "\"", "\\", "#", "ł", "\n", "\t", ": ",
            "- "
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(pieces, 0..4).prop_map(|pieces| {
        let text = pieces.concat();
        // Two pieces may make a template by chance.
        let mut rest = text.as_str();
        while let Some(at) = rest.find("${") {
            let known =
                ["${var.x}", "${env.name}", "${aws:username}"].iter().any(|known| rest[at..].starts_with(known));
            let escaped = rest[..at].ends_with('$');
            if !known || escaped != rest[at..].starts_with("${aws") || rest[..at].ends_with("$$") {
                return "made a template by chance".to_owned();
            }
            rest = &rest[at + 2..];
        }
        text
    })
}

fn maps(value: impl Strategy<Value = Plain>) -> impl Strategy<Value = Vec<(String, Plain)>> {
    prop::collection::btree_map("[a-z_]{1,6}", value, 0..4).prop_map(|map| map.into_iter().collect())
}

fn values() -> impl Strategy<Value = Plain> {
    let leaf = prop_oneof![
        Just(Plain::Null),
        any::<bool>().prop_map(Plain::Bool),
        (-1_000_000_000_000i64..1_000_000_000_000).prop_map(Plain::Int),
        (-1000i32..1000).prop_map(|n| Plain::Float(f64::from(n) + 0.25)),
        texts().prop_map(Plain::Text),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..4).prop_map(Plain::List), maps(inner).prop_map(Plain::Map),]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_syntaxes_load_equal(body in maps(values())) {
        let mut yaml_text = String::new();
        as_yaml(&Plain::Map(vec![("kind".to_owned(), Plain::Map(vec![("la bel".to_owned(), Plain::Map(body.clone()))]))]), 0, &mut yaml_text);
        let lines: String = body.iter().map(|(key, value)| format!("  {key} = {}\n", as_hcl(value))).collect();
        let hcl_text = format!("kind \"la bel\" {{\n{lines}}}\n");
        let mut problems = Vec::new();
        let from_yaml = yaml::parse(&yaml_text, 0, &mut problems);
        let from_hcl = hcl::parse(&hcl_text, 1, &mut problems);
        prop_assert!(problems.is_empty(), "{problems:?}\n{yaml_text}\n{hcl_text}");
        let (from_yaml, from_hcl) = (from_yaml.expect("no problems"), from_hcl.expect("no problems"));
        prop_assert_eq!(entries(&from_yaml), entries(&from_hcl), "{}\n{}", yaml_text, hcl_text);
        let expected = vec![("kind".to_owned(), Plain::Map(vec![("la bel".to_owned(), Plain::Map(body))]))];
        prop_assert_eq!(entries(&from_yaml), expected);
    }

    #[test]
    fn random_texts_never_panic(text in "[a-z\"{}\\[\\]=:,&*<>!|#%$\\\\ \n\t-]{0,80}") {
        let mut problems = Vec::new();
        let _ = yaml::parse(&text, 0, &mut problems);
        let _ = hcl::parse(&text, 0, &mut problems);
    }
}

fn tree(text: &str) -> Map {
    let mut problems = Vec::new();
    let map = yaml::parse(text, 0, &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    map.expect("no problems")
}

#[test]
fn overrides_replace_scalars_and_lists_merge_maps_and_delete() {
    let mut base =
        tree("app: {a: {owner: x, grants: [p, q], login: {approle: {token_ttl: 1h}}, role: {r: {mount: aws}}}}");
    let over = tree(
        "app: {a: {owner: y, grants: [z], login: {approle: {token_ttl: 2h, token_max_ttl: 3h}}, role: {r: {mount: ~}}}}",
    );
    let mut problems = Vec::new();
    overlay(&mut base, &over, &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    let expected =
        tree("app: {a: {owner: y, grants: [z], login: {approle: {token_ttl: 2h, token_max_ttl: 3h}}, role: {r: {}}}}");
    assert_eq!(entries(&base), entries(&expected));
}

#[test]
fn overrides_that_match_nothing_are_problems() {
    for over in [
        "aws: {aws: {region: x}}",
        "app: {b: {owner: x}}",
        "app: {a: {owner: ~}}",
        "app: {a: {login: {other: {token_ttl: 1h}}}}",
        "app: {a: ~, b: ~}",
        "environment: {prod: {}}",
        "app: 1",
    ] {
        let mut base = tree("app: {a: {login: {approle: {}}}}\nenvironment: {prod: {}}");
        let mut problems = Vec::new();
        overlay(&mut base, &tree(over), &mut problems);
        assert_eq!(problems.len(), 1, "{over}: {problems:?}");
    }
}

#[test]
fn merging_names_both_places_of_a_repeated_label() {
    let mut into = tree("app: {a: {owner: x}}");
    let mut problems = Vec::new();
    merge(&mut into, tree("app: {a: {owner: y}, b: {}}\nrole: x"), &mut problems);
    assert_eq!(problems.len(), 2, "{problems:?}");
    let Content::Map(apps) = &into["app"].value.content else { panic!("a map") };
    assert_eq!(apps.len(), 2);
}

#[test]
fn hcl_is_data_only() {
    for (text, expected) in [
        ("a = upper(\"x\")", "no functions"),
        ("a = [for x in [1]: x]", "no functions"),
        ("a = 1 + 1", "no functions"),
        ("a = \"${upper(\\\"x\\\")}\"", ""),
        ("a = \"${data.x}\"", "template is not understood"),
        ("a = \"%{ if true }x%{ endif }\"", "no functions"),
        ("a = word", "bare word"),
        ("a = 1\na = 2", "set twice"),
        ("b \"x\" {}\nb \"x\" {}", "declared twice"),
        ("k \"l\" {\n b {}\n b \"x\" {}\n}", "with and without"),
        ("k \"l\" {\n b \"x\" {}\n b {}\n}", "declared twice"),
        ("a = 1e999", ""),
        ("k {}", "needs a label"),
        ("k \"l\" {\n b { x = 1  y = 2 }\n}", "each on a line of its own"),
        ("k \"l\" {\n allow {}\n allow {}\n}", "declared twice"),
        ("test \"l\" {\n allow \"x\" {}\n allow {}\n}", "declared twice"),
        ("test \"l\" {\n allow {}\n allow \"x\" {}\n}", "with and without"),
        ("k \"l\" { x = \"${aws:username}\" }", "written $${...}"),
    ] {
        let mut problems = Vec::new();
        hcl::parse(text, 0, &mut problems);
        let shown = format!("{problems:?}");
        assert!(!problems.is_empty() && shown.contains(expected), "{text}: {shown}");
    }
}

#[test]
fn blocks_that_may_repeat_are_lists_of_maps_in_both_syntaxes() {
    let mut problems = Vec::new();
    let text = "test \"t\" {\n  allow {\n    a = 1\n  }\n  never {\n    b = 1\n  }\n  allow {\n    a = 2\n  }\n}\n";
    let hcl = hcl::parse(text, 0, &mut problems).expect("parses");
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(entries(&hcl), entries(&tree("test: {t: {allow: [{a: 1}, {a: 2}], never: [{b: 1}]}}")));
}

#[test]
fn an_override_replaces_blocks_that_may_repeat() {
    for (base, over) in [("{a: 1, b: 1}", "{a: 2}"), ("[{a: 1}, {b: 1}]", "{a: 2}"), ("{a: 1}", "[{a: 2}]")] {
        let mut map = tree(&format!("test: {{t: {{app: x, allow: {base}}}}}"));
        let mut problems = Vec::new();
        overlay(&mut map, &tree(&format!("test: {{t: {{allow: {over}}}}}")), &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(entries(&map), entries(&tree(&format!("test: {{t: {{app: x, allow: {over}}}}}"))));
    }
}

#[test]
fn hcl_templates_heredocs_and_bare_references_are_texts() {
    let text = "k \"l\" {\n  a = var.account\n  b = <<-EOT\n    {\"x\": \"$${aws:username}\"}\n  EOT\n  c = \"a-${env.name}\"\n  d = -1\n  e = (\"x\")\n}\n";
    let mut problems = Vec::new();
    let map = hcl::parse(text, 0, &mut problems).expect("parses");
    assert!(problems.is_empty(), "{problems:?}");
    let texts = |key: &str, value: Plain| (key.to_owned(), value);
    let expected = vec![
        texts("a", Plain::Text("${var.account}".to_owned())),
        texts("b", Plain::Text("{\"x\": \"$${aws:username}\"}\n".to_owned())),
        texts("c", Plain::Text("a-${env.name}".to_owned())),
        texts("d", Plain::Int(-1)),
        texts("e", Plain::Text("x".to_owned())),
    ];
    let Content::Map(k) = &map["k"].value.content else { panic!("a map") };
    assert_eq!(plain(&k["l"].value), Plain::Map(expected));
}
