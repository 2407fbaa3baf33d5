//! What a backend takes for one object has one answer, whatever the spelling: random policies, asked over HTTP
//! about random spellings of paths, are held against a model of the policy language that sees only the object.

use std::cmp::Ordering;

use leasehold::clock::Clock;
use leasehold::engine::AwsTransport;
use serde_json::json;

use crate::env::InTestEngine;
use crate::http::Http;

/// Xorshift: the same cases in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.roll(choices.len())]
    }
}

/// A request about an object that answers anything but 403 when it is allowed, and changes nothing.
struct Object {
    method: &'static str,
    capability: &'static str,
    /// Segments; from which one on, and up to which, the backend reads names in any case.
    path: &'static [&'static str],
    folded: (usize, usize),
}

const fn object(
    method: &'static str,
    capability: &'static str,
    path: &'static [&'static str],
    folded: (usize, usize),
) -> Object {
    Object { method, capability, path, folded }
}

const OBJECTS: [Object; 17] = [
    object("GET", "read", &["sys", "policies", "acl", "victim"], (3, 9)),
    object("GET", "read", &["sys", "policies", "acl", "team/victim"], (3, 9)),
    object("GET", "read", &["sys", "policy", "victim"], (2, 9)),
    object("DELETE", "delete", &["sys", "policies", "acl", "absent"], (3, 9)),
    object("DELETE", "delete", &["sys", "policy", "absent"], (2, 9)),
    object("LIST", "list", &["sys", "policies", "acl"], (9, 9)),
    object("GET", "read", &["auth", "approle", "role", "victim"], (3, 4)),
    object("GET", "read", &["auth", "approle", "role", "victim", "role-id"], (3, 4)),
    object("POST", "update", &["auth", "approle", "role", "victim"], (3, 4)),
    object("DELETE", "delete", &["auth", "approle", "role", "absent"], (3, 4)),
    object("LIST", "list", &["auth", "approle", "role", "victim", "secret-id"], (3, 4)),
    object("GET", "read", &["auth", "token", "lookup-self"], (9, 9)),
    object("GET", "read", &["sys", "mounts", "secret", "tune"], (9, 9)),
    object("DELETE", "delete", &["sys", "mounts", "absent"], (9, 9)),
    object("GET", "read", &["secret", "data", "a+b", "Victim"], (9, 9)),
    object("DELETE", "delete", &["secret", "metadata", "absent"], (9, 9)),
    object("LIST", "list", &["secret", "metadata", "a+b"], (9, 9)),
];

impl Object {
    fn segments(&self) -> Vec<&'static str> {
        self.path.iter().flat_map(|part| part.split('/')).collect()
    }

    fn is_folded(&self, index: usize) -> bool {
        (self.folded.0..self.folded.1).contains(&index)
    }

    /// A spelling that the engine must take for the same object.
    fn spelling(&self, dice: &mut Dice) -> (&'static str, String) {
        let mut text = String::new();
        for (index, segment) in self.segments().iter().enumerate() {
            if index > 0 || dice.one_in(8) {
                text.push('/');
            }
            if dice.one_in(8) {
                text.push('/');
            }
            let other_case = self.is_folded(index) && dice.one_in(3);
            for c in segment.chars() {
                let c = if other_case && dice.one_in(2) { c.to_ascii_uppercase() } else { c };
                match dice.roll(12) {
                    0 => text.push_str(&format!("%{:02x}", u32::from(c))),
                    1 => text.push_str(&format!("%{:02X}", u32::from(c))),
                    _ => text.push(c),
                }
            }
        }
        // Nothing is written to a path that ends in a slash.
        if self.method != "POST" && dice.one_in(2) {
            text.push_str(dice.of(&["/", "//"]));
        }
        match self.method {
            "LIST" if dice.one_in(2) => ("GET", format!("{text}?list=true")),
            method => (method, text),
        }
    }
}

#[derive(Clone, Debug)]
struct Rule {
    pattern: String,
    capabilities: Vec<&'static str>,
}

impl Rule {
    /// A rule about an object, or about what lies around it.
    fn random(dice: &mut Dice) -> Self {
        let object = &OBJECTS[dice.roll(OBJECTS.len())];
        let mut segments = Vec::new();
        for (index, segment) in object.segments().into_iter().enumerate() {
            segments.push(match () {
                () if dice.one_in(6) => "+".to_owned(),
                () if object.is_folded(index) && dice.one_in(4) => segment.to_uppercase(),
                () => segment.to_owned(),
            });
        }
        let mut pattern = segments.join("/");
        match dice.roll(4) {
            0 => {
                pattern.truncate(dice.roll(pattern.len() + 1));
                if pattern.ends_with('+') {
                    pattern.push('/');
                }
                pattern.push('*');
            }
            1 if object.method == "LIST" => pattern.push('/'),
            _ => {}
        }
        let all = ["read", "list", "update", "delete"];
        let capabilities = match dice.roll(3) {
            0 => vec!["deny"],
            1 => vec![object.capability],
            _ => all.into_iter().filter(|_| dice.one_in(2)).collect(),
        };
        Self { pattern, capabilities }
    }

    fn prefix(&self) -> Option<&str> {
        self.pattern.strip_suffix('*')
    }

    /// The pattern as it stands for this object: in lower case where the object's names are.
    fn about(&self, object: &Object) -> Self {
        let segments = self.pattern.split('/').enumerate();
        let folded = segments.map(|(index, text)| match object.is_folded(index) {
            true => text.to_lowercase(),
            false => text.to_owned(),
        });
        Self { pattern: folded.collect::<Vec<_>>().join("/"), capabilities: self.capabilities.clone() }
    }

    fn has_plus(&self) -> bool {
        self.pattern.trim_end_matches('*').split('/').any(|segment| segment == "+")
    }

    fn is_exact(&self) -> bool {
        self.prefix().is_none() && !self.has_plus()
    }

    fn matches(&self, path: &str) -> bool {
        let wanted: Vec<&str> = self.prefix().unwrap_or(&self.pattern).split('/').collect();
        let given: Vec<&str> = path.split('/').collect();
        let whole = |count: usize| (0..count).all(|index| wanted[index] == "+" || wanted[index] == given[index]);
        match self.prefix() {
            None => wanted.len() == given.len() && whole(given.len()),
            Some(_) => {
                let last = wanted.len() - 1;
                given.len() > last && whole(last) && given[last].starts_with(wanted[last])
            }
        }
    }

    /// The order in which Vault lets patterns decide; the greatest wins. A `+` that is part of a longer segment
    /// is text.
    fn rank(&self) -> (usize, bool, usize, usize, String) {
        let pattern = self.pattern.trim_end_matches('*');
        let mut at = 0;
        let mut first = pattern.len();
        for segment in pattern.split('/') {
            if segment == "+" {
                first = at;
                break;
            }
            at += segment.len() + 1;
        }
        let plus = pattern.split('/').filter(|segment| *segment == "+").count();
        (first, self.prefix().is_none(), usize::MAX - plus, pattern.len(), pattern.to_owned())
    }

    fn denies(&self) -> bool {
        self.capabilities.contains(&"deny")
    }
}

/// What the policy language says of the object itself.
fn allowed(object: &Object, rules: &[Rule]) -> bool {
    // Rules of one pattern are one rule, and a deny among them is all there is.
    let mut merged: Vec<Rule> = Vec::new();
    for rule in rules.iter().map(|rule| rule.about(object)) {
        match merged.iter_mut().find(|known| known.pattern == rule.pattern) {
            Some(known) => known.capabilities.extend(rule.capabilities),
            None => merged.push(rule),
        }
    }
    let bare = object.segments().join("/");
    let listed = format!("{bare}/");
    let best = |path: &str| {
        let matching = merged.iter().filter(|rule| !rule.is_exact() && rule.matches(path));
        matching.max_by(|a, b| a.rank().cmp(&b.rank()))
    };
    let exact = |path: &str| merged.iter().find(|rule| rule.is_exact() && rule.pattern == path);
    let found = match object.method {
        "LIST" => exact(&listed).or_else(|| exact(&bare)).or_else(|| match (best(&listed), best(&bare)) {
            (Some(with), Some(without)) => {
                Some(if without.denies() && without.rank().cmp(&with.rank()) == Ordering::Greater {
                    without
                } else {
                    with
                })
            }
            (with, without) => with.or(without),
        }),
        _ => exact(&bare).or_else(|| best(&bare)),
    };
    found.is_some_and(|rule| !rule.denies() && rule.capabilities.contains(&object.capability))
}

fn text(rules: &[Rule]) -> String {
    rules.iter().map(|rule| format!("path {:?} {{ capabilities = {:?} }}\n", rule.pattern, rule.capabilities)).collect()
}

#[test]
fn what_is_one_object_to_a_backend_is_one_to_the_policies() {
    let engine = InTestEngine::start(Clock::system(), AwsTransport::Network);
    let root =
        Http { address: engine.address.trim_start_matches("http://").to_owned(), token: engine.root_token.clone() };
    root.post("sys/auth/approle", &json!({"type": "approle"}));
    root.post("auth/approle/role/victim", &json!({}));
    root.post("auth/approle/role/victim/secret-id", &json!({}));
    root.post("secret/data/a+b/Victim", &json!({"data": {}}));
    for name in ["victim", "team/victim"] {
        root.post(&format!("sys/policies/acl/{name}"), &json!({"policy": "path \"x\" { policy = \"read\" }"}));
    }
    let made = root.post("auth/token/create", &json!({"policies": ["p"], "no_default_policy": true}));
    let app = root.with_token(made["auth"]["client_token"].as_str().unwrap());
    let mut dice = Dice(0x1234_5678_9abc_def1);
    let mut wrong = Vec::new();
    let mut both = [0; 2];
    for _ in 0..400 {
        let rules: Vec<Rule> = (0..2 + dice.roll(5)).map(|_| Rule::random(&mut dice)).collect();
        root.post("sys/policies/acl/p", &json!({ "policy": text(&rules) }));
        for _ in 0..8 {
            let object = &OBJECTS[dice.roll(OBJECTS.len())];
            let expected = allowed(object, &rules);
            both[usize::from(expected)] += 1;
            let (method, path) = object.spelling(&mut dice);
            let body = (method == "POST").then(|| json!({}));
            let status = app.send(method, &path, body.as_ref()).status;
            if (status != 403) != expected {
                wrong.push(format!("{method} {path}: {status}, expected allowed: {expected}\n{}", text(&rules)));
            }
        }
    }
    assert!(both.iter().all(|count| *count > 300), "the cases are one-sided: {both:?}");
    assert!(wrong.is_empty(), "{} answers are wrong, such as\n{}", wrong.len(), wrong[..wrong.len().min(3)].join("\n"));
}

#[test]
fn the_trail_and_the_backend_see_the_path_that_the_policies_saw() {
    let engine = InTestEngine::start(Clock::system(), AwsTransport::Network);
    let root =
        Http { address: engine.address.trim_start_matches("http://").to_owned(), token: engine.root_token.clone() };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("audit.log");
    root.post("sys/audit/file", &json!({"type": "file", "options": {"file_path": file}}));
    root.post("sys/auth/approle", &json!({"type": "approle"}));
    root.post("auth/approle//role/%56ictim", &json!({}));
    root.post("sys/policies/acl/Team", &json!({"policy": "path \"x\" { policy = \"read\" }"}));
    assert_eq!(root.send("DELETE", "sys//policies/acl/TEAM/", None).status, 204);
    assert_eq!(root.send("GET", "sys/policies/acl/team", None).status, 404);
    assert_eq!(root.send("DELETE", "auth/approle/role/VICTIM/", None).status, 204);
    assert_eq!(root.send("GET", "auth/approle/role/victim", None).status, 404);
    let lines = std::fs::read_to_string(file).unwrap();
    let paths = lines.lines().filter_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        (line["type"] == "request").then(|| line["request"]["path"].as_str().map(str::to_owned))?
    });
    let expected = [
        "sys/auth/approle",
        "auth/approle/role/victim",
        "sys/policies/acl/team",
        "sys/policies/acl/team",
        "sys/policies/acl/team",
        "auth/approle/role/victim",
        "auth/approle/role/victim",
    ];
    assert_eq!(paths.collect::<Vec<_>>(), expected);
}

#[test]
fn headers_that_would_move_a_path_are_refused() {
    let engine = InTestEngine::start(Clock::system(), AwsTransport::Network);
    let root =
        Http { address: engine.address.trim_start_matches("http://").to_owned(), token: engine.root_token.clone() };
    for namespace in ["team", "team/", " team", "//", "root/team", "%2e%2e"] {
        let answer = root.try_send_with("GET", "sys/mounts", None, &[("X-Vault-Namespace", namespace)]).unwrap();
        assert_eq!(answer.status, 400, "{namespace:?}: {}", answer.body);
    }
    for path in
        ["sys/./mounts", "sys/x/../mounts", "sys/%2e%2e/sys/mounts", "sys%2fmounts", "sys/mounts%00", "sys%5cmounts"]
    {
        assert_eq!(root.send("GET", path, None).status, 400, "{path}");
    }
}
