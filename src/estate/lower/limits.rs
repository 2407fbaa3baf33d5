//! What IAM or an engine would refuse at each credential, told before the first one is asked for.
//!
//! Sources: IAM user guide, "IAM and AWS STS quotas" and "Rules for tagging in AWS"; IAM API reference, `CreateUser` and
//! `AddUserToGroup`; STS API reference, `AssumeRole`; Vault, "Username templating".

use time::OffsetDateTime;

use super::Lowering;
use super::document::Use;
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::estate::span::Span;
use crate::estate::tree::Content;
use crate::iam::document::{self, PolicyType};
use crate::iam::quota::is_name_char;
use crate::object::review::AccessFields;
use crate::text::tag;
use crate::username::{self, Chance, Facts, Refused, Template};

/// Tags of one user.
const TAGS_MAX: usize = 50;

/// Tags that our engine gives a user itself, all of them under `leasehold:`.
const TAGS_OF_ENGINE: usize = 7;

/// What our engine's own tags begin with.
const ENGINE_PREFIX: &str = "leasehold:";

const TAG_KEY_MAX: usize = 128;
const TAG_VALUE_MAX: usize = 256;
const GROUP_NAME_MAX: usize = 128;

/// Groups that one user can be in.
const GROUPS_MAX: usize = 10;

/// Managed policies of one user: what every account allows, and the most that it can be raised to.
const POLICIES: usize = 10;
const POLICIES_MAX: usize = 20;

/// Managed policies of one session.
const SESSION_POLICIES_MAX: usize = 10;

/// A username template that is declared.
pub(super) struct Declared {
    pub(super) mount: String,
    pub(super) text: String,
    pub(super) span: Span,
}

impl Lowering<'_> {
    /// What AWS would refuse of the users or sessions of a role.
    pub(super) fn check_limits(&mut self, block: &Block<'_>, fields: &AccessFields, used: Use) {
        if used == Use::Session {
            return self.check_session_limits(block, fields);
        }
        self.check_tags(block, fields.tags);
        let groups = self.reader.texts_quietly(block, fields.groups);
        for (group, span) in &groups {
            if group.chars().count() > GROUP_NAME_MAX || !group.chars().all(is_name_char) {
                let draft = Draft::error(*span, format!("`{group}` can't be the name of an IAM group"));
                self.reader.report(draft.hint("a name has letters, digits and +=,.@_-, up to 128 of them"));
            }
        }
        if let Some((_, span)) = groups.get(GROUPS_MAX) {
            let what = format!("a user can be in {GROUPS_MAX} groups, and these are {}", groups.len());
            self.reader.report(Draft::error(*span, what));
        }
        let policies = self.reader.texts_quietly(block, fields.policies);
        let what = |max| format!("IAM attaches {max} managed policies to a user, and these are {}", policies.len());
        if let Some((_, span)) = policies.get(POLICIES_MAX) {
            self.reader.report(Draft::error(*span, what(POLICIES_MAX)));
        } else if let Some((_, span)) = policies.get(POLICIES) {
            let hint = format!("an account's quota can be raised to {POLICIES_MAX}");
            self.reader.report(Draft::warning(*span, what(POLICIES)).hint(hint));
        }
    }

    /// What STS would refuse of the sessions of a role.
    fn check_session_limits(&mut self, block: &Block<'_>, fields: &AccessFields) {
        self.check_tags(block, fields.sessions.tags);
        let policies = self.reader.texts_quietly(block, fields.policies);
        if let Some((_, span)) = policies.get(SESSION_POLICIES_MAX) {
            let what = format!(
                "STS takes {SESSION_POLICIES_MAX} managed policies of a session, and these are {}",
                policies.len()
            );
            self.reader.report(Draft::error(*span, what));
        }
        if !block.map.contains_key("policy_document") && !block.map.contains_key("statement") {
            self.check_session_size(block, fields, "", block.span);
        }
    }

    /// Whether the document of a session and the ARNs of its managed policies fit together into what STS takes of both.
    pub(super) fn check_session_size(&mut self, block: &Block<'_>, fields: &AccessFields, document: &str, at: Span) {
        let policies = self.reader.texts_quietly(block, fields.policies);
        let (inline, max) = (document::size(document), PolicyType::Session.size_max());
        let arns: usize = policies.iter().map(|(arn, _)| arn.chars().count()).sum();
        // Of a document that is too long alone that is told already.
        if inline <= max && inline + arns > max {
            let what = format!(
                "the policy of a session and the ARNs of its managed policies have {} characters; STS takes {max}",
                inline + arns
            );
            let draft = Draft::error(at, what);
            self.reader.report(draft.hint("leave to the role what the session need not narrow"));
        }
    }

    fn check_tags(&mut self, block: &Block<'_>, key: &str) {
        let Some(entry) = block.map.get(key) else { return };
        let Content::Map(tags) = &entry.value.content else { return };
        let hint = "a tag has letters, digits, blanks and _.:/=+-@";
        let mut seen: Vec<(String, Span)> = Vec::new();
        for (key, of) in tags {
            let span = of.key_span;
            let lower = key.to_lowercase();
            if key.is_empty() || key.chars().count() > TAG_KEY_MAX {
                let what = format!("the key of a tag has 1 to {TAG_KEY_MAX} characters");
                self.reader.report(Draft::error(span, what));
            } else if !key.chars().all(tag::takes) {
                self.reader.report(Draft::error(span, format!("IAM takes no tag `{key}`")).hint(hint));
            } else if lower.starts_with("aws:") {
                self.reader.report(Draft::error(span, "tags that begin with `aws:` belong to AWS"));
            } else if lower.starts_with(ENGINE_PREFIX) {
                let what = format!("tags that begin with `{ENGINE_PREFIX}` are leasehold's own");
                self.reader.report(Draft::error(span, what));
            }
            if let Some((_, first)) = seen.iter().find(|(known, _)| *known == lower) {
                let draft = Draft::error(span, format!("IAM takes `{key}` for a tag that is there already"));
                let draft = draft.hint("keys of tags are the same in upper and lower case");
                self.reader.report(draft.label("again here").also(*first, "first here"));
            }
            seen.push((lower, span));
            let Content::Text(value) = &of.value.content else { continue };
            if value.chars().count() > TAG_VALUE_MAX {
                let what = format!("the value of a tag has at most {TAG_VALUE_MAX} characters");
                self.reader.report(Draft::error(of.value.span, what));
            } else if let Some(odd) = value.chars().find(|c| !tag::takes(*c)) {
                let draft = Draft::error(of.value.span, format!("IAM takes no `{odd}` in the value of a tag"));
                self.reader.report(draft.hint(hint));
            }
        }
        let ours = TAGS_MAX - TAGS_OF_ENGINE;
        if tags.len() > TAGS_MAX {
            let what = format!("IAM takes {TAGS_MAX} tags of a user, and these are {}", tags.len());
            self.reader.report(Draft::error(entry.key_span, what));
        } else if tags.len() > ours {
            let what = format!(
                "IAM takes {TAGS_MAX} tags of a user; these are {}, and leasehold's engine adds {TAGS_OF_ENGINE}",
                tags.len()
            );
            let draft = if self.is_ours { Draft::error } else { Draft::warning };
            self.reader.report(draft(entry.key_span, what).hint(format!("keep it to {ours}")));
        }
    }

    /// What no user can be named by the templates. After all roles are known.
    pub(super) fn check_templates(&mut self) {
        for declared in std::mem::take(&mut self.templates) {
            let draft = match Template::compile(&declared.text) {
                // Other engines know more of the language than ours.
                Err(why) => {
                    let draft = if self.is_ours { Draft::error } else { Draft::warning };
                    Some(draft(declared.span, format!("this template does not compile in leasehold's engine: {why}")))
                }
                Ok(template) => self.names(&declared, &template),
            };
            self.reader.problems.extend(draft);
        }
    }

    /// The first thing that is wrong with the names that a template makes for the roles of its mount.
    fn names(&self, declared: &Declared, template: &Template) -> Option<Draft> {
        let prefix = format!("{}/", declared.mount);
        let mut roles: Vec<&str> = self.roles.keys().filter_map(|role| role.strip_prefix(&prefix)).collect();
        roles.sort_unstable();
        let mut logins: Vec<String> = self.auths.keys().map(|mount| mount.replace('/', "-")).collect();
        logins.sort_unstable();
        // Without roles or logins, with the shortest names that there can be.
        roles.extend(roles.is_empty().then_some("r"));
        logins.extend(logins.is_empty().then(|| "t".to_owned()));
        let pairs = roles.iter().flat_map(|role| logins.iter().map(move |login| (*role, login.as_str())));
        pairs.into_iter().find_map(|(role, login)| self.name(declared, template, role, login))
    }

    fn name(&self, declared: &Declared, template: &Template, role: &str, login: &str) -> Option<Draft> {
        let label = format!("{}/{role}", declared.mount);
        let whose = match self.roles.contains_key(&label) {
            true => format!("for the role `{label}`"),
            false => "for every role".to_owned(),
        };
        let named = |second, chance| {
            let now = OffsetDateTime::from_unix_timestamp(second).unwrap_or(OffsetDateTime::UNIX_EPOCH);
            let (display_name, policy_name) = (username::name_part(login), username::name_part(role));
            let facts = Facts { kind: "IAM", display_name: &display_name, policy_name: &policy_name, now, chance };
            template.render(&facts)
        };
        let name = match named(EARLIER, FIRST_CHANCE) {
            Ok(name) => name,
            Err(why) => return Some(Draft::error(declared.span, format!("this template fails {whose}: {why}"))),
        };
        let draft = |what: String| Draft::error(declared.span, what);
        match username::check(&name) {
            Err(Refused::Long(long)) => {
                let what = format!(
                    "this template makes names of {long} characters {whose}, and IAM takes {}",
                    username::NAME_MAX
                );
                Some(draft(what).hint("shorten it: {{ printf \"...\" | truncate 64 }}, with its random part first"))
            }
            Err(Refused::Empty) => Some(draft(format!("this template makes an empty name {whose}"))),
            Err(Refused::Character(odd)) => {
                let what = format!("this template makes names with `{odd}` {whose}, which IAM does not take");
                Some(draft(what).hint("a name has letters, digits and +=,.@_-"))
            }
            Ok(()) if named(LATER, SECOND_CHANCE).as_deref() == Ok(name.as_str()) => {
                let what = format!("this template makes the same name for each credential {whose}");
                let hint = "IAM takes no second user of a name: add {{ random 20 }}";
                Some(Draft::warning(declared.span, what).hint(hint))
            }
            Ok(()) => None,
        }
    }
}

/// Two moments and two chances, all of whose parts differ: what is the same of both is always the same.
const EARLIER: i64 = 1_700_000_000;
const LATER: i64 = 1_888_888_888;
const FIRST_CHANCE: Chance = Chance {
    base62: |length| Some("a".repeat(length)),
    uuid: || Some("aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa".to_owned()),
};
const SECOND_CHANCE: Chance = Chance {
    base62: |length| Some("b".repeat(length)),
    uuid: || Some("bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb".to_owned()),
};
