//! The simulated AWS account, judged by AWS's own SDK.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_iam::config::retry::RetryConfig;
use aws_sdk_iam::config::{BehaviorVersion, Region};
use aws_sdk_iam::error::ProvideErrorMetadata;
use aws_sdk_iam::types::{StatusType, Tag};
use aws_sdk_iam::{Client, Config};
use leasehold::clock::Clock;
use leasehold::sandbox::{self, ACCOUNT_ID, Account, Effect, Fault, OpenError, ROOT_ACCESS_KEY, ROOT_SECRET};
use serde_json::json;
use time::macros::datetime;

use crate::aws::code;

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}"#;
const MANAGED: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

fn memory() -> Arc<Account> {
    Account::open(None, Clock::manual(datetime!(2026-01-01 00:00 UTC))).unwrap()
}

fn client_as(account: &Arc<Account>, id: &str, secret: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(id, secret, None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(sandbox::connector(Arc::clone(account)))
        .build();
    Client::from_conf(config)
}

fn root(account: &Arc<Account>) -> Client {
    client_as(account, ROOT_ACCESS_KEY, ROOT_SECRET)
}

/// The message of an error, which the call must have.
fn message<T, E: ProvideErrorMetadata, R>(result: Result<T, aws_sdk_iam::error::SdkError<E, R>>) -> String {
    result.err().and_then(|error| error.message().map(str::to_owned)).unwrap_or_default()
}

#[tokio::test]
async fn a_credential_is_issued_and_revoked() {
    let account = memory();
    let iam = root(&account);
    iam.create_group().group_name("readers").send().await.unwrap();
    let tag = Tag::builder().key("leasehold:app").value("webapp").build().unwrap();
    let user = iam.create_user().user_name("u1").path("/leasehold/abc/").tags(tag).permissions_boundary(MANAGED);
    let user = user.send().await.unwrap().user.unwrap();
    assert_eq!(user.arn(), format!("arn:aws:iam::{ACCOUNT_ID}:user/leasehold/abc/u1"));
    assert!(user.user_id().starts_with("AIDA") && user.user_id().len() == 21, "{}", user.user_id());

    iam.attach_user_policy().user_name("u1").policy_arn(MANAGED).send().await.unwrap();
    iam.put_user_policy().user_name("u1").policy_name("p").policy_document(POLICY).send().await.unwrap();
    iam.add_user_to_group().user_name("u1").group_name("readers").send().await.unwrap();
    let key = iam.create_access_key().user_name("u1").send().await.unwrap().access_key.unwrap();
    assert!(key.access_key_id().starts_with("AKIA") && key.access_key_id().len() == 20);
    assert_eq!(key.secret_access_key().len(), 40);

    let read = iam.get_user().user_name("u1").send().await.unwrap().user.unwrap();
    assert_eq!(read.tags()[0].value(), "webapp");
    assert_eq!(read.permissions_boundary().unwrap().permissions_boundary_arn(), Some(MANAGED));
    let document = iam.get_user_policy().user_name("u1").policy_name("p").send().await.unwrap();
    assert!(document.policy_document().starts_with("%7B%22Version%22"));
    let groups = iam.list_groups_for_user().user_name("u1").send().await.unwrap();
    assert_eq!(groups.groups()[0].group_name(), "readers");

    iam.delete_access_key().user_name("u1").access_key_id(key.access_key_id()).send().await.unwrap();
    iam.delete_user_policy().user_name("u1").policy_name("p").send().await.unwrap();
    iam.detach_user_policy().user_name("u1").policy_arn(MANAGED).send().await.unwrap();
    iam.remove_user_from_group().user_name("u1").group_name("readers").send().await.unwrap();
    iam.delete_user().user_name("u1").send().await.unwrap();
    assert_eq!(code(iam.get_user().user_name("u1").send().await), "NoSuchEntity");
    assert_eq!(code(iam.delete_user().user_name("u1").send().await), "NoSuchEntity");
    let actions: Vec<_> = account.faults().calls().into_iter().map(|call| call.action).collect();
    assert_eq!(actions[..3], ["CreateGroup", "CreateUser", "AttachUserPolicy"]);
}

#[tokio::test]
async fn everything_that_blocks_deletion_is_found_and_can_be_removed() {
    let account = memory();
    let iam = root(&account);
    iam.create_group().group_name("g").send().await.unwrap();
    iam.create_user().user_name("u").send().await.unwrap();
    iam.create_login_profile().user_name("u").password("p").send().await.unwrap();
    let key = iam.create_access_key().user_name("u").send().await.unwrap().access_key.unwrap();
    let device = iam.create_virtual_mfa_device().virtual_mfa_device_name("d").send().await.unwrap();
    let serial = device.virtual_mfa_device.unwrap().serial_number().to_owned();
    let enable = iam.enable_mfa_device().user_name("u").serial_number(&serial);
    enable.authentication_code1("123456").authentication_code2("654321").send().await.unwrap();
    iam.upload_signing_certificate().user_name("u").certificate_body("c").send().await.unwrap();
    iam.add_user_to_group().user_name("u").group_name("g").send().await.unwrap();
    iam.attach_user_policy().user_name("u").policy_arn(MANAGED).send().await.unwrap();
    iam.put_user_policy().user_name("u").policy_name("p").policy_document(POLICY).send().await.unwrap();
    iam.upload_ssh_public_key().user_name("u").ssh_public_key_body("ssh-rsa A").send().await.unwrap();
    let service = iam.create_service_specific_credential().user_name("u");
    service.service_name("codecommit.amazonaws.com").send().await.unwrap();

    let blocked = async || {
        let result = iam.delete_user().user_name("u").send().await;
        assert_eq!(result.as_ref().err().and_then(ProvideErrorMetadata::code), Some("DeleteConflict"));
        message(result)
    };
    assert_eq!(blocked().await, "Cannot delete entity, must delete login profile first.");
    iam.delete_login_profile().user_name("u").send().await.unwrap();
    assert!(blocked().await.contains("access keys"));
    iam.delete_access_key().user_name("u").access_key_id(key.access_key_id()).send().await.unwrap();
    assert!(blocked().await.contains("MFA device"));
    let devices = iam.list_mfa_devices().user_name("u").send().await.unwrap();
    assert_eq!(devices.mfa_devices()[0].serial_number(), serial);
    assert_eq!(code(iam.delete_virtual_mfa_device().serial_number(&serial).send().await), "DeleteConflict");
    iam.deactivate_mfa_device().user_name("u").serial_number(&serial).send().await.unwrap();
    iam.delete_virtual_mfa_device().serial_number(&serial).send().await.unwrap();
    assert!(blocked().await.contains("signing certificates"));
    let certificates = iam.list_signing_certificates().user_name("u").send().await.unwrap();
    let id = certificates.certificates()[0].certificate_id();
    iam.delete_signing_certificate().user_name("u").certificate_id(id).send().await.unwrap();
    assert!(blocked().await.contains("from group"));
    iam.remove_user_from_group().user_name("u").group_name("g").send().await.unwrap();
    assert!(blocked().await.contains("detach all policies"));
    iam.detach_user_policy().user_name("u").policy_arn(MANAGED).send().await.unwrap();
    assert!(blocked().await.contains("delete policies"));
    iam.delete_user_policy().user_name("u").policy_name("p").send().await.unwrap();
    assert!(blocked().await.contains("referenced objects"));
    let keys = iam.list_ssh_public_keys().user_name("u").send().await.unwrap();
    let id = keys.ssh_public_keys()[0].ssh_public_key_id();
    iam.delete_ssh_public_key().user_name("u").ssh_public_key_id(id).send().await.unwrap();
    assert!(blocked().await.contains("referenced objects"));
    let credentials = iam.list_service_specific_credentials().user_name("u").send().await.unwrap();
    let id = credentials.service_specific_credentials()[0].service_specific_credential_id();
    iam.delete_service_specific_credential().user_name("u").service_specific_credential_id(id).send().await.unwrap();
    iam.delete_user().user_name("u").send().await.unwrap();
}

#[tokio::test]
async fn quotas_and_names_are_kept() {
    let account = memory();
    let iam = root(&account);
    iam.create_user().user_name("u").send().await.unwrap();
    for (name, path, expected) in [
        ("U", "/", "EntityAlreadyExists"),
        (&"x".repeat(65), "/", "ValidationError"),
        ("a b", "/", "ValidationError"),
        ("ok", "no-slash", "ValidationError"),
    ] {
        assert_eq!(code(iam.create_user().user_name(name).path(path).send().await), expected, "{name} {path}");
    }
    for expected in ["ok", "ok", "LimitExceeded"] {
        assert_eq!(code(iam.create_access_key().user_name("u").send().await), expected);
    }
    let attach = |n: usize| iam.attach_user_policy().user_name("u").policy_arn(format!("{MANAGED}{n}")).send();
    for n in 0..10 {
        attach(n).await.unwrap();
    }
    assert_eq!(message(attach(10).await), "Cannot exceed quota for PoliciesPerUser: 10");
    let put = |name: &str, resource_len: usize| {
        let document = POLICY.replace("arn:aws:s3:::b/*", &format!("arn:aws:s3:::{}", "b".repeat(resource_len)));
        iam.put_user_policy().user_name("u").policy_name(name).policy_document(document).send()
    };
    put("one", 1500).await.unwrap();
    assert_eq!(message(put("two", 500).await), "Maximum policy size of 2048 bytes exceeded for user u");
    put("one", 1900).await.unwrap();
    let bad = iam.put_user_policy().user_name("u").policy_name("bad").policy_document("{}").send().await;
    assert_eq!(code(bad), "MalformedPolicyDocument");
    let absent = format!("arn:aws:iam::{ACCOUNT_ID}:policy/absent");
    assert_eq!(code(iam.attach_user_policy().user_name("u").policy_arn(absent).send().await), "NoSuchEntity");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let account = memory();
    let iam = root(&account);
    for n in 0..25 {
        let path = if n % 5 == 0 { "/a/" } else { "/b/" };
        iam.create_user().user_name(format!("u{n:02}")).path(path).send().await.unwrap();
    }
    let names = async |path: &str| {
        let pages = iam.list_users().path_prefix(path).max_items(7).into_paginator().items().send();
        let users: Vec<_> = pages.try_collect().await.unwrap();
        users.into_iter().map(|user| user.user_name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("/").await.len(), 25);
    assert_eq!(names("/a/").await, ["u00", "u05", "u10", "u15", "u20"]);
    account.faults().limit_pages(2);
    assert_eq!(names("/").await.len(), 25);
    let page = iam.list_users().send().await.unwrap();
    assert!(page.is_truncated());
    assert_eq!(code(iam.list_users().marker("made up").send().await), "ValidationError");
}

#[tokio::test]
async fn signatures_are_checked_and_policies_followed() {
    let account = memory();
    let iam = root(&account);
    assert_eq!(code(client_as(&account, ROOT_ACCESS_KEY, "wrong").list_users().send().await), "SignatureDoesNotMatch");
    assert_eq!(code(client_as(&account, "AKIAUNKNOWN", "x").list_users().send().await), "InvalidClientTokenId");

    iam.create_user().user_name("u").send().await.unwrap();
    let key = iam.create_access_key().user_name("u").send().await.unwrap().access_key.unwrap();
    let user = client_as(&account, key.access_key_id(), key.secret_access_key());
    let refused = message(user.get_user().send().await);
    assert!(refused.contains("not authorized to perform: iam:GetUser on resource: arn:aws:iam::"), "{refused}");
    let allow = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/u"}}"#;
    iam.put_user_policy().user_name("u").policy_name("p").policy_document(allow).send().await.unwrap();
    assert_eq!(user.get_user().send().await.unwrap().user.unwrap().user_name(), "u");
    assert_eq!(code(user.list_users().send().await), "AccessDenied");
    // A boundary that allows nothing leaves nothing.
    iam.put_user_permissions_boundary().user_name("u").permissions_boundary(MANAGED).send().await.unwrap();
    assert_eq!(code(user.get_user().send().await), "AccessDenied");
    iam.delete_user_permissions_boundary().user_name("u").send().await.unwrap();

    let used = iam.get_access_key_last_used().access_key_id(key.access_key_id()).send().await.unwrap();
    assert_eq!(used.access_key_last_used().unwrap().service_name(), "iam");
    let switch = iam.update_access_key().user_name("u").access_key_id(key.access_key_id());
    switch.status(StatusType::Inactive).send().await.unwrap();
    assert_eq!(code(user.get_user().send().await), "InvalidClientTokenId");
}

/// Sources: IAM User Guide, "AWS global condition context keys", "IAM and AWS STS condition context keys".
#[tokio::test]
async fn conditions_are_followed_with_the_context_of_the_call() {
    let account = memory();
    let iam = root(&account);
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().unwrap();
    iam.create_user().user_name("u").tags(tag("team", "red")).send().await.unwrap();
    let key = iam.create_access_key().user_name("u").send().await.unwrap().access_key.unwrap();
    let user = client_as(&account, key.access_key_id(), key.secret_access_key());
    let own = format!("arn:aws:iam::{ACCOUNT_ID}:user/u");
    // Conditions on `iam:CreateUser`, which gives a boundary and a tag, and whether they are met; `None` where that
    // can't be told, or AWS's pages disagree.
    for (condition, met) in [
        (json!({}), Some(true)),
        (json!({"StringEquals": {"aws:username": "u", "aws:PrincipalAccount": ACCOUNT_ID}}), Some(true)),
        (json!({"StringEquals": {"aws:username": "v"}}), Some(false)),
        (json!({"StringLike": {"aws:userid": "AIDA*"}}), Some(true)),
        (json!({"ArnEquals": {"aws:PrincipalArn": own}}), Some(true)),
        (
            json!({"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00.5Z", "aws:EpochTime": "1767225601"}}),
            Some(true),
        ),
        (json!({"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}), Some(false)),
        (json!({"Bool": {"aws:SecureTransport": "true", "aws:ViaAWSService": "false"}}), Some(true)),
        (json!({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}), Some(true)),
        (json!({"StringEquals": {"aws:PrincipalTag/Team": "red"}}), Some(true)),
        (json!({"StringEquals": {"aws:RequestTag/team": "${aws:PrincipalTag/team}"}}), Some(true)),
        (json!({"StringEquals": {"aws:RequestTag/team": "${aws:PrincipalTag/none}"}}), Some(false)),
        (json!({"StringNotEquals": {"aws:RequestTag/team": "${aws:PrincipalTag/none}"}}), None),
        (json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}, "Null": {"aws:TagKeys": "false"}}), Some(true)),
        (json!({"StringEquals": {"iam:PermissionsBoundary": MANAGED}}), Some(true)),
        (json!({"StringNotEquals": {"iam:PermissionsBoundary": MANAGED}}), Some(false)),
        (json!({"Null": {"aws:MultiFactorAuthPresent": "true"}}), Some(true)),
        (json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}), Some(true)),
        (json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}), Some(false)),
        (json!({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}), None),
        (json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), None),
        (json!({"NumericLessThan": {"aws:EpochTime": "many"}}), None),
    ] {
        for effect in ["Allow", "Deny"] {
            let mut statements =
                vec![json!({"Effect": effect, "Action": "iam:CreateUser", "Resource": "*", "Condition": condition})];
            if effect == "Deny" {
                statements.push(json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
            }
            let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
            iam.put_user_policy().user_name("u").policy_name("p").policy_document(document).send().await.unwrap();
            let created = user.create_user().user_name("new").permissions_boundary(MANAGED).tags(tag("team", "red"));
            let code = code(created.send().await);
            if code == "ok" {
                iam.delete_user().user_name("new").send().await.unwrap();
            }
            let expected = met == Some(effect == "Allow");
            assert_eq!(code, if expected { "ok" } else { "AccessDenied" }, "{effect} {condition}");
        }
    }
}

#[tokio::test]
async fn conditions_see_what_a_call_is_about_and_boundaries_have_conditions_too() {
    let account = memory();
    let iam = root(&account);
    let tag = |value: &str| Tag::builder().key("team").value(value).build().unwrap();
    iam.create_user().user_name("u").send().await.unwrap();
    iam.create_user().user_name("red").tags(tag("red")).permissions_boundary(MANAGED).send().await.unwrap();
    iam.create_user().user_name("blue").tags(tag("blue")).send().await.unwrap();
    let policy = |statements: serde_json::Value| json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let everything = policy(json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
    iam.put_user_policy().user_name("u").policy_name("p").policy_document(everything).send().await.unwrap();
    let boundary = policy(json!([
        {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*",
         "Condition": {"StringEquals": {"iam:ResourceTag/team": "red", "aws:ResourceTag/Team": "red"}}},
        {"Effect": "Allow", "Action": "iam:AttachUserPolicy", "Resource": "*",
         "Condition": {"ArnLike": {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnly*", "iam:PermissionsBoundary": MANAGED}}},
    ]));
    let boundary = iam.create_policy().policy_name("b").policy_document(boundary).send().await.unwrap();
    let arn = boundary.policy.unwrap().arn.unwrap();
    iam.put_user_permissions_boundary().user_name("u").permissions_boundary(arn).send().await.unwrap();
    let key = iam.create_access_key().user_name("u").send().await.unwrap().access_key.unwrap();
    let user = client_as(&account, key.access_key_id(), key.secret_access_key());
    assert_eq!(code(user.get_user().user_name("red").send().await), "ok");
    let refused = message(user.get_user().user_name("blue").send().await);
    assert!(refused.ends_with("because no permissions boundary allows the iam:GetUser action"), "{refused}");
    for (name, policy, expected) in [
        ("red", MANAGED, "ok"),
        ("red", "arn:aws:iam::aws:policy/AdministratorAccess", "AccessDenied"),
        ("blue", MANAGED, "AccessDenied"),
    ] {
        let attached = user.attach_user_policy().user_name(name).policy_arn(policy).send().await;
        assert_eq!(code(attached), expected, "{name} {policy}");
    }
}

/// Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access
/// Management".
#[tokio::test]
async fn a_call_is_judged_by_the_resource_that_it_is_about() {
    let account = memory();
    let iam = root(&account);
    for name in ["u", "other"] {
        iam.create_user().user_name(name).send().await.unwrap();
    }
    iam.create_group().group_name("g").path("/p/").send().await.unwrap();
    let key = iam.create_access_key().user_name("u").send().await.unwrap().access_key.unwrap();
    let other = iam.create_access_key().user_name("other").send().await.unwrap().access_key.unwrap();
    let user = client_as(&account, key.access_key_id(), key.secret_access_key());
    let serial = format!("arn:aws:iam::{ACCOUNT_ID}:mfa/d");
    for (refused, resource) in [
        (message(user.add_user_to_group().user_name("u").group_name("g").send().await), "group/p/g"),
        (message(user.remove_user_from_group().user_name("u").group_name("g").send().await), "group/p/g"),
        (message(user.get_user().user_name("other").send().await), "user/other"),
        (message(user.create_user().user_name("new").path("/n/").send().await), "user/n/new"),
        (message(user.get_access_key_last_used().access_key_id(other.access_key_id()).send().await), "user/other"),
        (message(user.create_virtual_mfa_device().virtual_mfa_device_name("d").path("/m/").send().await), "mfa/m/d"),
        (message(user.deactivate_mfa_device().serial_number(&serial).send().await), "user/u"),
        (message(user.delete_virtual_mfa_device().serial_number(&serial).send().await), "mfa/d"),
        (message(user.list_ssh_public_keys().send().await), "user/u"),
    ] {
        let about = format!(" on resource: arn:aws:iam::{ACCOUNT_ID}:{resource} because");
        assert!(refused.contains(&about), "{refused} is not about {resource}");
    }
}

#[tokio::test]
async fn managed_policies_have_versions_and_groups_have_policies() {
    let account = memory();
    let iam = root(&account);
    let policy = iam.create_policy().policy_name("p").policy_document(POLICY).send().await.unwrap().policy.unwrap();
    let arn = policy.arn().unwrap();
    let second = iam.create_policy_version().policy_arn(arn).policy_document(POLICY).set_as_default(true);
    assert_eq!(second.send().await.unwrap().policy_version.unwrap().version_id(), Some("v2"));
    assert_eq!(code(iam.delete_policy_version().policy_arn(arn).version_id("v2").send().await), "DeleteConflict");
    iam.delete_policy_version().policy_arn(arn).version_id("v1").send().await.unwrap();
    iam.create_group().group_name("g").send().await.unwrap();
    iam.attach_group_policy().group_name("g").policy_arn(arn).send().await.unwrap();
    iam.put_group_policy().group_name("g").policy_name("i").policy_document(POLICY).send().await.unwrap();
    assert_eq!(iam.list_attached_group_policies().group_name("g").send().await.unwrap().attached_policies().len(), 1);
    assert_eq!(code(iam.delete_policy().policy_arn(arn).send().await), "DeleteConflict");
    assert_eq!(code(iam.delete_group().group_name("g").send().await), "DeleteConflict");
    iam.detach_group_policy().group_name("g").policy_arn(arn).send().await.unwrap();
    iam.delete_group_policy().group_name("g").policy_name("i").send().await.unwrap();
    iam.delete_group().group_name("g").send().await.unwrap();
    iam.delete_policy().policy_arn(arn).send().await.unwrap();
    let summary = iam.get_account_summary().send().await.unwrap();
    assert_eq!(summary.summary_map().unwrap().iter().find(|(key, _)| key.as_str() == "Users").unwrap().1, &0);
}

#[tokio::test]
async fn faults_happen_as_ordered() {
    let account = memory();
    let iam = root(&account);
    let faults = account.faults();
    let create = |name: &str| iam.create_user().user_name(name).send();
    for (effect, expected, happened) in [
        (Effect::Throttle, "Throttling", false),
        (Effect::FailBefore, "ServiceFailure", false),
        (Effect::FailAfter, "ServiceFailure", true),
        (Effect::Deny, "AccessDenied", false),
        (Effect::DropBefore, "no code", false),
        (Effect::DropAfter, "no code", true),
        (Effect::NotFound, "NoSuchEntity", false),
        (Effect::Late(Duration::from_secs(1)), "no code", false),
    ] {
        faults.inject(Fault::once("CreateUser", effect.clone()));
        let name = format!("{effect:?}");
        assert_eq!(code(create(&name).await), expected, "{name}");
        assert_eq!(code(iam.get_user().user_name(&name).send().await) == "ok", happened, "{name}");
    }
    faults.inject(Fault::once("CreateUser", Effect::Deny).after(1));
    assert_eq!(code(create("passes").await), "ok");
    assert_eq!(code(create("fails").await), "AccessDenied");
    assert_eq!(code(create("passes-again").await), "ok");
    let dropped = faults.calls().into_iter().find(|call| call.param("UserName") == Some("DropAfter")).unwrap();
    assert_eq!((dropped.outcome.as_str(), dropped.answered), ("ok", false));
}

#[tokio::test]
async fn answers_can_be_late_and_new_users_unseen_for_a_while() {
    let clock = Clock::manual(datetime!(2026-01-01 00:00 UTC));
    let account = Account::open(None, clock.clone()).unwrap();
    let iam = root(&account);
    account.faults().inject(Fault::once("CreateUser", Effect::Delay(Duration::from_secs(5))));
    let late = tokio::spawn(iam.create_user().user_name("late").send());
    while account.faults().calls().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(!late.is_finished());
    clock.advance(Duration::from_secs(5));
    late.await.unwrap().unwrap();

    account.faults().delay_visibility(Duration::from_secs(10));
    iam.create_user().user_name("new").send().await.unwrap();
    let key = iam.create_access_key().user_name("new").send().await.unwrap().access_key.unwrap();
    let user = client_as(&account, key.access_key_id(), key.secret_access_key());
    assert_eq!(code(iam.delete_user().user_name("new").send().await), "NoSuchEntity");
    assert_eq!(code(user.list_users().send().await), "InvalidClientTokenId");
    clock.advance(Duration::from_secs(10));
    assert_eq!(code(iam.get_user().user_name("new").send().await), "ok");
    assert_eq!(code(user.list_users().send().await), "AccessDenied");
}

#[tokio::test]
async fn calls_can_take_effect_late_and_be_limited_and_users_hidden() {
    let clock = Clock::manual(datetime!(2026-01-01 00:00 UTC));
    let account = Account::open(None, clock.clone()).unwrap();
    let (iam, faults) = (root(&account), account.faults());
    faults.inject(Fault::once("CreateUser", Effect::Late(Duration::from_secs(5))));
    assert_eq!(code(iam.create_user().user_name("late").send().await), "no code");
    clock.advance(Duration::from_millis(4999));
    assert_eq!(account.user_names("/"), Vec::<String>::new());
    clock.advance(Duration::from_millis(1));
    assert_eq!(account.user_names("/"), ["late"]);

    faults.hide_users(Duration::from_secs(3));
    iam.create_user().user_name("new").send().await.unwrap();
    let put = iam.put_user_policy().user_name("new").policy_name("p").policy_document(POLICY);
    assert_eq!(code(put.clone().send().await), "NoSuchEntity");
    assert_eq!(code(iam.create_access_key().user_name("new").send().await), "NoSuchEntity");
    clock.advance(Duration::from_secs(3));
    assert_eq!(code(put.send().await), "ok");

    faults.limit_calls(2);
    for (wait, expected) in
        [(0, "ok"), (400, "ok"), (0, "Throttling"), (599, "Throttling"), (1, "ok"), (0, "Throttling")]
    {
        clock.advance(Duration::from_millis(wait));
        assert_eq!(code(iam.get_user().user_name("new").send().await), expected, "after {wait} ms");
    }
    faults.clear();
    assert_eq!(code(iam.get_user().user_name("new").send().await), "ok");
}

#[tokio::test]
async fn a_second_account_has_users_and_a_number_of_its_own() {
    let account = memory();
    let second = client_as(&account, sandbox::SECOND_ROOT_ACCESS_KEY, ROOT_SECRET);
    assert_eq!(code(second.list_users().send().await), "InvalidClientTokenId", "not without being asked for");
    account.faults().open_second_account();
    let first = root(&account);
    first.create_user().user_name("u").send().await.unwrap();
    assert_eq!(code(second.get_user().user_name("u").send().await), "NoSuchEntity");
    let arn = second.get_user().send().await.unwrap().user.unwrap().arn;
    assert_eq!(arn, format!("arn:aws:iam::{}:root", sandbox::SECOND_ACCOUNT_ID));
    let made = second.create_user().user_name("v").send().await.unwrap().user.unwrap();
    assert_eq!(made.arn, format!("arn:aws:iam::{}:user/v", sandbox::SECOND_ACCOUNT_ID));
    let policy = second.create_policy().policy_name("p").policy_document(POLICY).send().await.unwrap();
    let arn = policy.policy.unwrap().arn.unwrap();
    second.attach_user_policy().user_name("v").policy_arn(arn).send().await.unwrap();
    let key = second.create_access_key().user_name("v").send().await.unwrap().access_key.unwrap();
    let user = client_as(&account, key.access_key_id(), key.secret_access_key());
    let refusal = message(user.list_users().send().await);
    assert!(refusal.contains(&format!("arn:aws:iam::{}:user/v is not", sandbox::SECOND_ACCOUNT_ID)), "{refusal}");
    assert_eq!((account.user_names("/"), account.second_user_names("/")), (vec!["u".into()], vec!["v".into()]));
}

#[tokio::test]
async fn an_account_in_a_directory_outlives_its_process() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Account::open(Some(directory.path()), Clock::manual(datetime!(2026-01-01 00:00 UTC)));
    let account = open().unwrap();
    let iam = root(&account);
    iam.create_user().user_name("stays").path("/p/").send().await.unwrap();
    iam.create_user().user_name("goes").send().await.unwrap();
    let key = iam.create_access_key().user_name("stays").send().await.unwrap().access_key.unwrap();
    iam.attach_user_policy().user_name("stays").policy_arn(MANAGED).send().await.unwrap();
    iam.delete_user().user_name("goes").send().await.unwrap();
    assert!(matches!(open(), Err(OpenError::InUse { address: None, .. })));
    drop((iam, account));

    // A line that was being written when the process was killed is not part of the account.
    let journal = directory.path().join("account.jsonl");
    let torn = std::fs::read_to_string(&journal).unwrap() + "{\"user\":[\"torn\",{\"na";
    std::fs::write(&journal, torn).unwrap();
    let account = open().unwrap();
    assert_eq!(account.user_names("/"), ["stays"]);
    assert_eq!(account.user_names("/q/"), Vec::<String>::new());
    let user = client_as(&account, key.access_key_id(), key.secret_access_key());
    assert_eq!(code(user.list_users().send().await), "AccessDenied");
    assert_eq!(code(root(&account).delete_user().user_name("stays").send().await), "DeleteConflict");
    drop((user, account));

    std::fs::write(&journal, "{\"user\":\n").unwrap();
    assert!(matches!(open(), Err(OpenError::Damaged { line: 1, .. })));
}

#[tokio::test]
async fn it_is_served_on_loopback_and_says_what_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let account = Account::open(Some(directory.path()), Clock::system()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(sandbox::serve(Arc::clone(&account), listener, sandbox::Control::Enabled, async {
        let _ = stopped.await;
    }));
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(ROOT_ACCESS_KEY, ROOT_SECRET, None, None, "test"))
        .endpoint_url(format!("http://{address}"))
        .retry_config(RetryConfig::disabled())
        .build();
    let iam = Client::from_conf(config);
    iam.create_user().user_name("u").send().await.unwrap();
    account.faults().inject(Fault::once("GetUser", Effect::DropAfter));
    assert_eq!(code(iam.get_user().user_name("u").send().await), "no code");
    assert_eq!(code(iam.get_user().user_name("u").send().await), "ok");

    let raw = move |request: &str| {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let request = "GET /?Action=ListUsers HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = tokio::task::spawn_blocking(move || raw(request)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(answer.contains("x-leasehold-sandbox: simulated AWS account"), "{answer}");
    assert!(answer.contains("<Code>MissingAuthenticationToken</Code>"), "{answer}");

    let error = Account::open(Some(directory.path()), Clock::system()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the sandbox in {} is in use by http://{address}", directory.path().display())
    );
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    let open = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = sandbox::serve(account, open, sandbox::Control::Disabled, async {}).await;
    assert!(refused.unwrap_err().to_string().contains("loopback only"));
}

/// The answer of a served sandbox to a signed GetCallerIdentity.
pub(crate) fn caller_identity(address: &str, id: &str, secret: &str) -> String {
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use std::io::{Read, Write};

    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    let identity = Credentials::new(id, secret, None, None, "test").into();
    let params = aws_sigv4::sign::v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("sts")
        .time(std::time::UNIX_EPOCH + Duration::from_secs(1_800_000_000))
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let headers = [("host", address), ("content-type", "application/x-www-form-urlencoded")];
    let uri = format!("http://{address}/");
    let request = SignableRequest::new("POST", uri, headers.into_iter(), SignableBody::Bytes(body.as_bytes())).unwrap();
    let (instructions, _signature) = sign(request, &params).unwrap().into_parts();
    let signed: String = instructions.headers().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let (type_header, length) = ("content-type: application/x-www-form-urlencoded", body.len());
    let head =
        format!("POST / HTTP/1.1\r\nhost: {address}\r\n{type_header}\r\ncontent-length: {length}\r\nconnection: close");
    stream.write_all(format!("{head}\r\n{signed}\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_tells_whose_it_is_until_it_is_deleted() {
    let account = memory();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = sandbox::serve(Arc::clone(&account), listener, sandbox::Control::Disabled, std::future::pending());
    let server = tokio::spawn(served);
    let iam = root(&account);
    iam.create_user().user_name("u").path("/p/").send().await.unwrap();
    let key = iam.create_access_key().user_name("u").send().await.unwrap().access_key.unwrap();
    let (id, secret) = (key.access_key_id().to_owned(), key.secret_access_key().to_owned());
    let ask = async |id: &str, secret: &str| {
        let (address, id, secret) = (address.clone(), id.to_owned(), secret.to_owned());
        tokio::task::spawn_blocking(move || caller_identity(&address, &id, &secret)).await.unwrap()
    };
    assert!(ask(ROOT_ACCESS_KEY, ROOT_SECRET).await.contains(&format!("<Arn>arn:aws:iam::{ACCOUNT_ID}:root</Arn>")));
    assert!(ask(&id, &secret).await.contains(&format!("<Arn>arn:aws:iam::{ACCOUNT_ID}:user/p/u</Arn>")));
    assert!(ask(&id, "wrong").await.contains("<Code>SignatureDoesNotMatch</Code>"));
    iam.delete_access_key().user_name("u").access_key_id(&id).send().await.unwrap();
    assert!(ask(&id, &secret).await.contains("<Code>InvalidClientTokenId</Code>"));
    server.abort();
}
