//! Both syntaxes, there and back.

use super::{converted, formatted};

const HCL: &str = "\
# Who may read what.

# The account of production.
environment \"prod\" {
  address     = \"https://vault.example.com:8200\" # the cluster
  max_deletes = 3

  # It may be slow.
  role \"web\" {
    lease {
      max = \"2h\"
    }
  }
}

role \"web\" { # shared
  mount           = \"aws\"
  credential_type = \"iam_user\"
  iam_tags = {
    team  = \"web\" # not ours
    \"a/b\" = \"$${x}\"
  }

  # Only what it needs.
  statement \"read\" {
    actions = [
      # Objects.
      \"s3:GetObject\", # one
      \"s3:ListBucket\",
      # That is all.
    ]
    resources = [\"arn:aws:s3:::${var.bucket}/*\"]
  }
  # Nothing more.
}

login \"oidc\" \"people\" {
  policies = [\"a\", \"b c\"]
}

login \"oidc\" \"robots\" {
  policies = []
}

test \"web\" {
  app = \"web\"

  allow {
    actions = [\"s3:GetObject\"]
  }

  # The second.
  allow {
    actions = [\"s3:ListBucket\"]
  }
}

policy \"p\" {
  rules = <<EOT
path \"aws/creds/web\" {
  capabilities = [\"read\"] # %%{
}
EOT
}
# The end.
";

const YAML: &str = "\
# Who may read what.

# The account of production.
environment:
  prod:
    address: \"https://vault.example.com:8200\" # the cluster
    max_deletes: 3

    # It may be slow.
    role:
      web:
        lease:
          max: 2h

role:
  web: # shared
    mount: aws
    credential_type: iam_user
    iam_tags:
      team: web # not ours
      a/b: \"$${x}\"

    # Only what it needs.
    statement:
      read:
        actions:
          # Objects.
          - s3:GetObject # one
          - s3:ListBucket
          # That is all.
        resources: [\"arn:aws:s3:::${var.bucket}/*\"]
    # Nothing more.

login:
  oidc:
    people:
      policies: [a, \"b c\"]

    robots:
      policies: []

test:
  web:
    app: web

    allow:
      - actions: [s3:GetObject]
      # The second.
      - actions: [s3:ListBucket]

policy:
  p:
    rules: |
      path \"aws/creds/web\" {
        capabilities = [\"read\"] # %{
      }
# The end.
";

#[test]
fn declarations_go_into_the_other_syntax_and_back_with_their_comments() {
    let yaml = converted("a.hcl", HCL).expect("YAML").text;
    assert_eq!(yaml, YAML);
    let hcl = converted("a.yaml", YAML).expect("HCL").text;
    assert_eq!(hcl, HCL);
    assert_eq!(formatted("a.hcl", HCL).expect("HCL"), HCL);
    assert_eq!(formatted("a.yaml", YAML).expect("YAML"), YAML);
}

#[test]
fn yaml_is_laid_out_and_keeps_its_comments() {
    let text = "role:\n    web:   # a\n        policy_arns:\n        - x # b\n        - 'y'\n        iam_tags: { a: b }\n\n\n\n# c\n";
    let shown = "role:\n  web: # a\n    policy_arns:\n      - x # b\n      - \"y\"\n    iam_tags: {a: b}\n\n# c\n";
    assert_eq!(formatted("a.yml", text).expect("YAML"), shown);
}

#[test]
fn what_an_alias_repeats_is_written_out_and_told() {
    let text = "role:\n  a: &a\n    mount: aws\n  b: *a\n  c:\n    <<: *a\n    user_path: /x/\n";
    let shown = converted("a.yaml", text).expect("HCL");
    assert_eq!(shown.notes.len(), 1);
    let expected = "\
role \"a\" {
  mount = \"aws\"
}

role \"b\" {
  mount = \"aws\"
}

role \"c\" {
  mount     = \"aws\"
  user_path = \"/x/\"
}
";
    assert_eq!(shown.text, expected);
}

#[test]
fn what_is_not_understood_is_told_with_its_place_and_nothing_comes_out() {
    for (name, text, what) in [
        ("a.hcl", "a = \n", "this is not HCL"),
        ("a.yaml", "a: [\n", "this is not YAML"),
        ("a.yaml", "a: 1\na: 2\n", "declared twice"),
    ] {
        let problems = formatted(name, text).expect_err(what);
        assert!(problems[0].what.contains(what) && problems[0].labels[0].line > 0, "{problems:?}");
        assert!(converted(name, text).is_err(), "{text}");
    }
    // Laid out it can be; declared it is nothing.
    assert!(formatted("a.hcl", "a = f(x)\n").is_ok());
    assert!(converted("a.hcl", "role \"a\" {\n  mount = f(x)\n}\n").is_err());
}

/// Every estate of this repository goes into the other syntax, and back: files of examples and tests, and blocks of pages.
#[test]
fn every_estate_at_hand_goes_there_and_back() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    ["docs", "examples", "tests/data", "policies", "README.md"]
        .iter()
        .for_each(|name| gather(&root.join(name), &mut texts));
    let mut count = 0;
    for (place, ending, text) in texts {
        let name = format!("file.{ending}");
        let Ok(before) = crate::estate::tree_of(&name, &text) else { continue };
        if before.root().keys().any(|word| !crate::estate::DECLARATIONS.contains(&word.as_str())) {
            continue;
        }
        let other = converted(&name, &text).unwrap_or_else(|problems| panic!("{place}: {problems:?}\n{text}"));
        let other_name = if ending == "hcl" { "file.yaml" } else { "file.hcl" };
        let back = converted(other_name, &other.text)
            .unwrap_or_else(|problems| panic!("{place}: {problems:?}\n{}", other.text));
        let after = crate::estate::tree_of(&name, &back.text).expect("it is read");
        assert!(before.says_what(&after), "{place}:\n{text}\n{}", back.text);
        for (name, text) in [(other_name, &other.text), (&*name, &back.text)] {
            assert_eq!(&formatted(name, text).expect("laid out"), text, "{place}");
        }
        count += 1;
    }
    assert!(count > 200, "{count}");
}

fn gather(path: &std::path::Path, texts: &mut Vec<(String, &'static str, String)>) {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).expect("a directory");
        return entries.for_each(|entry| gather(&entry.expect("an entry").path(), texts));
    }
    let Ok(text) = std::fs::read_to_string(path) else { return };
    let place = path.display().to_string();
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("hcl") => texts.push((place, "hcl", text)),
        Some("yaml" | "yml") => texts.push((place, "yaml", text)),
        Some("md") => {
            for (index, block) in text.split("\n```").enumerate().filter(|(index, _)| index % 2 == 1) {
                let (info, block) = block.split_once('\n').unwrap_or((block, ""));
                let ending = match info.split_whitespace().next() {
                    Some("hcl") => "hcl",
                    Some("yaml") => "yaml",
                    _ => continue,
                };
                texts.push((format!("{place}, block {index}"), ending, format!("{block}\n")));
            }
        }
        _ => {}
    }
}

/// What an outsider found: each text once lost something, or was refused.
#[test]
fn comments_stay_with_what_they_stand_at() {
    let yaml = "role:\n  a:\n    mount: aws # why aws\n  b:\n    iam_tags:\n      team: web # not ours\n    policy_arns:\n      - x\n      - z # two\n";
    let hcl = "\
role \"a\" {
  mount = \"aws\" # why aws
}

role \"b\" {
  iam_tags = {
    team = \"web\" # not ours
  }
  policy_arns = [
    \"x\",
    \"z\", # two
  ]
}
";
    assert_eq!(converted("a.yaml", yaml).expect("HCL").text, hcl);
    assert_eq!(converted("a.hcl", hcl).expect("YAML").text.replace("\n\n", "\n"), yaml);
    // Empty comments, and comments beside what is empty.
    let text = "# Title\n#\n# More\nrole:\n  a:\n    iam_tags: {}\n    policy_arns:\n      - {} # d\n";
    let hcl = converted("a.yaml", text).expect("HCL").text;
    assert!(hcl.starts_with("# Title\n#\n# More\nrole \"a\" {\n") && hcl.contains("{}, # d\n"), "{hcl}");
    // An alias is where it stands.
    let text = "role:\n  # about a\n  a: &a\n    mount: aws\n  # about b\n  b: *a\n  # about c\n  c:\n    mount: x\n";
    let hcl = converted("a.yaml", text).expect("HCL").text;
    let place = |part: &str| hcl.find(part).unwrap_or_else(|| panic!("{part}: {hcl}"));
    assert!(place("# about b\nrole \"b\"") < place("# about c\nrole \"c\""), "{hcl}");
}

#[test]
fn what_is_laid_out_stays_so() {
    for text in [
        "role \"r\" {\n  mount       = \"aws\" # a\n  policy_arns = [\"${ var.x }\"] # b\n}\n",
        "role \"r\" {\n  cafe\u{301} = \"x\"\n}\n",
        "a = 1\r\nbb = 2",
    ] {
        let once = formatted("a.hcl", text).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
        assert_eq!(formatted("a.hcl", &once).expect("laid out"), once);
    }
    assert_eq!(formatted("a.hcl", "a=1\r\nbb=2").expect("laid out"), "a  = 1\r\nbb = 2\r\n");
    // Blanks at the end of a text's lines are part of it.
    let text = "policy:\n  p:\n    rules: |\n      path \"x\" { \n      }\n";
    assert_eq!(formatted("a.yaml", text).expect("laid out"), text);
    let hcl = converted("a.yaml", text).expect("HCL").text;
    assert!(converted("a.hcl", &hcl).is_ok(), "{hcl}");
    // An empty text of lines, which the estate's parser takes for one that goes on.
    let text = "policy \"a\" {\n  rules = <<EOT\nEOT\n}\npolicy \"b\" {\n  rules   =   <<EOT\nx\nEOT\n}\n";
    let before = crate::estate::tree_of("a.hcl", text).expect("read");
    if let Ok(shown) = formatted("a.hcl", text) {
        assert!(crate::estate::tree_of("a.hcl", &shown).expect("read").says_what(&before), "{shown}");
    }
}
