//! How long what an app is issued lives, for each of its roles and logins: what says it, and what of that says nothing
//! because something else is shorter.

use super::lifetime::{LeaseTerms, Limit, Limits, Source, TokenTerms};
use super::{App, Role, Side, SideObject, Via};
use crate::object::Place;
use crate::object::review::Way;
use crate::review::words;

/// How long credentials of a role live that are read with tokens of a login.
#[derive(Debug)]
pub struct Reckoning<'s, 'a> {
    /// The role.
    pub role: &'s Role<'a>,
    /// How the app has it.
    pub via: Via,
    /// What says how long its leases or sessions live; `None` of what does not end.
    pub credential: Option<Limits<'a>>,
    /// The login whose tokens it is read with, and what says how long they live; `None` of an app without one.
    pub token: Option<Token<'s, 'a>>,
}

/// The tokens of a login.
#[derive(Debug)]
pub struct Token<'s, 'a> {
    /// The login.
    pub login: &'s SideObject<'a>,
    /// What says how long they live, but for a period.
    pub limits: Limits<'a>,
    /// How long they do.
    pub terms: TokenTerms,
}

/// Something that is said and does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// What, in a sentence without its full stop.
    pub what: String,
    /// Where it stands.
    pub place: Place,
    /// What to do.
    pub hint: &'static str,
}

impl<'s, 'a> Reckoning<'s, 'a> {
    /// For each role of an app, and each of its logins.
    pub fn of(app: &App<'s, 'a>) -> Vec<Self> {
        let side = app.side();
        let logins: Vec<&'s SideObject<'a>> = app.logins().collect();
        let each = |(role, via): (&'s Role<'a>, Via)| {
            let credential = side.role_limits(role);
            let of = |token| Self { role, via, credential, token };
            let rows: Vec<Self> = logins.iter().map(|login| of(Some(Token::of(side, login)))).collect();
            if rows.is_empty() { vec![of(None)] } else { rows }
        };
        app.roles().into_iter().flat_map(each).collect()
    }

    /// Whether it ends with its token: leases do, and sessions of AWS go on.
    pub fn ends_with_token(&self) -> bool {
        self.credential.is_some() && !self.role.way().is_some_and(Way::is_session)
    }

    fn bounding_token(&self) -> Option<&Token<'s, 'a>> {
        self.token.as_ref().filter(|_| self.ends_with_token())
    }

    /// How long it lives when nothing is renewed, and what says that; `None` for ever.
    pub fn default(&self) -> Option<Limit<'a>> {
        let own = self.credential?.default();
        let token = self.bounding_token().map(Token::default);
        Some(token.filter(|token| token.seconds < own.seconds).unwrap_or(own))
    }

    /// How long it lives at most, and what says that; `None` for ever.
    pub fn max(&self) -> Option<Limit<'a>> {
        let own = self.credential?.max();
        let token = self.bounding_token().and_then(Token::max);
        Some(token.filter(|token| token.seconds < own.seconds).unwrap_or(own))
    }

    /// The places that say how long it lives, and where its role is declared.
    pub fn said(&self) -> impl Iterator<Item = Place> {
        let of = |limits: Limits<'a>| limits.maxima().chain([limits.wish()]);
        let limits = self.credential.into_iter().chain(self.token.as_ref().map(|token| token.limits));
        let places = limits.flat_map(of).filter_map(|limit| limit.source.place());
        places.chain([self.role.object.declared_at()])
    }

    /// What the app may find out late: that a lease does not live as long as it is said to, because its token ends.
    pub fn surprise(&self) -> Option<Contradiction> {
        let (wish, token) = (self.credential?.wish(), self.bounding_token()?.max()?);
        let (Source::Field(..), true) = (wish.source, token.seconds < wish.seconds) else { return None };
        Some(Contradiction {
            what: format!(
                "its leases are to live {} ({}) and live at most {}, because they end with their token ({})",
                words::duration(wish.seconds),
                wish.source,
                words::duration(token.seconds),
                token.source
            ),
            place: token
                .source
                .place()
                .or_else(|| wish.source.place())
                .unwrap_or_else(|| self.role.object.declared_at()),
            hint: "let tokens live as long as the leases that they ask for, or leases as short as the tokens",
        })
    }
}

impl<'s, 'a> Token<'s, 'a> {
    fn of(side: &'s Side<'a>, login: &'s SideObject<'a>) -> Self {
        Self { login, limits: side.token_limits(login), terms: side.token_terms(login) }
    }

    fn period(&self) -> Option<Limit<'a>> {
        let period = Limit::of(*self.login, "token_period");
        (period.seconds > 0).then_some(period)
    }

    /// What says how long one lives that is not renewed.
    pub fn default(&self) -> Limit<'a> {
        let said = self.period().unwrap_or_else(|| self.limits.default());
        if said.seconds == self.terms.ttl { said } else { self.limits.max() }
    }

    /// What says how long one lives at most; `None` of one that may be renewed for ever.
    pub fn max(&self) -> Option<Limit<'a>> {
        let max = self.terms.max?;
        // One that can't be renewed lives as long as it does at first.
        Some(if max == self.terms.ttl { self.default() } else { Limit { seconds: max, ..self.longest(max) } })
    }

    fn longest(&self, max: i64) -> Limit<'a> {
        self.limits.maxima().find(|limit| limit.seconds == max).unwrap_or_else(|| self.limits.max())
    }
}

impl Source<'_> {
    /// Where it stands, if a file says it.
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Field(object, field) => Some(object.place_of(field)).filter(|place| place.line > 0),
            Self::Principal(role) => Some(role.place.clone()),
            Self::Engine | Self::Aws => None,
        }
    }
}

impl std::fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Field(object, field) => write!(f, "{field} of {}", object.path),
            Self::Engine => f.write_str("the engine's own"),
            Self::Principal(role) => write!(f, "max_session of iam_role {}", role.name),
            Self::Aws => f.write_str("AWS's own"),
        }
    }
}

/// What of a side is said and does not hold: each once, in the order of paths.
pub fn contradictions(side: &Side<'_>) -> Vec<Contradiction> {
    let mut found: Vec<Contradiction> = Vec::new();
    let mut add = |contradictions: Vec<Contradiction>| {
        for one in contradictions {
            if !found.contains(&one) {
                found.push(one);
            }
        }
    };
    let mut seen: Option<(&str, Limits<'_>)> = None;
    for role in side.roles() {
        let Some(limits) = side.role_limits(role) else { continue };
        if role.way().is_some_and(Way::is_session) {
            add(of_limits(&limits, "sessions"));
            add(of_session(side, role, limits.terms()));
        } else if seen.is_none_or(|(mount, _)| mount != role.at.mount) {
            add(of_limits(&limits, "leases"));
            seen = Some((role.at.mount, limits));
        }
    }
    for login in side.apps().flat_map(|app| app.logins()) {
        if login.number("token_period") == 0 {
            add(of_limits(&side.token_limits(login), "tokens"));
        }
    }
    found
}

/// What of limits does not hold: a first term beyond the end, and an end that comes after another.
fn of_limits(limits: &Limits<'_>, what: &str) -> Vec<Contradiction> {
    let end = limits.max();
    let beyond = |limit: Limit<'_>, place: Place, is_max: bool| Contradiction {
        what: format!(
            "{} is {}, and {what} live {} at most, which is {}",
            limit.source,
            words::duration(limit.seconds),
            words::duration(end.seconds),
            end.source
        ),
        place,
        hint: if is_max { "shorten it to that, or raise the other" } else { "shorten it, or raise the maximum" },
    };
    let wish = limits.wish();
    let first = (wish.seconds > end.seconds).then_some((wish, false));
    let ends = limits.maxima().filter(|limit| limit.seconds > end.seconds).map(|limit| (limit, true));
    let said = first.into_iter().chain(ends);
    said.filter_map(|(limit, is_max)| Some(beyond(limit, limit.source.place()?, is_max))).collect()
}

/// What of a session does not hold: AWS keeps it after its lease. One that is longer than its IAM role has any is an error of
/// the estate.
fn of_session(side: &Side<'_>, role: &Role<'_>, terms: LeaseTerms) -> Vec<Contradiction> {
    let mut found = Vec::new();
    let max = role.access_fields.sessions.terms.max;
    let place = |field| {
        let object = &role.object;
        if object.is_written(field) { object.place_of(field) } else { object.declared_at() }
    };
    let mount = side.lease_max_of_mount(role.at.mount);
    if role.object.number(max) > mount.seconds {
        found.push(Contradiction {
            what: format!(
                "sessions of {} last up to {}, and their leases end after {} ({}): they work on after that, and nothing tells",
                role.label(),
                words::duration(terms.max),
                words::duration(mount.seconds),
                mount.source
            ),
            place: place(max),
            hint: "shorten max_sts_ttl to that, or raise the mount's maximum",
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Reckoning, contradictions};
    use crate::estate::{self, Estate, Sources};
    use crate::review::state::Side;
    use crate::review::words;

    /// An estate with these settings of the engine, the method, the role and the login.
    fn estate([engine, method, role, login]: [&str; 4]) -> Estate {
        let text = format!(
            r#"environment "local" {{
  engine = "embedded"
}}
aws "aws" {{
  {engine}
}}
auth "approle" {{
  {method}
}}
iam_role "deploy" {{
  arn         = "arn:aws:iam::111122223333:role/deploy"
  max_session = "2h"
  policy_arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
}}
app "web" {{
  role "r" {{
    mount = "aws"
    {role}
  }}
  login "approle" {{
    {login}
  }}
}}
"#
        );
        let sources = Sources::from_texts([("leasehold.hcl".to_owned(), text)], []);
        estate::load(&sources, None).unwrap_or_else(|problems| panic!("{}", estate::render(&problems, &sources, false)))
    }

    const USER: &str = "policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n    credential_type = \"iam_user\"";
    const SESSION: &str =
        "credential_type = \"assumed_role\"\n    role_arns = [\"arn:aws:iam::111122223333:role/deploy\"]";

    fn reckoned(settings: [&str; 4]) -> String {
        let estate = estate(settings);
        let side = Side::of_estate(&estate);
        let app = side.app("web").expect("the app");
        let shown = |limit: Option<super::Limit<'_>>| match limit {
            Some(limit) => format!("{} by {}", words::duration(limit.seconds), limit.source),
            None => "for ever".to_owned(),
        };
        let rows = Reckoning::of(&app);
        assert_eq!(rows.len(), 1, "a role and a login");
        format!("{}; at most {}", shown(rows[0].default()), shown(rows[0].max()))
    }

    #[test]
    fn what_limits_a_credential_is_named() {
        let lease = "lease {\n default = \"1h\"\n max = \"4h\"\n }";
        for (settings, expected) in [
            (["", "", USER, ""], "768h by the engine's own; at most 768h by the engine's own"),
            ([lease, "", USER, ""], "1h by lease of aws/config/lease; at most 4h by lease_max of aws/config/lease"),
            (
                [lease, "", USER, "token_ttl = \"20m\""],
                "20m by token_ttl of auth/approle/role/app-web; at most 4h by lease_max of aws/config/lease",
            ),
            (
                [lease, "", USER, "token_ttl = \"20m\"\n token_max_ttl = \"2h\""],
                "20m by token_ttl of auth/approle/role/app-web; at most 2h by token_max_ttl of auth/approle/role/app-web",
            ),
            (
                [lease, "max_lease_ttl = \"3h\"", USER, ""],
                "1h by lease of aws/config/lease; at most 3h by max_lease_ttl of sys/auth/approle",
            ),
            (
                [lease, "", USER, "token_period = \"10m\""],
                "10m by token_period of auth/approle/role/app-web; at most 4h by lease_max of aws/config/lease",
            ),
            (
                [lease, "", USER, "token_ttl = \"5m\"\n token_type = \"batch\""],
                "5m by token_ttl of auth/approle/role/app-web; at most 5m by token_ttl of auth/approle/role/app-web",
            ),
            // A session does not end with its token.
            (
                [lease, "", SESSION, "token_ttl = \"5m\""],
                "1h by AWS's own; at most 2h by max_session of iam_role deploy",
            ),
            (
                ["max_lease_ttl = \"30m\"", "", SESSION, ""],
                "30m by max_lease_ttl of sys/mounts/aws; at most 30m by max_lease_ttl of sys/mounts/aws",
            ),
        ] {
            assert_eq!(reckoned(settings), expected, "{settings:?}");
        }
    }

    #[test]
    fn what_is_said_and_does_not_hold_is_told_with_its_place() {
        let session = |more: &str| format!("{SESSION}\n    {more}");
        let longer = session("max_sts_ttl = \"2h\"");
        for (settings, expected) in [
            (["lease {\n default = \"1h\"\n max = \"4h\"\n }", "", USER, "token_ttl = \"20m\""], vec![]),
            (
                ["max_lease_ttl = \"4h\"\n lease {\n default = \"8h\"\n }", "", USER, ""],
                vec![
                    "lease of aws/config/lease is 8h, and leases live 4h at most, which is max_lease_ttl of sys/mounts/aws",
                ],
            ),
            (
                ["max_lease_ttl = \"2h\"\n lease {\n max = \"4h\"\n }", "", USER, ""],
                vec![
                    "lease_max of aws/config/lease is 4h, and leases live 2h at most, which is max_lease_ttl of \
                     sys/mounts/aws",
                ],
            ),
            (
                ["", "max_lease_ttl = \"1h\"", USER, "token_ttl = \"2h\""],
                vec![
                    "token_ttl of auth/approle/role/app-web is 2h, and tokens live 1h at most, which is max_lease_ttl of \
                     sys/auth/approle",
                ],
            ),
            (
                ["max_lease_ttl = \"1h\"", "", &longer, ""],
                vec![
                    "sessions of aws/r last up to 2h, and their leases end after 1h (max_lease_ttl of sys/mounts/aws): they \
                     work on after that, and nothing tells",
                ],
            ),
        ] {
            let estate = estate(settings);
            let found = contradictions(&Side::of_estate(&estate));
            assert!(found.iter().all(|one| one.place.line > 0), "{found:?}");
            let found: Vec<String> = found.into_iter().map(|one| one.what).collect();
            assert_eq!(found, expected, "{settings:?}");
        }
    }

    #[test]
    fn a_lease_that_is_said_to_outlive_its_token_is_told_of_that_app() {
        let settings = ["lease {\n default = \"8h\"\n }", "", USER, "token_max_ttl = \"1h\""];
        let estate = estate(settings);
        let side = Side::of_estate(&estate);
        let app = side.app("web").expect("the app");
        let surprise = Reckoning::of(&app)[0].surprise().expect("one");
        assert_eq!(
            surprise.what,
            "its leases are to live 8h (lease of aws/config/lease) and live at most 1h, because they end with their token \
             (token_max_ttl of auth/approle/role/app-web)"
        );
        assert_eq!(contradictions(&side), [], "it may well be meant");
    }
}
