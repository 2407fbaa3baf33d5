//! `iam_role` and `iam_user`: what a role of an AWS account is that sessions are of, and what a user is that no engine
//! makes, so that it is known what their credentials may do.

use super::Lowering;
use super::document::{Document, Use};
use crate::estate::blocks::{IAM_ROLE, IAM_USER};
use crate::estate::declared::IamPrincipal;
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::estate::span::Span;
use crate::estate::value;
use crate::object::field::Shape;
use crate::object::{FieldValue, roles};

/// How long AWS lets the sessions of a role live, in seconds, by what the role says. Source: IAM API reference,
/// `CreateRole`, `MaxSessionDuration`.
const MAX_SESSION: std::ops::RangeInclusive<i64> = 3600..=43_200;

impl Lowering<'_> {
    /// `iam_role "deploy" { arn = "...", statement ... }`.
    pub(super) fn iam_role(&mut self, block: &Block<'_>) {
        self.reader.check(block, &IAM_ROLE);
        let arn = match self.reader.require(block, "arn", "\"arn:aws:iam::ACCOUNT:role/NAME\"") {
            true => self.principals_arn(block, value::role_arn),
            false => None,
        };
        let max_session = self.max_session(block);
        let trust = match self.reader.text(block, "trust") {
            // What is wrong with it is told; whom it trusts is not known.
            Some((text, span)) => self.sound_document(text, span, Use::Trust).and_then(Document::said),
            None => None,
        };
        let role = self.iam_principal(block, arn, Use::AssumedRole);
        self.iam_roles.extend(role.map(|role| IamPrincipal { max_session, trust, ..role }));
    }

    /// `iam_user "legacy" { arn = "...", statement ... }`.
    pub(super) fn iam_user(&mut self, block: &Block<'_>) {
        self.reader.check(block, &IAM_USER);
        let arn = match self.reader.require(block, "arn", "\"arn:aws:iam::ACCOUNT:user/NAME\"") {
            true => self.principals_arn(block, value::user_arn),
            false => None,
        };
        let user = self.iam_principal(block, arn, Use::Unsent);
        self.iam_users.extend(user);
    }

    /// What both have.
    fn iam_principal(&mut self, block: &Block<'_>, arn: Option<String>, used: Use) -> Option<IamPrincipal> {
        if block.label.trim().is_empty() {
            self.reader.report(Draft::error(block.span, format!("the name of an {} is empty", block.name.trim())));
        }
        let policy_arns = match self.reader.value(block, "policy_arns", Shape::PolicyArns) {
            Some((FieldValue::Data(arns), _)) => texts(&arns),
            _ => Vec::new(),
        };
        let boundary = match self.reader.value(block, "permissions_boundary_arn", Shape::PolicyArn) {
            Some((FieldValue::Data(arn), _)) => arn.as_str().filter(|arn| !arn.is_empty()).map(str::to_owned),
            _ => None,
        };
        let has_document = block.map.contains_key("policy_document") || block.map.contains_key("statement");
        if !has_document && !block.map.contains_key("policy_arns") && self.reader.is_sound(block) {
            let draft = Draft::error(block.span, format!("{} allows nothing", block.name));
            self.reader.report(draft.hint("add policy_document = \"file:...\", policy_arns, or statement blocks"));
        }
        let policy = self.policy_document(block, used).and_then(|(document, _)| document.said());
        let arn = arn.filter(|_| !has_document || policy.is_some())?;
        let (name, place) = (block.label.to_owned(), self.reader.place(block.span));
        let (max_session, trust) = (None, None);
        Some(IamPrincipal { name, arn, policy, policy_arns, boundary, max_session, trust, place })
    }

    fn principals_arn(&mut self, block: &Block<'_>, check: fn(&str, Span) -> Result<(), Draft>) -> Option<String> {
        let (arn, span) = self.reader.text(block, "arn")?;
        if let Err(draft) = check(arn, span) {
            self.reader.report(draft);
            return None;
        }
        self.once(arn, span)
    }

    fn max_session(&mut self, block: &Block<'_>) -> Option<i64> {
        let (value, span) = self.reader.value(block, "max_session", Shape::Seconds)?;
        let FieldValue::Data(value) = value else { return None };
        let seconds = value.as_i64()?;
        if !MAX_SESSION.contains(&seconds) {
            let draft = Draft::error(span, format!("no role has sessions of at most {seconds} seconds"));
            self.reader.report(draft.hint("AWS takes 1 to 12 hours"));
            return None;
        }
        Some(seconds)
    }

    /// Sessions that AWS would refuse, because the role that is assumed has shorter ones. After all roles are known.
    pub(super) fn check_sessions(&mut self) {
        let mut drafts = Vec::new();
        for object in &self.objects {
            let Some(access) = roles().find(|kind| *kind == object.kind).and_then(|kind| kind.access_fields()) else {
                continue;
            };
            let arns = texts(&object.value(access.sessions.roles));
            for known in self.iam_roles.iter().filter(|known| arns.contains(&known.arn)) {
                let Some(max) = known.max_session else { continue };
                for field in [access.sessions.terms.default, access.sessions.terms.max] {
                    let (Some(seconds), Some(span)) =
                        (object.value(field).as_i64(), self.term_spans.get(&(object.path.clone(), field)))
                    else {
                        continue;
                    };
                    if seconds > max {
                        let what =
                            format!("{field} is {seconds} seconds, and sessions of {} live {max} at most", known.arn);
                        drafts.push(Draft::error(*span, what).hint("shorten it, or raise the role's max_session"));
                    }
                }
            }
        }
        drafts.into_iter().for_each(|draft| self.reader.report(draft));
    }

    /// Keeps where fields of a role stand that are looked at once all is known, by [`Lowering::check_sessions`],
    /// [`Lowering::check_trust`] and [`Lowering::check_own_users`].
    pub(super) fn keep_terms(&mut self, block: &Block<'_>, path: &str, fields: &[&'static str]) {
        for field in fields.iter().copied() {
            if let Some(entry) = block.map.get(field) {
                self.term_spans.insert((path.to_owned(), field), entry.value.span);
            }
        }
    }

    /// An ARN that is declared for the first time.
    pub(super) fn once(&mut self, arn: &str, span: Span) -> Option<String> {
        if let Some(first) = self.arns.get(arn) {
            let draft = Draft::error(span, format!("{arn} is declared twice"));
            self.reader.report(draft.label("again here").also(*first, "first here"));
            return None;
        }
        self.arns.insert(arn.to_owned(), span);
        Some(arn.to_owned())
    }
}

pub(super) fn texts(list: &serde_json::Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|item| item.as_str()).map(str::to_owned).collect()
}
