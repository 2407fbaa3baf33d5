//! What of a kind a review reads, and the words that only its kind can say.
//!
//! What every login's token has (how long it lives, from where it is used, which policies it has) is told by the review
//! itself; a login says here how somebody proves who they are.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::text;

/// What of a kind a review reads.
#[derive(Debug)]
pub enum Reviewed {
    /// What its credentials may do: IAM policies. They are compared, and guardrails go with it to the engine.
    Access(&'static AccessFields),
    /// Who may log in as an app.
    Login(&'static LoginWords),
    /// What tokens may do: ACL rules, in this field.
    Rules(&'static str),
    /// How long leases of its mount live.
    Terms(Terms),
    /// Which of its fields differ.
    Fields(&'static Remarks),
    /// What it lets somebody do in the engine, in its own words.
    Rights(&'static Rights),
}

/// What an object lets somebody do in the engine.
pub struct Rights {
    /// What it means that an object of this name comes, or is another than the `old` one: nothing where it means nothing.
    pub said: fn(name: &str, old: Option<&dyn Values>, new: &dyn Values) -> Vec<Said>,
    /// What it means that it goes.
    pub gone: &'static str,
    /// Where it is somebody who has policies, whatever they log in by.
    pub person: Option<&'static Person>,
}

/// The fields of somebody who has policies, whatever they log in by.
#[derive(Debug)]
pub struct Person {
    /// The names of the policies.
    pub policies: &'static str,
    /// What templates in policies may know of it, by name.
    pub metadata: &'static str,
    /// What auth methods call it, by their paths; none of who is several.
    pub aliases: Option<&'static str>,
    /// Whether it has nothing at all, for the time being; none where it can't be so.
    pub disabled: Option<&'static str>,
    /// Who is in it, of a group, each field of a shape that says whom it names; nothing of who is one alone.
    pub members: &'static [&'static str],
}

impl std::fmt::Debug for Rights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("rights")
    }
}

/// The fields of a role that say what its credentials may do; empty where its kind has no such field.
#[derive(Debug)]
pub struct AccessFields {
    /// The inline policy of each user.
    pub document: &'static str,
    /// The managed policies that are attached to each user, by their ARNs.
    pub policies: &'static str,
    /// The groups that each user joins.
    pub groups: &'static str,
    /// The managed policy that bounds each user, by its ARN.
    pub boundary: &'static str,
    /// The tags of each user.
    pub tags: &'static str,
    /// The path of each user.
    pub path: &'static str,
    /// How credentials are made.
    pub made: &'static str,
    /// What it says of that, and which way is meant.
    pub ways: &'static [(&'static str, Way)],
    /// What it says of sessions.
    pub sessions: SessionFields,
    /// What it says of a user that is there already.
    pub standing: StandingFields,
    /// What it decides of its users besides, that policies can look at.
    pub attributes: &'static [Attribute],
}

impl Way {
    /// Whether it makes sessions, of which AWS knows the end.
    pub fn is_session(self) -> bool {
        matches!(self, Self::RoleSession | Self::Federated | Self::OwnSession)
    }
}

/// How credentials of a role are made, as far as it matters to what they may do and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A user of its own for each, which has the role's policies.
    User,
    /// A session of a role of the account, within the role's policies where it has some.
    RoleSession,
    /// A session of whom the engine signs as, within the role's policies.
    Federated,
    /// A session of whom the engine signs as.
    OwnSession,
    /// The key of a user that is there already, the same for all, without an end.
    Standing,
}

impl AccessFields {
    /// Of a kind that has none of these fields.
    pub const NONE: Self = Self {
        document: "",
        policies: "",
        groups: "",
        boundary: "",
        tags: "",
        path: "",
        made: "",
        ways: &[],
        sessions: SessionFields {
            roles: "",
            tags: "",
            external_id: "",
            factor: "",
            terms: Terms { default: "", max: "" },
        },
        standing: StandingFields { user: "", period: "" },
        attributes: &[],
    };

    /// The way that a word of [`AccessFields::made`] means; `None` of one that is not known.
    pub fn way(&self, made: &str) -> Option<Way> {
        self.ways.iter().find(|(word, _)| *word == made).map(|(_, way)| *way)
    }

    /// The word for a way; empty where there is none.
    pub fn word(&self, way: Way) -> &'static str {
        self.ways.iter().find(|(_, one)| *one == way).map_or("", |(word, _)| word)
    }

    /// Whether credentials of some role of it are under no lease.
    pub fn is_standing(&self) -> bool {
        self.ways.iter().any(|(_, way)| *way == Way::Standing)
    }
}

/// The fields of a role that hands out the key of a user that is there already.
#[derive(Debug)]
pub struct StandingFields {
    /// The user's name.
    pub user: &'static str,
    /// How old the key gets.
    pub period: &'static str,
}

/// The fields of a role whose credentials are sessions. What else it says narrows them.
#[derive(Debug)]
pub struct SessionFields {
    /// The roles of the account, by their ARNs.
    pub roles: &'static str,
    /// The tags of each session.
    pub tags: &'static str,
    /// What the roles' trust policies ask for as `sts:ExternalId`.
    pub external_id: &'static str,
    /// The device whose codes are asked for.
    pub factor: &'static str,
    /// How long a session lives.
    pub terms: Terms,
}

/// What a role decides of its users and policies can look at.
#[derive(Debug)]
pub struct Attribute {
    /// The field.
    pub field: &'static str,
    /// What it is.
    pub words: &'static str,
    /// What has it: `IAM users`.
    pub whose: &'static str,
    /// The word for none.
    pub none: &'static str,
    /// How the context keys begin that tell it.
    pub keys: &'static [&'static str],
}

/// The fields that say how long a lease lives.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Until it has to be renewed.
    pub default: &'static str,
    /// At most.
    pub max: &'static str,
}

/// What is to be said of some fields, when they differ.
#[derive(Debug)]
pub struct Remarks {
    /// The lease terms among them, which are told as such.
    pub terms: Option<Terms>,
    /// Those that say from which account credentials come.
    pub account: &'static [&'static str],
    /// The one that says how the users of roles are named.
    pub user_names: Option<&'static str>,
    /// Those that say whose word is taken for who somebody is.
    pub vouching: &'static [&'static str],
    /// Those of them that only limit it, and limit nothing while they are empty.
    pub limiting: &'static [&'static str],
    /// Why nobody can tell what it means that it comes, changes or goes.
    pub unknown: Option<&'static str>,
    /// What of it holds somebody back or lets somebody see: what it means that it comes, is another, or goes (where the
    /// second is nothing). Fields that are told here are not told once more.
    pub guards: Guards,
}

/// How a kind says what of an object, as it was and as it is, holds somebody back or lets somebody see.
pub type Guards = fn(old: Option<&dyn Values>, new: Option<&dyn Values>) -> Vec<Said>;

impl Remarks {
    /// Nothing is to be said.
    pub const NONE: Self = Self {
        terms: None,
        account: &[],
        user_names: None,
        vouching: &[],
        limiting: &[],
        unknown: None,
        guards: |_, _| Vec::new(),
    };
}

/// What a login says of itself.
pub struct LoginWords {
    /// The method, as in "may log in by AppRole".
    pub method: fn(login: &dyn Values) -> &'static str,
    /// The way to log in, of a method that has several: by a name of the command line's. Nothing for the method's type.
    pub way: fn(login: &dyn Values) -> Option<&'static str>,
    /// What it takes to log in, in half a sentence.
    pub takes: fn(login: &dyn Values) -> String,
    /// The secret that it takes beside a name.
    pub secret: LoginSecret,
    /// What somebody who vouches for it has to say; nothing where nobody does. What changes of it is told by the review.
    pub bindings: fn(login: &dyn Values) -> Vec<Binding>,
    /// What the engine will know of whoever logs in by the login of this name: the alias' `name`, or its
    /// `metadata.KEY`; nothing where that can't be told.
    pub alias: fn(login: &dyn Values, name: &str, field: &str) -> Option<String>,
    /// What a change of a field means; `None` of fields that are told by the review itself. `from` is from where one may
    /// log in.
    pub said: fn(field: &'static str, old: &dyn Values, new: &dyn Values, from: &str) -> Option<Said>,
}

impl std::fmt::Debug for LoginWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("login")
    }
}

/// Of a login of which only the engine knows what it calls who logs in.
pub const UNTOLD: fn(&dyn Values, &str, &str) -> Option<String> = |_, _, _| None;

/// The bindings of a login for which nobody vouches.
pub const UNBOUND: fn(&dyn Values) -> Vec<Binding> = |_| Vec::new();

/// Something that is said of whoever logs in by somebody who vouches for it, and what it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// What it is: `branch`, `namespace`.
    pub what: Cow<'static, str>,
    /// The field that says so.
    pub field: &'static str,
    /// What is looked at, by its own name: the field, or a claim of it. Two that look at the same are alike, whatever
    /// they are called.
    pub looks_at: Cow<'static, str>,
    /// Whether it only follows from the others, by what their issuers usually mean: rules may go by that, and what
    /// is gained or lost may not.
    pub is_inferred: bool,
    /// Whether it is only feared, and nothing that sentences tell: rules that demand it go by it.
    pub is_feared: bool,
    /// What it may be; nothing here is [`Binding::any`].
    pub values: Vec<String>,
    /// Whether `*` in a value is any text.
    pub is_pattern: bool,
    /// What stands before its values in a sentence about who may log in, where that is not what it is.
    pub before: Option<&'static str>,
    /// What no value means; empty for any.
    pub any: &'static str,
    /// How patterns end that are said in words, and the words, of what they stand for.
    pub wide: &'static [(&'static str, &'static str)],
}

impl Binding {
    /// Of these values; of none, it may be any.
    pub fn new(what: impl Into<Cow<'static, str>>, field: &'static str, values: Vec<String>, is_pattern: bool) -> Self {
        Self {
            what: what.into(),
            field,
            looks_at: field.into(),
            is_inferred: false,
            is_feared: false,
            values,
            is_pattern,
            before: None,
            any: "",
            wide: &[],
        }
    }

    /// What its values stand for in words, where there are words for all of them: `any role of the account (arn:...)`.
    pub fn in_words(&self) -> Option<Vec<String>> {
        let word = |value: &String| {
            let (_, words) = self.wide.iter().find(|(end, _)| value.ends_with(end))?;
            Some(format!("any {words} ({value})"))
        };
        self.values.iter().map(word).collect()
    }

    /// The same of what follows from others.
    pub fn inferred(self) -> Self {
        Self { is_inferred: true, ..self }
    }

    /// The same of what nothing rules out.
    pub fn feared(self) -> Self {
        Self { is_feared: true, ..self.inferred() }
    }

    /// Whether a value of it stands for more than itself.
    pub fn is_open(&self) -> bool {
        self.is_pattern && self.values.iter().any(|value| value.contains('*'))
    }

    /// Whether all that a value of another takes is taken by this one, too.
    pub fn covers(&self, other: &Self, value: &str) -> bool {
        let is_exact = !other.is_pattern || !value.contains('*');
        let covers = |own: &String| match self.is_pattern {
            // A star in the value is matched by a star here, and so is all that it stands for.
            true => text::is_like(own, value),
            false => is_exact && own == value,
        };
        self.values.iter().any(covers)
    }
}

/// What somebody shows to log in, beside a name.
#[derive(Debug)]
pub enum LoginSecret {
    /// Nothing of its own: somebody else vouches for it.
    None,
    /// A password, good until it is changed.
    Password,
    /// A secret id, with these fields about it.
    Id(SecretFields),
}

impl LoginSecret {
    /// The fields about it, if it has any.
    pub fn fields(&self) -> Option<&SecretFields> {
        match self {
            Self::Id(fields) => Some(fields),
            Self::None | Self::Password => None,
        }
    }
}

/// The fields about the secret of a login.
#[derive(Debug)]
pub struct SecretFields {
    /// Whether one is needed.
    pub bind: &'static str,
    /// How long one is valid, in seconds; 0 is for ever.
    pub ttl: &'static str,
    /// From which networks.
    pub networks: &'static str,
}

/// What is said of batch tokens.
pub(crate) const BATCH: &str = "its tokens are batch tokens, which can't be revoked";

/// A change of one field in words: what is now, what was, and whether anybody gains by it.
#[derive(Debug)]
pub struct Said {
    /// What is now.
    pub now: String,
    /// What was; empty where that says nothing.
    pub was: String,
    /// Whether anybody gains by it.
    pub gains: bool,
    /// Where it is written.
    pub field: &'static str,
}

impl Said {
    /// A number that limits, where 0 is no limit. `text` comes before the number, `none` says that there is no limit.
    pub fn limit(
        field: &'static str,
        (old, new): (&dyn Values, &dyn Values),
        [text, none]: [&str; 2],
        shown: impl Fn(i64) -> String,
    ) -> Self {
        let [before, after] = [old.number(field), new.number(field)];
        let show = |number: i64| if number == 0 { none.to_owned() } else { shown(number) };
        let gains = before != 0 && (after == 0 || after > before);
        Self { now: format!("{text} {}", show(after)), was: show(before), gains, field }
    }

    /// A switch that is another way now: what is said of it while it is off and on, and whether more is let through
    /// while it is on. What it was follows from that.
    pub fn switch(
        field: &'static str,
        (old, new): (&dyn Values, &dyn Values),
        [off, on]: [&str; 2],
        opens: bool,
    ) -> Option<Self> {
        let [before, after] = [old.flag(field), new.flag(field)];
        let now = if after { on } else { off };
        (before != after).then(|| Self { now: now.to_owned(), was: String::new(), gains: after == opens, field })
    }
}

/// The fields of an object as one side of a review has it.
pub trait Values {
    /// A field that is not a secret, or its kind's default.
    fn value(&self, name: &str) -> Cow<'_, Value>;

    /// A field as a whole number; 0 if it is none.
    fn number(&self, name: &str) -> i64 {
        self.value(name).as_i64().unwrap_or(0)
    }

    /// A field as a truth.
    fn flag(&self, name: &str) -> bool {
        self.value(name).as_bool().unwrap_or(false)
    }

    /// A field as text; empty if it is none.
    fn text(&self, name: &str) -> String {
        self.value(name).as_str().unwrap_or_default().to_owned()
    }

    /// A field as a set of texts.
    fn texts(&self, name: &str) -> BTreeSet<String> {
        self.value(name).as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{AccessFields, Reviewed, SessionFields};
    use crate::object::{Class, KINDS};

    #[test]
    fn a_review_reads_of_each_kind_what_its_class_has() {
        for kind in KINDS {
            let fits = match (kind.class, &kind.reviewed) {
                (Class::Role, Reviewed::Access(_)) | (Class::Login, Reviewed::Login(_)) => true,
                (Class::Policy, Reviewed::Rules(field)) => kind.field(field).is_some(),
                (Class::Config, Reviewed::Terms(_)) | (_, Reviewed::Fields(_) | Reviewed::Rights(_)) => true,
                _ => false,
            };
            assert!(fits, "{}: {:?}", kind.name, kind.reviewed);
            let terms = kind.lease_terms().into_iter().flat_map(|terms| [terms.default, terms.max]);
            let remarks = match kind.reviewed {
                Reviewed::Fields(remarks) => {
                    let lists = [remarks.account, remarks.vouching, remarks.limiting];
                    lists.into_iter().flatten().copied().chain(remarks.user_names).collect()
                }
                _ => Vec::new(),
            };
            let secret = kind.login_words().and_then(|words| words.secret.fields());
            let secret = secret.into_iter().flat_map(|secret| [secret.bind, secret.ttl, secret.networks]);
            let access = kind.access_fields().into_iter().flat_map(|fields| {
                let AccessFields { document, policies, groups, boundary, tags, path, made, .. } = fields;
                let AccessFields { sessions, standing, .. } = fields;
                let attributes = fields.attributes.iter().map(|attribute| attribute.field);
                let SessionFields { roles, tags: session_tags, terms, .. } = sessions;
                let of_sessions = [roles, session_tags, &terms.default, &terms.max, &standing.user, &standing.period];
                let all = [document, policies, groups, boundary, tags, path, made].into_iter().chain(of_sessions);
                all.copied().chain(attributes).filter(|name| !name.is_empty())
            });
            for name in terms.chain(remarks).chain(secret).chain(access) {
                assert!(kind.field(name).is_some(), "{} has no field {name}", kind.name);
            }
        }
    }
}
