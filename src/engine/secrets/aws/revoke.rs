//! Removing an IAM user: the key first, then whatever hangs on it, then the user.
//!
//! What is gone already counts as removed. The short way deletes what the lease knows of; where AWS says
//! that something else still hangs on the user, or where the outcome of the issue is unknown, everything
//! is listed and removed (IAM API reference, DeleteUser, names what must go first).
//!
//! All of that is asked of the account that the lease was issued in. `config/root` may have been pointed at
//! another one since: there nothing is touched, and nothing that it says is believed.

use aws_sdk_iam::Client;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};

use super::client::Account;
use super::failure::{Class, Failure};
use super::user::{self, Owner};
use crate::engine::core::Core;
use crate::engine::lease::absence::Sighting;
use crate::engine::lease::{self, IssuedUser, Lease};

/// A step that failed: which one, and how.
struct Failed {
    step: &'static str,
    failure: Failure,
}

type Step<'a> = BoxFuture<'a, Result<(), Failed>>;

/// Removes what AWS holds for a lease, as far as one attempt goes.
pub(crate) async fn revoke(core: &Core, lease: &Lease) -> Result<Sighting, lease::Failure> {
    let ours = |text: String| lease::Failure { text, outage: false, throttled: false };
    let mount = core
        .mounts
        .by_uuid(&lease.mount)
        .ok_or_else(|| ours("the mount that issued it is gone, and with it the way to AWS".to_owned()))?;
    let account = core.aws_clients.account(core, &mount).await.map_err(|error| ours(error.to_string()))?;
    let iam = &account.iam;
    is_home(&account, &mount.path, lease).await?;
    let removed = async {
        if lease.user.created {
            return remove_known(iam, &lease.user).await;
        }
        match user::owner(&account, lease).await.map_err(failed("reading the user"))? {
            Owner::Nobody => Ok(Sighting::Absent),
            Owner::Another => Ok(Sighting::Anothers),
            Owner::ThisLease => sweep(iam, &lease.user.name).await,
        }
    };
    removed.await.map_err(|Failed { step, failure }| lease::Failure {
        text: format!("{step} of IAM user {}: {failure}", lease.user.name),
        outage: matches!(failure.class, Class::Throttled | Class::Unknown),
        throttled: failure.class == Class::Throttled,
    })
}

/// Refuses to ask an account that the lease was not issued in, or of which that can't be told.
async fn is_home(account: &Account, mount: &str, lease: &Lease) -> Result<(), lease::Failure> {
    let user = &lease.user;
    // A key belongs to one account for ever. A lease without any of this is older than the question.
    let same_key = user.signer.is_some() && user.signer == account.signer;
    if same_key || (user.signer.is_none() && user.account.is_none()) {
        return Ok(());
    }
    let here = match account.number().await {
        Ok(number) if user.account.as_deref() == Some(number) => return Ok(()),
        Ok(number) => format!("now leads to account {number}"),
        // Its own tag tells as well; that it is not there does not.
        Err(failure) => match user::owner(account, lease).await {
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
            user.name, lease.id
        ),
        outage: false,
        throttled: false,
    })
}

fn failed(step: &'static str) -> impl Fn(Failure) -> Failed {
    move |failure| Failed { step, failure }
}

/// Turns the end of a deletion into a step: already gone is done.
fn done<T, E: Into<Failure>>(step: &'static str, sent: Result<T, E>) -> Result<(), Failed> {
    match sent.map_err(Into::into) {
        Ok(_) => Ok(()),
        Err(failure) if failure.class == Class::Gone => Ok(()),
        Err(failure) => Err(Failed { step, failure }),
    }
}

/// The short way.
async fn remove_known(iam: &Client, user: &IssuedUser) -> Result<Sighting, Failed> {
    let name = &user.name;
    match &user.access_key_id {
        Some(key) => done(DELETING_KEY, iam.delete_access_key().user_name(name).access_key_id(key).send().await)?,
        // It may have been made without our hearing of it, and keys go first.
        None if delete_keys(iam, name).await? == Keys::NoUser => return Ok(Sighting::Absent),
        None => {}
    }
    let mut steps: Vec<Step<'_>> = Vec::new();
    if let Some(policy) = &user.inline_policy {
        let sent = iam.delete_user_policy().user_name(name).policy_name(policy).send();
        steps.push(sent.map(|sent| done(DELETING_POLICY, sent)).boxed());
    }
    for arn in &user.policy_arns {
        let sent = iam.detach_user_policy().user_name(name).policy_arn(arn).send();
        steps.push(sent.map(|sent| done(DETACHING_POLICY, sent)).boxed());
    }
    for group in &user.groups {
        let sent = iam.remove_user_from_group().user_name(name).group_name(group).send();
        steps.push(sent.map(|sent| done(LEAVING_GROUP, sent)).boxed());
    }
    join_all(steps).await.into_iter().collect::<Result<(), _>>()?;
    match delete_user(iam, name).await {
        Err(failed) if failed.failure.class == Class::Conflict => sweep(iam, name).await,
        ended => ended,
    }
}

const DELETING_KEY: &str = "deleting the access key";
const DELETING_POLICY: &str = "deleting the inline policy";
const DETACHING_POLICY: &str = "detaching the managed policy";
const LEAVING_GROUP: &str = "removing from the group";

async fn delete_user(iam: &Client, name: &str) -> Result<Sighting, Failed> {
    match iam.delete_user().user_name(name).send().await.map_err(Failure::from) {
        Ok(_) => Ok(Sighting::Deleted),
        Err(failure) if failure.class == Class::Gone => Ok(Sighting::Absent),
        Err(failure) => Err(Failed { step: "deleting the user", failure }),
    }
}

/// The long way: everything that can hang on a user.
async fn sweep(iam: &Client, name: &str) -> Result<Sighting, Failed> {
    if delete_keys(iam, name).await? == Keys::NoUser {
        return Ok(Sighting::Absent);
    }
    // The engine may lack the right to some of these; then DeleteUser tells whether they mattered.
    let mut unable = Vec::new();
    for extra in [
        login_profile(iam, name).boxed(),
        mfa_devices(iam, name).boxed(),
        ssh_keys(iam, name).boxed(),
        certificates(iam, name).boxed(),
        service_credentials(iam, name).boxed(),
    ] {
        match extra.await {
            Ok(()) => {}
            Err(failed) if failed.failure.class == Class::Throttled => return Err(failed),
            Err(failed) => unable.push(failed),
        }
    }
    inline_policies(iam, name).await?;
    attached_policies(iam, name).await?;
    groups(iam, name).await?;
    // A key made while we were at work is caught here.
    delete_keys(iam, name).await?;
    delete_user(iam, name).await.map_err(|mut failed| {
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

async fn delete_keys(iam: &Client, name: &str) -> Result<Keys, Failed> {
    let pages = iam.list_access_keys().user_name(name).into_paginator().items().send();
    let keys = match pages.try_collect().await.map_err(Failure::from) {
        Ok(keys) => keys,
        Err(failure) if failure.class == Class::Gone => return Ok(Keys::NoUser),
        Err(failure) => return Err(Failed { step: "listing the access keys", failure }),
    };
    for key in keys.iter().filter_map(|key| key.access_key_id()) {
        done(DELETING_KEY, iam.delete_access_key().user_name(name).access_key_id(key).send().await)?;
    }
    Ok(Keys::Deleted)
}

/// The items of a listing; a user that is gone has none.
fn listed<T, E: Into<Failure>>(step: &'static str, items: Result<Vec<T>, E>) -> Result<Vec<T>, Failed> {
    match items.map_err(Into::into) {
        Ok(items) => Ok(items),
        Err(failure) if failure.class == Class::Gone => Ok(Vec::new()),
        Err(failure) => Err(Failed { step, failure }),
    }
}

async fn login_profile(iam: &Client, name: &str) -> Result<(), Failed> {
    done("deleting the login profile", iam.delete_login_profile().user_name(name).send().await)
}

async fn mfa_devices(iam: &Client, name: &str) -> Result<(), Failed> {
    let pages = iam.list_mfa_devices().user_name(name).into_paginator().items().send();
    for device in listed("listing the MFA devices", pages.try_collect().await)? {
        let serial = device.serial_number();
        let sent = iam.deactivate_mfa_device().user_name(name).serial_number(serial).send().await;
        done("deactivating the MFA device", sent)?;
        // The serial number of a virtual device is its ARN; that of a thing of metal is not ours to delete.
        if serial.contains(":mfa/") {
            let sent = iam.delete_virtual_mfa_device().serial_number(serial).send().await;
            done("deleting the virtual MFA device", sent)?;
        }
    }
    Ok(())
}

async fn ssh_keys(iam: &Client, name: &str) -> Result<(), Failed> {
    let pages = iam.list_ssh_public_keys().user_name(name).into_paginator().items().send();
    for key in listed("listing the SSH keys", pages.try_collect().await)? {
        let sent = iam.delete_ssh_public_key().user_name(name).ssh_public_key_id(key.ssh_public_key_id()).send().await;
        done("deleting the SSH key", sent)?;
    }
    Ok(())
}

async fn certificates(iam: &Client, name: &str) -> Result<(), Failed> {
    let pages = iam.list_signing_certificates().user_name(name).into_paginator().items().send();
    for certificate in listed("listing the signing certificates", pages.try_collect().await)? {
        let id = certificate.certificate_id();
        let sent = iam.delete_signing_certificate().user_name(name).certificate_id(id).send().await;
        done("deleting the signing certificate", sent)?;
    }
    Ok(())
}

async fn service_credentials(iam: &Client, name: &str) -> Result<(), Failed> {
    const LISTING: &str = "listing the service-specific credentials";
    const PAGES_MAX: usize = 100;
    let mut marker = None;
    for _ in 0..PAGES_MAX {
        let sent = iam.list_service_specific_credentials().user_name(name).set_marker(marker.take()).send().await;
        let page = match sent.map_err(Failure::from) {
            Ok(page) => page,
            Err(failure) if failure.class == Class::Gone => return Ok(()),
            Err(failure) => return Err(Failed { step: LISTING, failure }),
        };
        for credential in page.service_specific_credentials() {
            let id = credential.service_specific_credential_id();
            let delete = iam.delete_service_specific_credential().user_name(name);
            done("deleting the service-specific credential", delete.service_specific_credential_id(id).send().await)?;
        }
        marker = page.marker().filter(|_| page.is_truncated()).map(str::to_owned);
        if marker.is_none() {
            break;
        }
    }
    Ok(())
}

async fn inline_policies(iam: &Client, name: &str) -> Result<(), Failed> {
    let pages = iam.list_user_policies().user_name(name).into_paginator().items().send();
    for policy in listed("listing the inline policies", pages.try_collect().await)? {
        done(DELETING_POLICY, iam.delete_user_policy().user_name(name).policy_name(policy).send().await)?;
    }
    Ok(())
}

async fn attached_policies(iam: &Client, name: &str) -> Result<(), Failed> {
    let pages = iam.list_attached_user_policies().user_name(name).into_paginator().items().send();
    let policies = listed("listing the attached policies", pages.try_collect().await)?;
    for arn in policies.iter().filter_map(|policy| policy.policy_arn()) {
        done(DETACHING_POLICY, iam.detach_user_policy().user_name(name).policy_arn(arn).send().await)?;
    }
    Ok(())
}

async fn groups(iam: &Client, name: &str) -> Result<(), Failed> {
    let pages = iam.list_groups_for_user().user_name(name).into_paginator().items().send();
    for group in listed("listing the groups", pages.try_collect().await)? {
        let group = group.group_name();
        done(LEAVING_GROUP, iam.remove_user_from_group().user_name(name).group_name(group).send().await)?;
    }
    Ok(())
}
