//! What the tokens of a JWT login have to say, in the words of whoever signs them: the branch of a CI service, the
//! namespace of a cluster.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::object::review::{Binding, Said, Values};
use crate::units::duration;

/// Claims, and what they tell. The first four are GitHub's, the next GitLab's, the last two those of a cluster, as JSON
/// pointers (`kubernetes.io` is one claim).
const KNOWN: [(&str, &str); 11] = [
    ("repository", "repository"),
    ("repository_owner", "owner"),
    ("ref", BRANCH),
    ("job_workflow_ref", "workflow"),
    ("environment", "environment"),
    ("project_path", "project"),
    ("namespace_path", "group"),
    ("ref_path", BRANCH),
    ("sub", SUBJECT),
    ("/kubernetes.io/namespace", NAMESPACE),
    ("/kubernetes.io/serviceaccount/name", "service account"),
];

const BRANCH: &str = "branch";
const NAMESPACE: &str = "namespace";
const SUBJECT: &str = "subject";

/// What tells that tokens are a CI service's, so that they have a branch whether or not it is bound.
const OF_REPOSITORIES: [&str; 5] = ["repository", "owner", "workflow", "project", "group"];

/// All that the tokens of a login are bound to, and whether a branch or a namespace is among it where they have one.
pub(super) fn of(login: &dyn Values) -> Vec<Binding> {
    let audiences: Vec<String> = login.texts("bound_audiences").into_iter().collect();
    let audience = |values, any| Binding {
        before: Some("a token for"),
        any,
        ..Binding::new("audience", "bound_audiences", values, false)
    };
    // What a browser brings is for the method's client in any case.
    let mut bindings = vec![match (login.text("role_type").as_str(), audiences.is_empty()) {
        ("oidc", true) => audience(vec!["the method's own client".to_owned()], "").inferred(),
        ("oidc", false) => audience(audiences, ""),
        _ => audience(audiences, "a token for nobody in particular"),
    }];
    let subject = login.text("bound_subject");
    if !subject.is_empty() {
        bindings
            .push(Binding { looks_at: "sub".into(), ..Binding::new(SUBJECT, "bound_subject", vec![subject], false) });
    }
    let is_glob = login.text("bound_claims_type") == "glob";
    for (claim, values) in login.value("bound_claims").as_object().into_iter().flatten() {
        let values: Vec<String> = values.as_array().into_iter().flatten().map(shown).collect();
        let known = KNOWN.iter().find(|(name, _)| name == claim);
        let known = known.filter(|(_, what)| *what != BRANCH || values.iter().all(|value| is_branch(value)));
        let known = known.map(|(_, what)| (*what).to_owned());
        let is_new = |what: &String| bindings.iter().all(|binding| binding.what != *what);
        let what = known.filter(is_new).unwrap_or_else(|| format!("claim {claim}"));
        let looks_at = claim.clone().into();
        bindings.push(Binding { looks_at, ..Binding::new(what, "bound_claims", values, is_glob) });
    }
    let told = |part: fn(&str) -> Part<'_>, what: &'static str, bindings: &mut Vec<Binding>| {
        if let Some(binding) = of_subjects(bindings, part, what) {
            bindings.push(binding.inferred());
        }
    };
    told(branch, BRANCH, &mut bindings);
    told(namespace, NAMESPACE, &mut bindings);
    let is_said = |what: &str| bindings.iter().any(|binding| binding.what == what);
    let is_of_repositories = is_said(BRANCH) || OF_REPOSITORIES.iter().any(|what| is_said(what));
    // Whose tokens they are may be left open: then they may be a CI service's, or a cluster's, of any branch or namespace.
    let subjects = || bindings.iter().filter(|binding| binding.what == SUBJECT);
    let is_of_one = subjects().next().is_some() && subjects().all(|subject| !subject.is_open());
    let is_anybodys = !(is_of_repositories || is_said(NAMESPACE) || is_of_one || login.text("role_type") == "oidc");
    let open = |what| Binding::new(what, "bound_claims", Vec::new(), false);
    let lacks = |what| !is_said(what);
    let more = match (is_of_repositories, is_anybodys) {
        (true, _) => [lacks(BRANCH).then(|| open(BRANCH).inferred()), None],
        (false, true) => [BRANCH, NAMESPACE].map(|what| lacks(what).then(|| open(what).feared())),
        (false, false) => [None, None],
    };
    bindings.extend(more.into_iter().flatten());
    bindings
}

/// Whether a ref is of a branch: tags and pull requests are others'. Of what is left open it may be.
fn is_branch(value: &str) -> bool {
    !value.starts_with("refs/") || value.starts_with("refs/heads/") || value.starts_with("refs/*")
}

/// A value as it is compared: one of another type is another text.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| format!("{value} (no text)"), str::to_owned)
}

/// What a subject says of something.
enum Part<'a> {
    /// Nothing: it is of another sort.
    No,
    /// It may be any.
    Any,
    This(&'a str),
}

/// What all subjects that are taken say of a branch or of a namespace; `None` where that is told already, or one of them
/// is of another sort.
fn of_subjects(bindings: &[Binding], part: fn(&str) -> Part<'_>, what: &'static str) -> Option<Binding> {
    let mut subjects = bindings.iter().filter(|binding| binding.what == SUBJECT);
    // Where there are two, a token meets both: the first is enough.
    let subject = subjects.next().filter(|_| bindings.iter().all(|binding| binding.what != what))?;
    let mut values = Vec::new();
    for text in &subject.values {
        match part(text) {
            Part::No => return None,
            Part::Any => return Some(Binding::new(what, subject.field, Vec::new(), false)),
            Part::This(value) => values.push(value.to_owned()),
        }
    }
    Some(Binding::new(what, subject.field, values, subject.is_pattern))
}

/// Of `repo:octo/web:ref:refs/heads/main` (GitHub), and of `project_path:octo/web:ref_type:branch:ref:main` (GitLab).
fn branch(subject: &str) -> Part<'_> {
    if !["repo:", "project_path:"].iter().any(|start| subject.starts_with(start)) {
        return Part::No;
    }
    subject.split_once(":ref:").map_or(Part::Any, |(_, branch)| Part::This(branch))
}

/// Of `system:serviceaccount:web:deploy`.
fn namespace(subject: &str) -> Part<'_> {
    match subject.strip_prefix("system:serviceaccount:") {
        None => Part::No,
        Some(rest) => rest.split_once(':').map_or(Part::Any, |(namespace, _)| Part::This(namespace)),
    }
}

/// What it takes besides.
pub(super) fn takes(login: &dyn Values) -> String {
    if login.text("role_type") != "oidc" {
        return "a token is good until it ends".to_owned();
    }
    let listed = |field: &str| login.texts(field).into_iter().collect::<Vec<_>>().join(", ");
    let mut told =
        format!("whom the issuer lets in, and whose browser comes back to {}", listed("allowed_redirect_uris"));
    if !login.texts("oidc_scopes").is_empty() {
        told.push_str(&format!("; the issuer is asked for {}", listed("oidc_scopes")));
    }
    if login.number("max_age") > 0 {
        told.push_str(&format!("; who logged in there {} ago at most", duration::shown(login.number("max_age"))));
    }
    told
}

/// What a change means of what is there for browsers alone.
fn of_browsers(field: &'static str, old: &dyn Values, new: &dyn Values) -> Option<Said> {
    let (before, after) = (old.texts(field), new.texts(field));
    let listed = |texts: &BTreeSet<String>| texts.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let more: BTreeSet<String> = after.difference(&before).cloned().collect();
    let gains = !more.is_empty();
    let now = match (field, gains, after.is_empty()) {
        ("allowed_redirect_uris", true, _) => format!("browsers may come back to {} with a login", listed(&more)),
        ("allowed_redirect_uris", ..) => format!("browsers may come back to {} alone with a login", listed(&after)),
        (_, true, _) => format!("the issuer is asked for more of whoever logs in: {}", listed(&more)),
        (_, _, true) => "the issuer is asked for no more than who logs in".to_owned(),
        (_, _, false) => format!("the issuer is asked for {} alone of whoever logs in", listed(&after)),
    };
    Some(Said { now, was: listed(&before), gains, field })
}

/// What a change means of the fields that bind nothing.
pub(super) fn said(field: &'static str, old: &dyn Values, new: &dyn Values, _from: &str) -> Option<Said> {
    let plain = |now: String| Some(Said { now, was: String::new(), gains: false, field });
    match field {
        "role_type" if new.text(field) == "oidc" => Some(Said {
            gains: true,
            ..plain("logins take place in a browser at the issuer, and show no signed tokens any more".to_owned())?
        }),
        "role_type" => Some(Said {
            gains: true,
            ..plain("logins show a signed token, and take place in no browser any more".to_owned())?
        }),
        "allowed_redirect_uris" | "oidc_scopes" => of_browsers(field, old, new),
        "max_age" => {
            let texts = ["people may have logged in at the issuer", "at any time before"];
            Some(Said::limit(field, (old, new), texts, |seconds| format!("{} ago", duration::shown(seconds))))
        }
        // Whoever is called by it what another was called before is taken for that one, policies included.
        "user_claim" => {
            let now = format!(
                "its tokens are named after the claim {}: who is called as another was is that one",
                new.text(field)
            );
            Some(Said { gains: true, ..plain(now)? })
        }
        "user_claim_json_pointer" => {
            Some(Said { gains: true, ..plain("its tokens are named after another claim".to_owned())? })
        }
        "groups_claim" if new.text(field).is_empty() => {
            plain("no claim of a token says any more in which groups somebody is".to_owned())
        }
        "groups_claim" => {
            let now =
                format!("whom the claim {} says to be in a group is in it, and has its policies", new.text(field));
            Some(Said { gains: true, ..plain(now)? })
        }
        // Templated policies go by it.
        "claim_mappings" => {
            Some(Said { gains: true, ..plain("other claims become metadata of its tokens".to_owned())? })
        }
        "expiration_leeway" => Some(leeway(field, old, new, "signed tokens without an end live", 150)),
        "not_before_leeway" => {
            Some(leeway(field, old, new, "signed tokens without a start begin before their end", 150))
        }
        "clock_skew_leeway" => Some(leeway(field, old, new, "clocks may differ by", 60)),
        _ => None,
    }
}

fn leeway(field: &'static str, old: &dyn Values, new: &dyn Values, text: &str, usual: i64) -> Said {
    let seconds = |side: &dyn Values| match side.number(field) {
        0 => usual,
        seconds => seconds.max(0),
    };
    let (before, after) = (seconds(old), seconds(new));
    Said { now: format!("{text} {after} s"), was: format!("{before} s"), gains: after > before, field }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::of;
    use crate::object::jwt_role::KIND;
    use crate::object::review::Values;

    fn told(fields: &Value) -> Vec<String> {
        struct Side<'a>(&'a Value);
        impl Values for Side<'_> {
            fn value(&self, name: &str) -> std::borrow::Cow<'_, Value> {
                let default = || KIND.field(name).map_or(Value::Null, |field| field.default_value());
                std::borrow::Cow::Owned(self.0.get(name).cloned().unwrap_or_else(default))
            }
        }
        let told = of(&Side(fields));
        told.iter().map(|binding| format!("{}: {}", binding.what, binding.values.join(" "))).collect()
    }

    #[test]
    fn what_tokens_are_bound_to_is_told_in_their_issuers_words() {
        for (fields, expected) in [
            (json!({"bound_audiences": ["a"]}), vec!["audience: a", "branch: ", "namespace: "]),
            (
                json!({"bound_claims": {"project_id": ["7"]}}),
                vec!["audience: ", "claim project_id: 7", "branch: ", "namespace: "],
            ),
            (
                json!({"bound_claims": {"repository": ["o/r"], "ref": ["refs/heads/main"]}}),
                vec!["audience: ", "repository: o/r", "branch: refs/heads/main"],
            ),
            (json!({"bound_claims": {"repository": ["o/r"]}}), vec!["audience: ", "repository: o/r", "branch: "]),
            (
                json!({"bound_subject": "repo:o/r:ref:refs/heads/main"}),
                vec!["audience: ", "subject: repo:o/r:ref:refs/heads/main", "branch: refs/heads/main"],
            ),
            (
                json!({"bound_claims": {"sub": ["repo:o/r:ref:refs/heads/main", "repo:o/r:environment:prod"]}}),
                vec!["audience: ", "subject: repo:o/r:ref:refs/heads/main repo:o/r:environment:prod", "branch: "],
            ),
            (
                json!({"bound_subject": "project_path:o/r:ref_type:branch:ref:main"}),
                vec!["audience: ", "subject: project_path:o/r:ref_type:branch:ref:main", "branch: main"],
            ),
            (
                json!({"bound_subject": "system:serviceaccount:web:deploy"}),
                vec!["audience: ", "subject: system:serviceaccount:web:deploy", "namespace: web"],
            ),
            (json!({"bound_subject": "ann"}), vec!["audience: ", "subject: ann"]),
            (
                json!({"bound_claims": {"repository": ["o/r"], "ref": ["refs/tags/v1"]}}),
                vec!["audience: ", "repository: o/r", "claim ref: refs/tags/v1", "branch: "],
            ),
            (
                json!({"bound_claims": {"level": [3]}}),
                vec!["audience: ", "claim level: 3 (no text)", "branch: ", "namespace: "],
            ),
        ] {
            assert_eq!(told(&fields), expected, "{fields}");
        }
    }
}
