//! Removing an IAM user: the key first, then whatever hangs on it, then the user.
//!
//! What is gone already counts as removed. The short way deletes what the lease knows of; where AWS says
//! that something else still hangs on the user, or where the outcome of the issue is unknown, everything
//! is listed and removed (IAM API reference, DeleteUser, names what must go first).
//!
//! All of that is asked of the account that the lease was issued in. `config/root` may have been pointed at
//! another one since: there nothing is touched, and nothing that it says is believed.

use aws_sdk_iam::Client;
use aws_sdk_iam::config::http::HttpResponse;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::types::{
    AccessKeyMetadata, AttachedPolicy, Group, MfaDevice, SigningCertificate, SshPublicKeyMetadata,
};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};

use super::absence::Sighting;
use super::user::{self, IssuedUser, Owner};
use crate::engine::backend::aws::client::{Account, Repeat};
use crate::engine::backend::aws::credential::craft::{Ending, ours};
use crate::engine::backend::aws::failure::{Class, Failure};
use crate::engine::lease::{self, Lane};

/// A step that failed: which one, and how.
struct Failed {
    step: &'static str,
    failure: Failure,
}

type Step<'a> = BoxFuture<'a, Result<(), Failed>>;

/// Asks an account about one user, in a lane.
#[derive(Clone, Copy)]
struct Hand<'a> {
    account: &'a Account,
    iam: &'a Client,
    lane: Lane,
    /// The user's name.
    name: &'a str,
}

impl Hand<'_> {
    async fn call<T, E, S>(self, step: &'static str, send: impl Fn() -> S) -> Result<T, Failed>
    where
        S: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let ended = self.account.call(self.lane, Repeat::Anything, send).await;
        ended.map_err(|failure| Failed { step, failure })
    }

    /// A deletion: already gone is done.
    async fn delete<T, E, S>(self, step: &'static str, send: impl Fn() -> S) -> Result<(), Failed>
    where
        S: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match self.call(step, send).await {
            Err(failed) if failed.failure.class != Class::Gone => Err(failed),
            _ => Ok(()),
        }
    }

    /// The items of a listing; a user that is gone has none.
    async fn list<T, E, S>(self, step: &'static str, send: impl Fn() -> S) -> Result<Vec<T>, Failed>
    where
        S: Future<Output = Result<Vec<T>, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match self.call(step, send).await {
            Err(failed) if failed.failure.class == Class::Gone => Ok(Vec::new()),
            ended => ended,
        }
    }
}

/// Removes what AWS holds for a lease, as far as one attempt goes.
pub(super) async fn revoke(ending: Ending<'_>, made: &IssuedUser) -> Result<Sighting, lease::Failure> {
    let Ending { aws, core, mount, lease, lane, .. } = ending;
    let account = aws.account(core, mount).await.map_err(|error| ours(error.to_string()))?;
    is_home(&account, lane, &mount.path, lease, made).await?;
    let hand = Hand { account: &account, iam: &account.iam, lane, name: &made.name };
    let removed = async {
        if made.created {
            return remove_known(hand, made).await;
        }
        let owner = user::owner(&account, lane, &made.name, lease).await;
        match owner.map_err(|failure| Failed { step: "reading the user", failure })? {
            Owner::Nobody => Ok(Sighting::Absent),
            Owner::Another => Ok(Sighting::Anothers),
            Owner::ThisLease => sweep(hand).await,
        }
    };
    removed.await.map_err(|Failed { step, failure }| lease::Failure {
        text: format!("{step} of IAM user {}: {failure}", made.name),
        outage: matches!(failure.class, Class::Throttled | Class::Unknown | Class::Postponed),
        postponed: failure.class == Class::Postponed,
    })
}

/// Refuses to ask an account that the lease was not issued in, or of which that can't be told.
async fn is_home(
    account: &Account,
    lane: Lane,
    mount: &str,
    lease: &str,
    user: &IssuedUser,
) -> Result<(), lease::Failure> {
    // A key belongs to one account for ever. A lease without any of this is older than the question.
    let same_key = user.signer.is_some() && user.signer == account.signer;
    if same_key || (user.signer.is_none() && user.account.is_none()) {
        return Ok(());
    }
    let here = match account.number(lane).await {
        Ok(number) if user.account.as_deref() == Some(number) => return Ok(()),
        Ok(number) => format!("now leads to account {number}"),
        // Its own tag tells as well; that it is not there does not.
        Err(failure) => match user::owner(account, lane, &user.name, lease).await {
            Ok(Owner::ThisLease) => return Ok(()),
            Ok(Owner::Nobody | Owner::Another) | Err(_) => {
                format!("does not tell which account it leads to ({failure})")
            }
        },
    };
    let made = match (&user.account, &user.signer) {
        (Some(number), _) => format!("in account {number}"),
        (None, Some(signer)) => format!("by the key {signer}, in an account that AWS did not tell"),
        (None, None) => "in an account that AWS did not tell".to_owned(),
    };
    Err(lease::Failure {
        text: format!(
            "IAM user {} was made {made}, and config/root of {mount} {here}; nothing is asked or believed there. Point \
             config/root at a key of the first account, or give the lease up with `lease revoke -force -prefix {}`",
            user.name, lease
        ),
        outage: false,
        postponed: false,
    })
}

/// The short way.
async fn remove_known(hand: Hand<'_>, user: &IssuedUser) -> Result<Sighting, Failed> {
    let Hand { iam, name, .. } = hand;
    match &user.access_key_id {
        Some(key) => {
            hand.delete(DELETING_KEY, || iam.delete_access_key().user_name(name).access_key_id(key).send()).await?;
        }
        // It may have been made without our hearing of it, and keys go first.
        None if delete_keys(hand).await? == Keys::NoUser => return Ok(Sighting::Absent),
        None => {}
    }
    let mut steps: Vec<Step<'_>> = Vec::new();
    if let Some(policy) = &user.inline_policy {
        let send = move || iam.delete_user_policy().user_name(name).policy_name(policy).send();
        steps.push(hand.delete(DELETING_POLICY, send).boxed());
    }
    for arn in &user.policy_arns {
        let send = move || iam.detach_user_policy().user_name(name).policy_arn(arn).send();
        steps.push(hand.delete(DETACHING_POLICY, send).boxed());
    }
    for group in &user.groups {
        let send = move || iam.remove_user_from_group().user_name(name).group_name(group).send();
        steps.push(hand.delete(LEAVING_GROUP, send).boxed());
    }
    join_all(steps).await.into_iter().collect::<Result<(), _>>()?;
    match delete_user(hand).await {
        Err(failed) if failed.failure.class == Class::Conflict => sweep(hand).await,
        ended => ended,
    }
}

const DELETING_KEY: &str = "deleting the access key";
const DELETING_POLICY: &str = "deleting the inline policy";
const DETACHING_POLICY: &str = "detaching the managed policy";
const LEAVING_GROUP: &str = "removing from the group";

async fn delete_user(hand: Hand<'_>) -> Result<Sighting, Failed> {
    let Hand { iam, name, .. } = hand;
    match hand.call("deleting the user", || iam.delete_user().user_name(name).send()).await {
        Ok(_) => Ok(Sighting::Deleted),
        Err(failed) if failed.failure.class == Class::Gone => Ok(Sighting::Absent),
        Err(failed) => Err(failed),
    }
}

/// The long way: everything that can hang on a user.
async fn sweep(hand: Hand<'_>) -> Result<Sighting, Failed> {
    if delete_keys(hand).await? == Keys::NoUser {
        return Ok(Sighting::Absent);
    }
    // The engine may lack the right to some of these; then DeleteUser tells whether they mattered.
    let mut unable = Vec::new();
    for extra in [
        login_profile(hand).boxed(),
        mfa_devices(hand).boxed(),
        ssh_keys(hand).boxed(),
        certificates(hand).boxed(),
        service_credentials(hand).boxed(),
    ] {
        match extra.await {
            Ok(()) => {}
            Err(failed) if matches!(failed.failure.class, Class::Throttled | Class::Postponed) => return Err(failed),
            Err(failed) => unable.push(failed),
        }
    }
    inline_policies(hand).await?;
    attached_policies(hand).await?;
    groups(hand).await?;
    // A key made while we were at work is caught here.
    delete_keys(hand).await?;
    delete_user(hand).await.map_err(|mut failed| {
        for Failed { step, failure } in unable {
            failed.failure.text.push_str(&format!("; before that, {step} failed: {failure}"));
        }
        failed
    })
}

/// What a listing of keys showed.
#[derive(PartialEq, Eq)]
enum Keys {
    NoUser,
    Deleted,
}

async fn delete_keys(hand: Hand<'_>) -> Result<Keys, Failed> {
    let Hand { iam, name, .. } = hand;
    let pages = || iam.list_access_keys().user_name(name).into_paginator().items().send().try_collect();
    let keys: Vec<AccessKeyMetadata> = match hand.call("listing the access keys", pages).await {
        Err(failed) if failed.failure.class == Class::Gone => return Ok(Keys::NoUser),
        ended => ended?,
    };
    for key in keys.iter().filter_map(|key| key.access_key_id()) {
        hand.delete(DELETING_KEY, || iam.delete_access_key().user_name(name).access_key_id(key).send()).await?;
    }
    Ok(Keys::Deleted)
}

async fn login_profile(hand: Hand<'_>) -> Result<(), Failed> {
    let Hand { iam, name, .. } = hand;
    hand.delete("deleting the login profile", || iam.delete_login_profile().user_name(name).send()).await
}

async fn mfa_devices(hand: Hand<'_>) -> Result<(), Failed> {
    let Hand { iam, name, .. } = hand;
    let pages = || iam.list_mfa_devices().user_name(name).into_paginator().items().send().try_collect();
    for device in hand.list("listing the MFA devices", pages).await? {
        let device: MfaDevice = device;
        let serial = device.serial_number();
        let send = || iam.deactivate_mfa_device().user_name(name).serial_number(serial).send();
        hand.delete("deactivating the MFA device", send).await?;
        // The serial number of a virtual device is its ARN; that of a thing of metal is not ours to delete.
        if serial.contains(":mfa/") {
            let send = || iam.delete_virtual_mfa_device().serial_number(serial).send();
            hand.delete("deleting the virtual MFA device", send).await?;
        }
    }
    Ok(())
}

async fn ssh_keys(hand: Hand<'_>) -> Result<(), Failed> {
    let Hand { iam, name, .. } = hand;
    let pages = || iam.list_ssh_public_keys().user_name(name).into_paginator().items().send().try_collect();
    for key in hand.list("listing the SSH keys", pages).await? {
        let key: SshPublicKeyMetadata = key;
        let id = key.ssh_public_key_id();
        let send = || iam.delete_ssh_public_key().user_name(name).ssh_public_key_id(id).send();
        hand.delete("deleting the SSH key", send).await?;
    }
    Ok(())
}

async fn certificates(hand: Hand<'_>) -> Result<(), Failed> {
    let Hand { iam, name, .. } = hand;
    let pages = || iam.list_signing_certificates().user_name(name).into_paginator().items().send().try_collect();
    for certificate in hand.list("listing the signing certificates", pages).await? {
        let certificate: SigningCertificate = certificate;
        let id = certificate.certificate_id();
        let send = || iam.delete_signing_certificate().user_name(name).certificate_id(id).send();
        hand.delete("deleting the signing certificate", send).await?;
    }
    Ok(())
}

async fn service_credentials(hand: Hand<'_>) -> Result<(), Failed> {
    const LISTING: &str = "listing the service-specific credentials";
    const PAGES_MAX: usize = 100;
    let Hand { iam, name, .. } = hand;
    let mut marker: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let send = || iam.list_service_specific_credentials().user_name(name).set_marker(marker.clone()).send();
        let page = match hand.call(LISTING, send).await {
            Err(failed) if failed.failure.class == Class::Gone => return Ok(()),
            ended => ended?,
        };
        for credential in page.service_specific_credentials() {
            let id = credential.service_specific_credential_id();
            let send = || {
                let delete = iam.delete_service_specific_credential().user_name(name);
                delete.service_specific_credential_id(id).send()
            };
            hand.delete("deleting the service-specific credential", send).await?;
        }
        marker = page.marker().filter(|_| page.is_truncated()).map(str::to_owned);
        if marker.is_none() {
            break;
        }
    }
    Ok(())
}

async fn inline_policies(hand: Hand<'_>) -> Result<(), Failed> {
    let Hand { iam, name, .. } = hand;
    let pages = || iam.list_user_policies().user_name(name).into_paginator().items().send().try_collect();
    for policy in hand.list("listing the inline policies", pages).await? {
        let policy: &str = &policy;
        let send = || iam.delete_user_policy().user_name(name).policy_name(policy).send();
        hand.delete(DELETING_POLICY, send).await?;
    }
    Ok(())
}

async fn attached_policies(hand: Hand<'_>) -> Result<(), Failed> {
    let Hand { iam, name, .. } = hand;
    let pages = || iam.list_attached_user_policies().user_name(name).into_paginator().items().send().try_collect();
    let policies: Vec<AttachedPolicy> = hand.list("listing the attached policies", pages).await?;
    for arn in policies.iter().filter_map(|policy| policy.policy_arn()) {
        hand.delete(DETACHING_POLICY, || iam.detach_user_policy().user_name(name).policy_arn(arn).send()).await?;
    }
    Ok(())
}

async fn groups(hand: Hand<'_>) -> Result<(), Failed> {
    let Hand { iam, name, .. } = hand;
    let pages = || iam.list_groups_for_user().user_name(name).into_paginator().items().send().try_collect();
    let groups: Vec<Group> = hand.list("listing the groups", pages).await?;
    for group in groups.iter().map(|group| group.group_name()) {
        hand.delete(LEAVING_GROUP, || iam.remove_user_from_group().user_name(name).group_name(group).send()).await?;
    }
    Ok(())
}
