//! What the simulated account holds. Pure: no clock, no files, no randomness of its own.

mod record;
mod role;

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

pub(super) use self::record::{
    AccessKey, Certificate, Group, LastUsed, LoginProfile, MfaDevice, Policy, PolicyVersion, ServiceCredential, SshKey,
    Tag, User,
};
pub(super) use self::role::{Of, Role, Session};
use super::error::Refusal;

/// Everything in the account. Users, groups, roles and policies are found by lower-case name or ARN, because IAM
/// names are unique whatever their case.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) users: BTreeMap<String, User>,
    pub(super) groups: BTreeMap<String, Group>,
    pub(super) roles: BTreeMap<String, Role>,
    /// By access key id.
    pub(super) sessions: BTreeMap<String, Session>,
    /// By ARN.
    pub(super) policies: BTreeMap<String, Policy>,
    /// Virtual MFA devices by serial number.
    pub(super) mfa_devices: BTreeMap<String, MfaDevice>,
    /// Access key id to the user's key in `users`.
    keys: HashMap<String, String>,
    /// How often each managed policy is attached.
    attachments: HashMap<String, usize>,
    /// What the running action changed, for the journal.
    touched: Vec<Touched>,
}

/// An entity that changed, or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Touched {
    User(String),
    Group(String),
    Policy(String),
    MfaDevice(String),
    Role(String),
    Session(String),
}

/// A line of the journal: the entity's new value, or none once it is gone.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Entry {
    User(String, Option<Box<User>>),
    Group(String, Option<Group>),
    Policy(String, Option<Policy>),
    MfaDevice(String, Option<MfaDevice>),
    Role(String, Option<Box<Role>>),
    Session(String, Option<Box<Session>>),
}

impl State {
    /// The user of exactly this name.
    pub(super) fn user(&self, name: &str) -> Result<&User, Refusal> {
        let user = self.users.get(&name.to_lowercase()).filter(|user| user.name == name);
        user.ok_or_else(|| no_such_user(name))
    }

    /// The user of exactly this name, to be changed; the journal gets its new value.
    pub(super) fn user_mut(&mut self, name: &str) -> Result<&mut User, Refusal> {
        let key = name.to_lowercase();
        let user = self.users.get_mut(&key).filter(|user| user.name == name).ok_or_else(|| no_such_user(name))?;
        self.touched.push(Touched::User(key));
        Ok(user)
    }

    /// Adds a user.
    pub(super) fn add_user(&mut self, user: User) -> Result<(), Refusal> {
        let key = user.name.to_lowercase();
        if self.users.contains_key(&key) {
            return Err(Refusal::already_exists(format!("User with name {} already exists.", user.name)));
        }
        if self.users.len() >= USERS_MAX {
            return Err(Refusal::quota("UsersPerAccount", USERS_MAX));
        }
        self.touched.push(Touched::User(key.clone()));
        self.users.insert(key, user);
        Ok(())
    }

    /// Removes a user that nothing blocks.
    pub(super) fn remove_user(&mut self, name: &str) -> Result<(), Refusal> {
        if let Some(blocker) = self.user(name)?.blocker() {
            return Err(Refusal::conflict(blocker));
        }
        let key = name.to_lowercase();
        self.users.remove(&key);
        self.touched.push(Touched::User(key));
        Ok(())
    }

    /// The group of exactly this name.
    pub(super) fn group(&self, name: &str) -> Result<&Group, Refusal> {
        let group = self.groups.get(&name.to_lowercase()).filter(|group| group.name == name);
        group.ok_or_else(|| no_such_group(name))
    }

    /// The group of exactly this name, to be changed.
    pub(super) fn group_mut(&mut self, name: &str) -> Result<&mut Group, Refusal> {
        let key = name.to_lowercase();
        let group = self.groups.get_mut(&key).filter(|group| group.name == name).ok_or_else(|| no_such_group(name))?;
        self.touched.push(Touched::Group(key));
        Ok(group)
    }

    /// Adds or, with `None`, removes a group; the caller has checked that it may.
    pub(super) fn put_group(&mut self, name: &str, group: Option<Group>) {
        let key = name.to_lowercase();
        self.touched.push(Touched::Group(key.clone()));
        match group {
            Some(group) => drop(self.groups.insert(key, group)),
            None => drop(self.groups.remove(&key)),
        }
    }

    /// The role of exactly this name.
    pub(super) fn role(&self, name: &str) -> Result<&Role, Refusal> {
        let role = self.roles.get(&name.to_lowercase()).filter(|role| role.name == name);
        role.ok_or_else(|| no_such_role(name))
    }

    /// The role of exactly this name, to be changed.
    pub(super) fn role_mut(&mut self, name: &str) -> Result<&mut Role, Refusal> {
        let key = name.to_lowercase();
        let role = self.roles.get_mut(&key).filter(|role| role.name == name).ok_or_else(|| no_such_role(name))?;
        self.touched.push(Touched::Role(key));
        Ok(role)
    }

    /// Adds or, with `None`, removes a role; the caller has checked that it may.
    pub(super) fn put_role(&mut self, name: &str, role: Option<Role>) {
        let key = name.to_lowercase();
        self.touched.push(Touched::Role(key.clone()));
        match role {
            Some(role) => drop(self.roles.insert(key, role)),
            None => drop(self.roles.remove(&key)),
        }
    }

    /// Adds a session, and forgets those that are over at `now` (milliseconds since the epoch).
    pub(super) fn add_session(&mut self, session: Session, now: i64) {
        // Some are kept for a while, so that their keys are told to have expired.
        const KEPT_MILLIS: i64 = 3_600_000;
        let over = |session: &Session| session.expires.saturating_add(KEPT_MILLIS) <= now;
        let over: Vec<String> = self.sessions.extract_if(.., |_, session| over(session)).map(|(id, _)| id).collect();
        self.touched.extend(over.into_iter().map(Touched::Session));
        self.touched.push(Touched::Session(session.key_id.clone()));
        self.sessions.insert(session.key_id.clone(), session);
    }

    /// A session, if what it is of is still the one it was opened with.
    pub(super) fn session(&self, key_id: &str) -> Option<&Session> {
        let session = self.sessions.get(key_id)?;
        let is_there = match session.of {
            Of::Role => self.role_of(session).is_some(),
            Of::FederatedUser | Of::User => self.user_of(session).is_some(),
        };
        is_there.then_some(session)
    }

    /// The role that a session is of.
    pub(super) fn role_of(&self, session: &Session) -> Option<&Role> {
        self.roles.get(&session.role.to_lowercase()).filter(|role| role.id == session.role_id)
    }

    /// The user that a session is of.
    pub(super) fn user_of(&self, session: &Session) -> Option<&User> {
        self.users.get(&session.role.to_lowercase()).filter(|user| user.id == session.role_id)
    }

    /// Adds, changes or, with `None`, removes a managed policy; the caller has checked that it may.
    pub(super) fn put_policy(&mut self, arn: &str, policy: Option<Policy>) {
        self.touched.push(Touched::Policy(arn.to_owned()));
        match policy {
            Some(policy) => drop(self.policies.insert(arn.to_owned(), policy)),
            None => drop(self.policies.remove(arn)),
        }
    }

    /// Adds, changes or, with `None`, removes a virtual MFA device.
    pub(super) fn put_mfa_device(&mut self, serial: &str, device: Option<MfaDevice>) {
        self.touched.push(Touched::MfaDevice(serial.to_owned()));
        match device {
            Some(device) => drop(self.mfa_devices.insert(serial.to_owned(), device)),
            None => drop(self.mfa_devices.remove(serial)),
        }
    }

    /// Whether a managed policy of this ARN can be attached: one of the account's, or any that looks like
    /// AWS's own, whose list is not simulated.
    pub(super) fn attachable(&self, arn: &str) -> Result<(), Refusal> {
        if !arn.starts_with("arn:aws") || arn.split(':').count() != 6 {
            return Err(Refusal::invalid_input(format!("ARN {arn} is not valid.")));
        }
        if self.policies.contains_key(arn) || is_aws_managed(arn) {
            return Ok(());
        }
        Err(Refusal::no_such_entity(format!("Policy {arn} does not exist or is not attachable.")))
    }

    /// Counts a policy as attached once more.
    pub(super) fn attached(&mut self, arn: &str) {
        *self.attachments.entry(arn.to_owned()).or_default() += 1;
    }

    /// Counts a policy as attached once less.
    pub(super) fn detached(&mut self, arn: &str) {
        if let Some(count) = self.attachments.get_mut(arn) {
            *count = count.saturating_sub(1);
        }
    }

    /// How often a policy is attached.
    pub(super) fn attachment_count(&self, arn: &str) -> usize {
        self.attachments.get(arn).copied().unwrap_or(0)
    }

    /// Gives a user an access key.
    pub(super) fn add_key(&mut self, user: &str, key: AccessKey) -> Result<(), Refusal> {
        let id = key.id.clone();
        let owner = self.user_mut(user)?;
        if owner.keys.len() >= ACCESS_KEYS_PER_USER_MAX {
            return Err(Refusal::quota("AccessKeysPerUser", ACCESS_KEYS_PER_USER_MAX));
        }
        owner.keys.push(key);
        self.keys.insert(id, user.to_lowercase());
        Ok(())
    }

    /// Takes an access key from a user.
    pub(super) fn remove_key(&mut self, user: &str, id: &str) -> Result<(), Refusal> {
        let owner = self.user_mut(user)?;
        let before = owner.keys.len();
        owner.keys.retain(|key| key.id != id);
        if owner.keys.len() == before {
            return Err(no_such_key(id));
        }
        self.keys.remove(id);
        Ok(())
    }

    /// The owner of an access key and the key.
    pub(super) fn key(&self, id: &str) -> Option<(&User, &AccessKey)> {
        let user = self.users.get(self.keys.get(id)?)?;
        Some((user, user.keys.iter().find(|key| key.id == id)?))
    }

    /// Remembers when a key was used. Not worth a line in the journal.
    pub(super) fn key_used(&mut self, id: &str, used: LastUsed) {
        let Some(user) = self.keys.get(id).and_then(|user| self.users.get_mut(user)) else { return };
        if let Some(key) = user.keys.iter_mut().find(|key| key.id == id) {
            key.last_used = Some(used);
        }
    }

    /// What changed since the last call, as journal entries.
    pub(super) fn take_changes(&mut self) -> Vec<Entry> {
        let mut touched = std::mem::take(&mut self.touched);
        touched.dedup();
        touched.into_iter().map(|touched| self.entry(touched)).collect()
    }

    /// Forgets what changed, where there is no journal.
    pub(super) fn forget_changes(&mut self) {
        self.touched.clear();
    }

    fn entry(&self, touched: Touched) -> Entry {
        match touched {
            Touched::User(key) => {
                let user = self.users.get(&key).cloned().map(Box::new);
                Entry::User(key, user)
            }
            Touched::Group(key) => {
                let group = self.groups.get(&key).cloned();
                Entry::Group(key, group)
            }
            Touched::Policy(key) => {
                let policy = self.policies.get(&key).cloned();
                Entry::Policy(key, policy)
            }
            Touched::MfaDevice(key) => {
                let device = self.mfa_devices.get(&key).cloned();
                Entry::MfaDevice(key, device)
            }
            Touched::Role(key) => {
                let role = self.roles.get(&key).cloned().map(Box::new);
                Entry::Role(key, role)
            }
            Touched::Session(key) => {
                let session = self.sessions.get(&key).cloned().map(Box::new);
                Entry::Session(key, session)
            }
        }
    }

    /// The whole state as entries, for a compacted journal.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        let users = self.users.keys().cloned().map(Touched::User);
        let groups = self.groups.keys().cloned().map(Touched::Group);
        let policies = self.policies.keys().cloned().map(Touched::Policy);
        let devices = self.mfa_devices.keys().cloned().map(Touched::MfaDevice);
        let roles = self.roles.keys().cloned().map(Touched::Role);
        let sessions = self.sessions.keys().cloned().map(Touched::Session);
        let all = users.chain(groups).chain(policies).chain(devices).chain(roles).chain(sessions);
        all.map(|touched| self.entry(touched))
    }

    /// How many entities there are.
    pub(super) fn len(&self) -> usize {
        let principals = self.users.len() + self.groups.len() + self.roles.len() + self.sessions.len();
        principals + self.policies.len() + self.mfa_devices.len()
    }

    /// Replays one journal entry. Call [`State::index`] after the last.
    pub(super) fn replay(&mut self, entry: Entry) {
        fn put<T>(map: &mut BTreeMap<String, T>, key: String, value: Option<T>) {
            match value {
                Some(value) => drop(map.insert(key, value)),
                None => drop(map.remove(&key)),
            }
        }
        match entry {
            Entry::User(key, user) => put(&mut self.users, key, user.map(|user| *user)),
            Entry::Group(key, group) => put(&mut self.groups, key, group),
            Entry::Policy(key, policy) => put(&mut self.policies, key, policy),
            Entry::MfaDevice(key, device) => put(&mut self.mfa_devices, key, device),
            Entry::Role(key, role) => put(&mut self.roles, key, role.map(|role| *role)),
            Entry::Session(key, session) => put(&mut self.sessions, key, session.map(|session| *session)),
        }
    }

    /// Makes the indexes anew from the entities.
    pub(super) fn index(&mut self) {
        let keys = self
            .users
            .iter()
            .flat_map(|(owner, user)| user.keys.iter().map(move |key| (key.id.clone(), owner.clone())));
        self.keys = keys.collect();
        self.attachments.clear();
        let users = self.users.values().flat_map(|user| &user.attached);
        let groups = self.groups.values().flat_map(|group| &group.attached);
        for arn in users.chain(groups).chain(self.roles.values().flat_map(|role| &role.attached)) {
            *self.attachments.entry(arn.clone()).or_default() += 1;
        }
    }
}

/// Whether an ARN is of the form of AWS's own policies.
pub(super) fn is_aws_managed(arn: &str) -> bool {
    arn.strip_prefix("arn:aws:iam::aws:policy/").is_some_and(|name| !name.is_empty())
}

/// The refusal for an unknown user.
pub(super) fn no_such_user(name: &str) -> Refusal {
    Refusal::no_such_entity(format!("The user with name {name} cannot be found."))
}

fn no_such_group(name: &str) -> Refusal {
    Refusal::no_such_entity(format!("The group with name {name} cannot be found."))
}

fn no_such_role(name: &str) -> Refusal {
    Refusal::no_such_entity(format!("The role with name {name} cannot be found."))
}

/// The refusal for an unknown access key.
pub(super) fn no_such_key(id: &str) -> Refusal {
    Refusal::no_such_entity(format!("The Access Key with id {id} cannot be found."))
}

/// Users in the account. AWS's is 5,000; more, so that load tests need no cleaning up in between.
const USERS_MAX: usize = 1_000_000;
/// Access keys of one user (IAM quotas).
const ACCESS_KEYS_PER_USER_MAX: usize = 2;
