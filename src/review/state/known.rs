//! What credentials of a role may do, as far as it is known without asking AWS.
//!
//! Those of a user may do what its policies say, within its boundary. Those of a session may do what the roles say that
//! it can be of, each within its own boundary, and no more than the session's policies. The key of a user that is there
//! already may do what that user may. What can't be said as one set of policies is left out on the wide side, and told:
//! then the set is the most that may be allowed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::object::SideObject;
use super::side::{Role, Side};
use super::unknown::{Known, Unknown};
use crate::estate::IamPrincipal;
use crate::iam::compare::{Case, scope};
use crate::iam::parsed;
use crate::iam::policy::{Effect, Policy, PolicySet, Statement};
use crate::object::Place;
use crate::object::review::Way;

impl<'a> Side<'a> {
    /// What credentials of a role may do, as far as it is known offline.
    pub fn role_access(&self, role: &Role<'a>) -> PolicySet<Place> {
        self.known(role).set.clone()
    }

    /// The same as sets that say it together: several where its sessions can be of several IAM roles that deny something,
    /// or are bounded, each for itself.
    pub fn role_sets(&self, role: &Role<'a>) -> Vec<PolicySet<Place>> {
        let known = self.known(role);
        if known.each.is_empty() { vec![known.set.clone()] } else { known.each.clone() }
    }

    /// What is not known about a role.
    pub fn unknown<'s>(&'s self, role: &'s Role<'a>) -> &'s BTreeSet<Unknown> {
        &self.known(role).unknown
    }

    /// What is known of a role.
    pub(in crate::review) fn known<'s>(&'s self, role: &'s Role<'a>) -> &'s Known {
        role.known.get_or_init(|| Known::new(self, role))
    }
}

impl Known {
    /// What is known of a role on its side.
    fn new(side: &Side<'_>, role: &Role<'_>) -> Self {
        let (object, fields) = (&role.object, role.access_fields);
        let made = object.text(fields.made);
        match role.way() {
            Some(Way::RoleSession) => return Self::of_sessions(side, role),
            Some(Way::Standing) => return Self::of_standing(side, role),
            Some(Way::Federated | Way::OwnSession) => return Self::of_signer(side, role),
            Some(Way::User) | None => {}
        }
        let mut known = Self::nothing();
        let document = known.document(object, fields.document);
        known.set.identity.extend(document);
        let policies = known.attach(side, object.texts(fields.policies));
        known.set.identity.extend(policies);
        known.unknown.extend(object.texts(fields.groups).into_iter().map(Unknown::Group));
        known.boundary = object.text(fields.boundary).into_owned();
        known.bound(side);
        if role.way().is_none() {
            known.unknown.insert(Unknown::CredentialType(made.into_owned()));
        }
        known
    }

    fn of_sessions(side: &Side<'_>, role: &Role<'_>) -> Self {
        let mut known = Self::nothing();
        let arns = role.object.texts(role.access_fields.sessions.roles);
        let roles: Vec<&IamPrincipal> = arns.iter().filter_map(|arn| side.iam_role(arn)).collect();
        let missing = arns.iter().filter(|arn| side.iam_role(arn).is_none()).cloned();
        known.unknown.extend(missing.map(Unknown::AssumedRole));
        for one in &roles {
            known.set.identity.extend(one.policy.clone());
            let policies = known.attach(side, one.policy_arns.iter().cloned());
            known.set.identity.extend(policies);
        }
        match roles.as_slice() {
            [one] if arns.len() == 1 => {
                known.boundary = one.boundary.clone().unwrap_or_default();
                known.bound(side);
            }
            several => {
                let boundary = |arn: &String| side.iam_role(arn).and_then(|one| one.boundary.clone());
                known.boundaries = arns.iter().map(|arn| boundary(arn).unwrap_or_default()).collect();
                known.join(side, several);
            }
        }
        known.narrow(side, role);
        for set in &mut known.each {
            set.session.clone_from(&known.set.session);
        }
        known
    }

    fn of_standing(side: &Side<'_>, role: &Role<'_>) -> Self {
        let mut known = Self::nothing();
        let name = role.object.text(role.access_fields.standing.user);
        match side.standing_user(role.at.mount, &name) {
            Some(user) => known.is(side, user),
            None => drop(known.unknown.insert(Unknown::User(name.into_owned()))),
        }
        known
    }

    /// Sessions of whom the engine signs as: within policies, or without any narrowing.
    fn of_signer(side: &Side<'_>, role: &Role<'_>) -> Self {
        let mut known = Self::nothing();
        let mount = role.at.mount;
        match side.signer(mount) {
            Some(user) => known.is(side, user),
            None => {
                let arn = side.principal(mount).map_or_else(|| format!("the key of {mount}"), str::to_owned);
                known.unknown.insert(Unknown::Signer(arn));
            }
        }
        if role.way() == Some(Way::OwnSession) {
            known.forbid(role);
            return known;
        }
        known.narrow(side, role);
        // Without any policy it may do nothing.
        if known.set.session.is_none() && !known.unknown.iter().any(|one| matches!(one, Unknown::Session(_))) {
            known.set.session = Some(Vec::new());
        }
        known
    }

    /// What no session of a user may do: anything in IAM but with a second factor, and in STS what opens other sessions.
    /// Source: IAM user guide, "Compare AWS STS credentials".
    fn forbid(&mut self, role: &Role<'_>) {
        const IN_STS: [&str; 4] =
            ["sts:GetFederationToken", "sts:GetSessionToken", "sts:DecodeAuthorizationMessage", "sts:GetAccessKeyInfo"];
        let fields = role.access_fields;
        let has_factor = !role.object.text(fields.sessions.factor).is_empty();
        let actions: Vec<&str> = IN_STS.into_iter().chain((!has_factor).then_some("iam:*")).collect();
        let place = role.object.place_of(fields.made);
        let statement = Statement {
            sid: Some("what no session of a user may do".to_owned()),
            effect: Effect::Deny,
            actions: scope(&actions, Case::Lowered),
            resources: scope(&["*"], Case::Kept),
            conditions: Vec::new(),
            span: place.clone(),
        };
        self.set.identity.push(Arc::new(Policy { statements: vec![statement], span: place }));
    }

    /// What a user or a role of an account may do itself.
    fn is(&mut self, side: &Side<'_>, principal: &IamPrincipal) {
        self.set.identity.extend(principal.policy.clone());
        let policies = self.attach(side, principal.policy_arns.iter().cloned());
        self.set.identity.extend(policies);
        self.boundary = principal.boundary.clone().unwrap_or_default();
        self.bound(side);
    }

    fn nothing() -> Self {
        Self {
            set: PolicySet::default(),
            unknown: BTreeSet::new(),
            attached: BTreeSet::new(),
            boundary: String::new(),
            boundaries: BTreeSet::new(),
            each: Vec::new(),
            left_out: String::new(),
        }
    }

    /// The inline document, where there is one that can be read.
    fn document(&mut self, object: &SideObject<'_>, field: &str) -> Option<Arc<Policy<Place>>> {
        let text = object.text(field);
        if text.trim().is_empty() {
            return None;
        }
        match document_of(object, field, &text) {
            Ok(policy) => Some(Arc::new(policy)),
            Err(why) => {
                self.unknown.insert(Unknown::Document(why.to_string()));
                None
            }
        }
    }

    /// The documents of attached managed policies, as far as they are declared.
    fn attach(&mut self, side: &Side<'_>, arns: impl IntoIterator<Item = String>) -> Vec<Arc<Policy<Place>>> {
        let mut policies = Vec::new();
        for arn in arns {
            match side.managed_policy(&arn) {
                Some(managed) => policies.push(Arc::clone(&managed.policy)),
                None => drop(self.unknown.insert(Unknown::ManagedPolicy(arn.clone()))),
            }
            self.attached.insert(arn);
        }
        policies
    }

    /// Sets the boundary, where its document is declared.
    fn bound(&mut self, side: &Side<'_>) {
        if self.boundary.is_empty() {
            return;
        }
        match side.managed_policy(&self.boundary) {
            Some(managed) => self.set.boundary = Some(vec![Arc::clone(&managed.policy)]),
            None => drop(self.unknown.insert(Unknown::Boundary(self.boundary.clone()))),
        }
    }

    /// Several roles as one set: a denial or a boundary of one takes nothing from another, so both are left out.
    fn join(&mut self, side: &Side<'_>, roles: &[&IamPrincipal]) {
        let boundaries: Vec<&str> = roles.iter().filter_map(|role| role.boundary.as_deref()).collect();
        let denies = |policy: &Arc<Policy<Place>>| policy.statements.iter().any(|one| one.effect == Effect::Deny);
        if boundaries.is_empty() && !self.set.identity.iter().any(denies) {
            return;
        }
        self.unknown.insert(Unknown::Apart);
        let declared = |arn: &str| side.managed_policy(arn).map(|managed| Arc::clone(&managed.policy));
        let alone = |role: &&IamPrincipal| PolicySet {
            identity: role
                .policy
                .iter()
                .cloned()
                .chain(role.policy_arns.iter().filter_map(|arn| declared(arn)))
                .collect(),
            boundary: role.boundary.as_deref().and_then(declared).map(|policy| vec![policy]),
            session: None,
        };
        self.each = roles.iter().map(alone).collect();
        let bounds: Vec<_> =
            boundaries.iter().map(|arn| side.managed_policy(arn).map(|managed| facts([&managed.policy]))).collect();
        let each = roles
            .iter()
            .map(|role| (role.arn.as_str(), role.boundary.as_deref(), facts(&role.policy), &role.policy_arns));
        let each: Vec<_> = each.collect();
        self.left_out.push_str(&format!("{each:?} {bounds:?} {}", facts(&self.set.identity)));
        for policy in &mut self.set.identity {
            let statements = policy.statements.iter().filter(|one| one.effect == Effect::Allow).cloned().collect();
            *policy = Arc::new(Policy { statements, span: policy.span.clone() });
        }
    }

    /// The policies of the sessions themselves. One that is not known may allow anything that the role does.
    fn narrow(&mut self, side: &Side<'_>, role: &Role<'_>) {
        let (object, fields) = (&role.object, role.access_fields);
        let (arns, groups) = (object.texts(fields.policies), object.texts(fields.groups));
        let document = object.text(fields.document);
        if arns.is_empty() && groups.is_empty() && document.trim().is_empty() {
            return;
        }
        let mut session: Vec<Arc<Policy<Place>>> = self.document(object, fields.document).into_iter().collect();
        let mut missing: Vec<String> = groups.iter().map(|group| format!("of the group {group}")).collect();
        if session.is_empty() && !document.trim().is_empty() {
            missing.push("that IAM would refuse".to_owned());
            self.left_out.push_str(&document);
        }
        for arn in arns {
            match side.managed_policy(&arn) {
                Some(managed) => session.push(Arc::clone(&managed.policy)),
                None => missing.push(arn),
            }
        }
        if missing.is_empty() {
            self.set.session = Some(session);
        } else {
            self.left_out.push_str(&format!("{missing:?} {}", facts(&session)));
            self.unknown.extend(missing.into_iter().map(Unknown::Session));
        }
    }
}

/// What policies say, without where.
fn facts<'p>(policies: impl IntoIterator<Item = &'p Arc<Policy<Place>>>) -> String {
    let statements = policies.into_iter().flat_map(|policy| &policy.statements);
    let facts = statements.map(|one| (one.effect, &one.actions, &one.resources, &one.conditions));
    format!("{:?}", facts.collect::<Vec<_>>())
}

/// The inline document of a role, its statements with their places.
fn document_of(object: &SideObject<'_>, field: &str, text: &str) -> Result<Policy<Place>, parsed::Error> {
    let whole = object.place_of(field);
    if let Some(document) = object.document(field) {
        return document.policy(&whole);
    }
    // It may have no canonical form: what an engine holds is told whatever it is.
    Ok(parsed::policy(&parsed::json(text)?)?.map_spans(|_, _| whole.clone()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::object::aws_role;
    use crate::review::state::{Context, Side, SideObject, Unknown};

    #[test]
    fn a_session_policy_that_cant_be_read_narrows_nothing_that_is_known() {
        let answer = json!({"credential_type": "assumed_role", "policy_document": "{\"Statement\": 1}",
            "role_arns": ["arn:aws:iam::111122223333:role/x"]});
        let live = aws_role::KIND.live("aws/roles/odd", answer.as_object().expect("a map")).expect("parses");
        let side = Side::of_objects([SideObject::live(&live, None, None)], Context::default());
        let known = side.known(side.role("aws/roles/odd").expect("a role"));
        assert!(known.set.session.is_none());
        let arn = Unknown::AssumedRole("arn:aws:iam::111122223333:role/x".to_owned());
        assert!(known.unknown.contains(&arn) && known.unknown.iter().any(Unknown::only_limits), "{:?}", known.unknown);
    }
}
