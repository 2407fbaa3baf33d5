//! The user, and then what it may do and its key together.
//!
//! So an issue waits for AWS twice, whatever the role holds. Nobody knows the key's secret before all of it is there:
//! of what was made half, the key goes first.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join, join_all};
use serde_json::{Value, json};

use super::absence::VISIBILITY_SECONDS;
use super::user::{self, IssuedUser, Owner};
use crate::engine::backend::amazon::ATTEMPT_SECONDS_MAX;
use crate::engine::backend::aws::client::{Account, Repeat, how};
use crate::engine::backend::aws::credential::craft::{Intent, Order, Outcome, Refusal};
use crate::engine::backend::aws::credential::name;
use crate::engine::backend::aws::failure::{Class, Failure};
use crate::engine::backend::aws::pacer::Turn;
use crate::engine::backend::aws::role::Role;
use crate::engine::lease::{Lane, Lease, now};
use crate::engine::wire::error::Error;
use crate::secret::Secret;

/// The longest time from the intent to the last attempt to create its user, in seconds.
pub(crate) const CREATE_SECONDS_MAX: i64 = 120;

/// A key that AWS has made.
struct Key {
    id: String,
    secret: Secret,
}

/// A user to be, and the first turn to ask for it.
struct NewUser {
    user: IssuedUser,
    turn: Turn,
}

/// Names the user, and waits for a turn to create it.
pub(super) async fn intend(order: Order<'_>) -> Result<Box<dyn Intent>, Error> {
    let name = name::by_template(order, name::Named::InIam)?;
    let turn = order.account.turn(Lane::Issue).await.map_err(|failure| failure.told(CREATING_USER))?;
    Ok(Box::new(NewUser { user: intended(order, name), turn }))
}

impl Intent for NewUser {
    fn made(&self) -> Result<Value, Error> {
        self.user.to_value()
    }

    fn make<'a>(self: Box<Self>, order: Order<'a>, lease: &'a Lease) -> BoxFuture<'a, Outcome> {
        let Self { mut user, turn } = *self;
        let made = async move {
            let key = make(order, lease, &mut user, turn).await;
            Outcome { made: user.to_value(), answer: key.map(|key| answer(&key)), until: None }
        };
        made.boxed()
    }
}

fn answer(key: &Key) -> Value {
    json!({
        "access_key": key.id,
        "secret_key": key.secret.expose(),
        "security_token": null,
        "session_token": null,
    })
}

/// The user to be.
fn intended(order: Order<'_>, name: String) -> IssuedUser {
    let Order { core, account, role, role_name, .. } = order;
    IssuedUser {
        path: user::path(role, &core.engine_id),
        name,
        account: account.known_number().map(str::to_owned),
        signer: account.signer.clone(),
        inline_policy: (!role.policy_document.is_empty()).then(|| role_name.to_owned()),
        policy_arns: role.policy_arns.clone().unwrap_or_default(),
        groups: role.iam_groups.clone().unwrap_or_default(),
        ..IssuedUser::default()
    }
}

/// The calls of an issue: the user with its path, tags and boundary; then what it may do and its key, together.
async fn make(order: Order<'_>, lease: &Lease, user: &mut IssuedUser, turn: Turn) -> Result<Key, Refusal> {
    let Order { account, role, .. } = order;
    create_user(order, lease, user, turn).await?;
    let (steps, key) = join(join_all(permissions(account, user, role)), create_key(account, &user.name)).await;
    if let Ok(key) = &key {
        user.access_key_id = Some(key.id.clone());
    }
    if let Some(error) = steps.into_iter().find_map(Result::err) {
        return Err(Refusal { error, nothing_done: false });
    }
    key.map_err(|failure| Refusal { error: failure.told("Error creating access keys"), nothing_done: false })
}

const CREATING_USER: &str = "Error creating IAM user";

/// Creates the user, and says for certain whether it was, as far as that can be known.
async fn create_user(order: Order<'_>, lease: &Lease, user: &mut IssuedUser, mut turn: Turn) -> Result<(), Refusal> {
    let Order { core, account, role, .. } = order;
    // Later than that nobody may begin an attempt: when a pending lease is taken up, all of them are over.
    let last = lease.issue_time.saturating_add(CREATE_SECONDS_MAX - ATTEMPT_SECONDS_MAX);
    let tags = user::tags(role, lease, &core.engine_id)
        .map_err(|failure| Refusal { error: failure.told(CREATING_USER), nothing_done: true })?;
    let boundary = Some(&role.permissions_boundary_arn).filter(|arn| !arn.is_empty()).cloned();
    let mut unsure = false;
    let mut attempt = 1;
    let failure = loop {
        let sent = account
            .iam
            .create_user()
            .user_name(&user.name)
            .path(&user.path)
            .set_permissions_boundary(boundary.clone())
            .set_tags(Some(tags.clone()))
            .send()
            .await;
        let sent = sent.map_err(Failure::from);
        turn.end(how(&sent));
        let failure = match sent {
            Ok(answer) => {
                account.learn(answer.user().map(|user| user.arn()).unwrap_or_default());
                break None;
            }
            Err(failure) => failure,
        };
        match failure.class {
            Class::Unknown => unsure = true,
            Class::Throttled | Class::Busy | Class::Postponed => {}
            // An attempt before this one may have made it.
            Class::Exists if unsure => match user::owner(account, Lane::Issue, &user.name, &lease.id).await {
                Ok(Owner::ThisLease) => break None,
                // The name may be free again by the time an earlier attempt takes effect.
                Ok(Owner::Another | Owner::Nobody) | Err(_) => break Some(failure),
            },
            Class::Exists | Class::Gone | Class::Conflict | Class::Denied | Class::Refused => break Some(failure),
        }
        if attempt >= account.attempts {
            break Some(failure);
        }
        if failure.class != Class::Throttled {
            account.pause(attempt).await;
        }
        attempt += 1;
        turn = match account.turn(Lane::Issue).await {
            Ok(turn) if now(core) <= last => turn,
            _ => break Some(failure),
        };
    };
    user.absence_believed_from = now(core).saturating_add(VISIBILITY_SECONDS);
    user.unsure = unsure;
    user.account = account.known_number().map(str::to_owned);
    match failure {
        None => {
            user.created = true;
            Ok(())
        }
        Some(failure) => Err(Refusal { error: failure.told(CREATING_USER), nothing_done: !unsure }),
    }
}

type Step<'a> = BoxFuture<'a, Result<(), Error>>;

/// What the user may do: managed policies, the inline policy, groups.
fn permissions<'a>(account: &'a Account, made: &'a IssuedUser, role: &'a Role) -> Vec<Step<'a>> {
    let iam = &account.iam;
    let user = made.name.as_str();
    let mut steps: Vec<Step<'a>> = Vec::new();
    for arn in unique(&made.policy_arns) {
        let send = move || iam.attach_user_policy().user_name(user).policy_arn(arn).send();
        let sent = account.call(Lane::Issue, Repeat::OnNew { user, other: arn }, send);
        steps.push(sent.map(|sent| sent.map(drop).map_err(|e| e.told("Error attaching user policy"))).boxed());
    }
    if let Some(policy) = &made.inline_policy {
        let send = move || {
            let put = iam.put_user_policy().user_name(user).policy_name(policy);
            put.policy_document(&role.policy_document).send()
        };
        let sent = account.call(Lane::Issue, Repeat::OnNew { user, other: "" }, send);
        steps.push(sent.map(|sent| sent.map(drop).map_err(|e| e.told("Error putting user policy"))).boxed());
    }
    for group in unique(&made.groups) {
        let send = move || iam.add_user_to_group().user_name(user).group_name(group).send();
        let sent = account.call(Lane::Issue, Repeat::OnNew { user, other: group }, send);
        steps.push(sent.map(|sent| sent.map(drop).map_err(|e| e.told("Error adding user to group"))).boxed());
    }
    steps
}

/// The items without repetitions, in order.
fn unique(items: &[String]) -> impl Iterator<Item = &String> {
    items.iter().enumerate().filter(|(index, item)| !items[..*index].contains(item)).map(|(_, item)| item)
}

/// Creates the key. Repeated only where AWS did nothing: a second key nobody knows of must not come about.
async fn create_key(account: &Account, user: &str) -> Result<Key, Failure> {
    let send = || account.iam.create_access_key().user_name(user).send();
    let answer = account.call(Lane::Issue, Repeat::NotDone { user }, send).await?;
    let key = answer.access_key.ok_or_else(|| Failure::unknown("the answer of AWS holds no access key".to_owned()))?;
    Ok(Key { id: key.access_key_id, secret: Secret::new(key.secret_access_key) })
}
