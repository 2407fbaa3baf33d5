//! `leasehold graph`: who may get what, as DOT, Mermaid and SVG that hold whatever the files name.

use std::collections::{BTreeMap, BTreeSet};

use crate::env::TestEnv;

/// How often each element stands in a document, which must be well-formed: tags that close in order, attributes in
/// quotes, and no other `<` or `&`.
#[track_caller]
pub(crate) fn xml(document: &str) -> BTreeMap<String, usize> {
    let attribute = regex::Regex::new(r#"^\s+[A-Za-z:-]+="[^"<]*""#).unwrap();
    let entity = regex::Regex::new(r"^&(amp|lt|gt|quot|#39);").unwrap();
    let mut counts = BTreeMap::new();
    let mut open: Vec<String> = Vec::new();
    for (at, _) in document.match_indices('&') {
        assert!(entity.is_match(&document[at..]), "a bare & at {at}: {document}");
    }
    let mut rest = document.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap_or(document);
    while let Some(at) = rest.find('<') {
        assert!(!open.is_empty() || rest[..at].trim().is_empty(), "text outside of the document");
        let tag = rest[at + 1..].split_once('>').map(|(tag, after)| {
            rest = after;
            tag
        });
        let tag = tag.expect("a tag that ends");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "{document}");
            continue;
        }
        let closed = tag.ends_with('/');
        let tag = tag.trim_end_matches('/');
        let (name, mut attributes) = tag.split_at(tag.find(' ').unwrap_or(tag.len()));
        while let Some(found) = attribute.find(attributes) {
            attributes = &attributes[found.end()..];
        }
        assert_eq!(attributes, "", "in <{tag}>");
        *counts.entry(name.to_owned()).or_insert(0) += 1;
        if !closed {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "not closed: {open:?}");
    counts
}

#[test]
fn the_tutorials_graphs_read_well() {
    let env = TestEnv::new();
    env.copy_tree("examples/tutorial", "estate");
    insta::assert_snapshot!("dot", env.ok(&["graph", "estate"]));
    insta::assert_snapshot!("mermaid", env.ok(&["graph", "estate", "--format", "mermaid"]));
    let one = env.ok(&["graph", "estate", "--format", "mermaid", "--app", "backup"]);
    assert!(one.contains("\"backup<br/>") && !one.contains("webapp"), "{one}");
    let none = env.run(&["graph", "estate", "--app", "web"]);
    assert_eq!(none.code, 1);
    assert!(none.stderr.contains("declared are analytics, backup, webapp"), "{}", none.stderr);
    assert_eq!(env.run(&["graph", "estate", "--format", "yaml"]).code, 1);
}

#[test]
fn a_picture_has_every_node_once() {
    let env = TestEnv::new();
    env.copy_tree("examples/tutorial", "estate");
    let svg = env.ok(&["graph", "estate", "--format", "svg"]);
    // Three logins, apps, policies and roles, four resources of s3, two of rds, and all of cloudwatch.
    assert_eq!(xml(&svg)["g"], 19);
    assert_eq!(xml(&svg)["path"], 16);
    for name in [
        "auth/approle/role/app-webapp",
        "aws/webapp",
        "webapp",
        "app-webapp",
        "s3\narn:aws:s3:::example-webapp/*</title>",
        "s3\narn:aws:s3:::example-backup/*</title>",
        "cloudwatch\n*</title>",
    ] {
        let end = if name.ends_with("title>") { "" } else { "\n" };
        assert_eq!(svg.matches(&format!("<g><title>{name}{end}")).count(), 1, "{name}");
    }
    // It fits the window that it is opened in.
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100%\" height=\"100%\""), "{svg}");
    assert!(!svg.contains("script") && !svg.contains("\\n"));
    let boxes = regex::Regex::new(r#"<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)""#).unwrap();
    let mut columns: BTreeMap<usize, BTreeSet<(usize, usize)>> = BTreeMap::new();
    for found in boxes.captures_iter(&svg) {
        let [x, y, _, height] = found.extract().1.map(|number| number.parse::<usize>().unwrap());
        columns.entry(x).or_default().insert((y, y + height));
    }
    assert_eq!(columns.values().map(BTreeSet::len).collect::<Vec<_>>(), [3, 3, 3, 3, 7]);
    for column in columns.values() {
        let apart = column.iter().zip(column.iter().skip(1)).all(|(upper, lower)| upper.1 < lower.0);
        assert!(apart, "boxes cover each other: {column:?}");
    }
}

#[test]
fn many_resources_are_counted_and_the_picture_stays_one() {
    let resources: Vec<String> = (0..40).map(|number| format!("\"arn:aws:s3:::b-{number:02}/*\"")).collect();
    let role = |name: &str, statement: &str| {
        format!("  role \"{name}\" {{\n    mount = \"aws\"\n    statement \"S\" {{\n{statement}    }}\n  }}\n")
    };
    let many = format!("      actions = [\"s3:GetObject\"]\n      resources = [{}]\n", resources.join(", "));
    let rest = "      actions = [\"s3:GetObject\"]\n      not_resources = [\"arn:aws:s3:::b-00/*\"]\n";
    let env = TestEnv::new();
    let app = format!("app \"a\" {{\n{}{}{}}}\n", role("one", &many), role("two", &many), role("rest", rest));
    env.write("e.hcl", &format!("environment \"local\" {{\n  engine = \"embedded\"\n}}\naws \"aws\" {{}}\n{app}"));
    let dot = env.ok(&["graph", "."]);
    // Both roles reach the same, which is drawn once; what is too much is of each.
    assert_eq!(dot.matches("label=\"s3\\narn:aws:s3:::b-").count(), 24, "{dot}");
    assert_eq!(dot.matches("label=\"s3\\nand 16 more\"").count(), 2, "{dot}");
    assert_eq!(dot.matches("[label=\"may use\"]").count(), 2 * 25 + 1, "{dot}");
    assert!(dot.contains("everything but arn:aws:s3:::b-00/*") || dot.contains("b-00/*\"];"), "{dot}");
}

#[test]
fn what_files_name_stays_text_in_every_form() {
    let hostile = r#"</title><script>alert(1)</script>\"]; x [label=\"\u0007|end"#;
    let estate = format!(
        r#"
environment "local" {{
  engine = "embedded"
}}
aws "aws" {{}}
auth "approle" {{}}
app "a" {{
  owner = "{hostile}"
  login "approle" {{}}
  role "a" {{
    mount           = "aws"
    credential_type = "iam_user"
    policy_arns     = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    statement "S" {{
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::b/<&\"']"]
    }}
  }}
}}
"#
    );
    let env = TestEnv::new();
    env.write("e.hcl", &estate);
    let svg = env.ok(&["graph", ".", "--format", "svg"]);
    assert!(!xml(&svg).contains_key("script"), "{svg}");
    assert!(svg.contains("the managed policy arn:aws:iam::aws:policy/ReadOnlyAccess"));
    let dot = env.ok(&["graph", "."]);
    // Every line is a statement whose strings end where they shall.
    let statement = regex::Regex::new(
        r#"^(digraph leasehold \{|\}|  [a-z]+=("([^"\\]|\\.)*"|[A-Za-z]+);|  (node|n\d+|n\d+ -> n\d+) \[((shape|fontname|label)=([a-z]+|"([^"\\]|\\.)*")(, )?)+\];)$"#,
    )
    .unwrap();
    dot.lines().for_each(|line| assert!(statement.is_match(line), "{line}"));
    let mermaid = env.ok(&["graph", ".", "--format", "mermaid"]);
    let statement =
        regex::Regex::new(r##"^(flowchart LR|  accTitle: [\w ,./-]+|  n\d+[\[({]+"[\w /.,#;-]*(<br/>[\w /.,#;-]*)*"[\])}]+|  n\d+ -->\|[a-z ]+\| n\d+)$"##)
            .unwrap();
    mermaid.lines().for_each(|line| assert!(statement.is_match(line), "{line}"));
}

#[test]
fn sessions_lead_through_the_roles_that_they_are_of() {
    let env = TestEnv::new();
    env.copy_tree("examples/assumed-role", "estate");
    let dot = env.ok(&["graph", "estate"]);
    let node = |name: &str| {
        let line = dot
            .lines()
            .find(|line| line.contains(&format!("label=\"{name}")))
            .unwrap_or_else(|| panic!("{name}: {dot}"));
        line.trim().split(' ').next().unwrap().to_owned()
    };
    let (role, assumed, s3) = (node("aws/site"), node("arn:aws:iam::123456789012:role/deploy"), node("s3"));
    for (from, to) in [(&role, &assumed), (&assumed, &s3)] {
        assert!(dot.contains(&format!("{from} -> {to}")), "{from} {to}: {dot}");
    }
    assert!(!dot.contains(&format!("{role} -> {s3}")), "{dot}");
    assert!(env.ok(&["graph", "estate", "--format", "svg"]).contains(">IAM role<"));
    env.copy_tree("examples/tutorial", "users");
    assert!(!env.ok(&["graph", "users", "--format", "svg"]).contains(">IAM role<"));
    // Of what is not declared, nobody knows what it may do.
    let text = std::fs::read_to_string(env.dir().join("estate/estate.hcl")).unwrap();
    let (before, rest) = text.split_once("iam_role").unwrap();
    let rest = rest.split_once("\n}\n").unwrap().1;
    env.write("estate/estate.hcl", &format!("{before}{rest}"));
    let dot = env.ok(&["graph", "estate"]);
    assert!(dot.contains("not declared") && !dot.contains("label=\"s3"), "{dot}");
}
