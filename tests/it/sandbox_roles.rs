//! Roles of the simulated AWS account and the sessions that they open, judged by AWS's own SDK.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_iam::config::retry::RetryConfig;
use aws_sdk_iam::config::{BehaviorVersion, Region};
use aws_sdk_iam::error::ProvideErrorMetadata;
use aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;
use aws_sdk_sts::types::{PolicyDescriptorType, Tag};
use leasehold::clock::Clock;
use leasehold::sandbox::{self, ACCOUNT_ID, Account, ROOT_ACCESS_KEY, ROOT_SECRET};
use serde_json::{Value, json};
use time::macros::datetime;

use crate::aws::code;

/// An account with a user `caller`, who may assume any role and do nothing else.
struct World {
    account: Arc<Account>,
    clock: Clock,
    root: aws_sdk_iam::Client,
    caller: Credentials,
}

fn iam(account: &Arc<Account>, credentials: Credentials) -> aws_sdk_iam::Client {
    let config = aws_sdk_iam::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .http_client(sandbox::connector(Arc::clone(account)))
        .build();
    aws_sdk_iam::Client::from_conf(config)
}

fn sts(account: &Arc<Account>, credentials: Credentials) -> aws_sdk_sts::Client {
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(aws_sdk_sts::config::BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .http_client(sandbox::connector(Arc::clone(account)))
        .build();
    aws_sdk_sts::Client::from_conf(config)
}

fn key(id: &str, secret: &str, token: Option<&str>) -> Credentials {
    Credentials::new(id, secret, token.map(str::to_owned), None, "test")
}

fn arn(role: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT_ID}:role/{role}")
}

fn allow(action: &str) -> String {
    policy(json!({"Effect": "Allow", "Action": action, "Resource": "*"}))
}

fn policy(statement: Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statement}).to_string()
}

/// A trust policy for the whole account, with more in its statement.
fn trust(more: Value) -> String {
    let mut statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT_ID}});
    statement.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    policy(statement)
}

async fn told(call: AssumeRoleFluentBuilder) -> String {
    match call.send().await {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("{}: {}", error.code().unwrap_or("no code"), error.message().unwrap_or_default()),
    }
}

impl World {
    async fn new() -> Self {
        let clock = Clock::manual(datetime!(2026-01-01 00:00 UTC));
        let account = Account::open(None, clock.clone()).unwrap();
        let root = iam(&account, key(ROOT_ACCESS_KEY, ROOT_SECRET, None));
        let mut world = Self { account, clock, caller: key("none", "none", None), root };
        world.caller = world.user("caller", &["sts:AssumeRole", "sts:TagSession"]).await;
        world
    }

    /// A user that may do these actions.
    async fn user(&self, name: &str, actions: &[&str]) -> Credentials {
        self.root.create_user().user_name(name).send().await.unwrap();
        if !actions.is_empty() {
            let text = policy(json!({"Effect": "Allow", "Action": actions, "Resource": "*"}));
            self.root.put_user_policy().user_name(name).policy_name("p").policy_document(text).send().await.unwrap();
        }
        let made = self.root.create_access_key().user_name(name).send().await.unwrap().access_key.unwrap();
        key(made.access_key_id(), made.secret_access_key(), None)
    }

    async fn role(&self, name: &str, trust: &str) {
        self.root.create_role().role_name(name).assume_role_policy_document(trust).send().await.unwrap();
    }

    async fn may(&self, role: &str, action: &str) {
        let put = self.root.put_role_policy().role_name(role).policy_name(action.replace([':', '*'], "-"));
        put.policy_document(allow(action)).send().await.unwrap();
    }

    fn assume(&self, role: &str) -> AssumeRoleFluentBuilder {
        self.assume_as(self.caller.clone(), role)
    }

    fn assume_as(&self, who: Credentials, role: &str) -> AssumeRoleFluentBuilder {
        sts(&self.account, who).assume_role().role_arn(arn(role)).role_session_name("s1")
    }

    async fn session(&self, call: AssumeRoleFluentBuilder) -> Credentials {
        let given = call.send().await.unwrap().credentials.unwrap();
        key(given.access_key_id(), given.secret_access_key(), Some(given.session_token()))
    }
}

#[tokio::test]
async fn a_session_does_what_its_role_may_until_it_expires() {
    let world = World::new().await;
    world.role("reader", &trust(json!({}))).await;
    world.may("reader", "iam:ListUsers").await;
    let answer = world.assume("reader").duration_seconds(900).send().await.unwrap();
    let user = answer.assumed_role_user().unwrap();
    assert_eq!(user.arn(), format!("arn:aws:sts::{ACCOUNT_ID}:assumed-role/reader/s1"));
    assert!(user.assumed_role_id().starts_with("AROA") && user.assumed_role_id().ends_with(":s1"), "{user:?}");
    let given = answer.credentials().unwrap();
    assert!(given.access_key_id().starts_with("ASIA"));
    assert_eq!(given.expiration().secs(), world.clock.now().unix_timestamp() + 900);

    let session = key(given.access_key_id(), given.secret_access_key(), Some(given.session_token()));
    let client = iam(&world.account, session.clone());
    assert_eq!(code(client.list_users().send().await), "ok");
    assert_eq!(code(client.list_groups().send().await), "AccessDenied");
    assert_eq!(code(client.get_user().send().await), "AccessDenied");
    let who = sts(&world.account, session).get_caller_identity().send().await.unwrap();
    assert_eq!(who.arn(), Some(user.arn()));

    for token in [None, Some("another")] {
        let client = iam(&world.account, key(given.access_key_id(), given.secret_access_key(), token));
        assert_eq!(code(client.list_users().send().await), "InvalidClientTokenId");
    }
    world.clock.advance(Duration::from_secs(900));
    assert_eq!(code(client.list_users().send().await), "ExpiredToken");
}

#[tokio::test]
async fn a_session_is_within_its_boundary_and_its_session_policies() {
    let world = World::new().await;
    world.role("wide", &trust(json!({}))).await;
    world.may("wide", "iam:*").await;
    let made = world.root.create_policy().policy_name("lists").policy_document(allow("iam:List*"));
    let lists = made.send().await.unwrap().policy.unwrap().arn.unwrap();
    let arn_of_lists = PolicyDescriptorType::builder().arn(&lists).build();
    let tried = async |call: AssumeRoleFluentBuilder| {
        let client = iam(&world.account, world.session(call).await);
        let lists = [code(client.list_users().send().await), code(client.list_groups().send().await)];
        (lists, code(client.get_account_summary().send().await))
    };
    let (ok, no) = (|| "ok".to_owned(), || "AccessDenied".to_owned());
    assert_eq!(tried(world.assume("wide")).await, ([ok(), ok()], ok()));
    assert_eq!(tried(world.assume("wide").policy(allow("iam:ListUsers"))).await, ([ok(), no()], no()));
    assert_eq!(tried(world.assume("wide").policy_arns(arn_of_lists.clone())).await, ([ok(), ok()], no()));
    let both = world.assume("wide").policy_arns(arn_of_lists).policy(allow("iam:GetAccountSummary"));
    assert_eq!(tried(both).await, ([ok(), ok()], ok()));
    let bound = world.root.put_role_permissions_boundary().role_name("wide").permissions_boundary(&lists);
    bound.send().await.unwrap();
    assert_eq!(tried(world.assume("wide")).await, ([ok(), ok()], no()));
    assert_eq!(code(world.root.delete_policy().policy_arn(&lists).send().await), "DeleteConflict");
}

#[tokio::test]
async fn the_trust_policy_says_who_may_assume_a_role() {
    let world = World::new().await;
    let (named, powerless) = (world.user("named", &[]).await, world.user("powerless", &[]).await);
    let by_name = json!({"Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT_ID}:user/named")}});
    world.role("by-name", &trust(by_name.clone())).await;
    world.role("by-account", &trust(json!({}))).await;
    world.role("for-services", &trust(json!({"Principal": {"Service": "ec2.amazonaws.com"}}))).await;
    let external = json!({"Condition": {"StringEquals": {"sts:ExternalId": "e-1"}}});
    world.role("external", &trust(external)).await;
    let tagged = json!({
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {"StringEquals": {"aws:RequestTag/team": "web"}},
    });
    world.role("tagged", &trust(tagged)).await;
    let denied = policy(json!([
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT_ID}},
        {"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT_ID}},
    ]));
    world.role("denied", &denied).await;
    let tag = |value: &str| Tag::builder().key("team").value(value).build().unwrap();

    let (yes, no) = ("ok", "AccessDenied");
    for (who, call, expected) in [
        ("caller by account", world.assume("by-account"), yes),
        ("nobody by account", world.assume_as(powerless.clone(), "by-account"), no),
        ("caller by another's name", world.assume("by-name"), no),
        ("named", world.assume_as(named.clone(), "by-name"), yes),
        ("of services", world.assume("for-services"), no),
        ("without an external id", world.assume("external"), no),
        ("another external id", world.assume("external").external_id("e-2"), no),
        ("the external id", world.assume("external").external_id("e-1"), yes),
        ("without tags", world.assume("tagged"), no),
        ("another tag", world.assume("tagged").tags(tag("db")), no),
        ("the tag", world.assume("tagged").tags(tag("web")), yes),
        ("a tag that is not trusted", world.assume("by-account").tags(tag("web")), no),
        ("denied", world.assume("denied"), no),
        ("no such role", world.assume("nothing"), no),
        ("the account itself", world.assume_as(key(ROOT_ACCESS_KEY, ROOT_SECRET, None), "by-account"), no),
    ] {
        assert_eq!(code(call.send().await), expected, "{who}");
    }
    let text = told(world.assume("external")).await;
    let caller = format!("arn:aws:iam::{ACCOUNT_ID}:user/caller");
    assert_eq!(
        text,
        format!(
            "AccessDenied: User: {caller} is not authorized to perform: sts:AssumeRole on resource: {}",
            arn("external")
        )
    );

    // A user of the same name is another one.
    let keys = world.root.list_access_keys().user_name("named").send().await.unwrap();
    let id = keys.access_key_metadata()[0].access_key_id().unwrap();
    world.root.delete_access_key().user_name("named").access_key_id(id).send().await.unwrap();
    world.root.delete_user().user_name("named").send().await.unwrap();
    let again = world.user("named", &[]).await;
    assert_eq!(code(world.assume_as(again.clone(), "by-name").send().await), no);
    let update = world.root.update_assume_role_policy().role_name("by-name").policy_document(trust(by_name));
    update.send().await.unwrap();
    assert_eq!(code(world.assume_as(again, "by-name").send().await), yes);
}

#[tokio::test]
async fn a_session_is_tagged_and_asks_as_its_role() {
    let world = World::new().await;
    world.role("first", &trust(json!({"Action": ["sts:AssumeRole", "sts:TagSession"]}))).await;
    world.may("first", "sts:AssumeRole").await;
    world.role("second", &trust(json!({"Principal": {"AWS": arn("first")}}))).await;
    let tagged = policy(json!({
        "Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalTag/team": "web"}},
    }));
    world.root.put_role_policy().role_name("first").policy_name("t").policy_document(tagged).send().await.unwrap();
    let tag = |value: &str| Tag::builder().key("team").value(value).build().unwrap();
    for (value, expected) in [("web", "ok"), ("db", "AccessDenied")] {
        let session = world.session(world.assume("first").tags(tag(value))).await;
        assert_eq!(code(iam(&world.account, session).list_users().send().await), expected, "{value}");
    }
    let first = world.session(world.assume("first")).await;
    let chained = || world.assume_as(first.clone(), "second");
    assert_eq!(told(chained().duration_seconds(3600)).await, "ok");
    assert!(told(chained().duration_seconds(3601)).await.contains("role chaining"));
    world.root.update_role().role_name("second").max_session_duration(43_200).send().await.unwrap();
    assert!(told(chained().duration_seconds(7200)).await.contains("role chaining"));
}

#[tokio::test]
async fn calls_that_sts_refuses_are_refused() {
    let world = World::new().await;
    world.role("r", &trust(json!({"Action": ["sts:AssumeRole", "sts:TagSession"]}))).await;
    let long = policy(json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "x".repeat(2048)}));
    let tag = |n: usize| Tag::builder().key(format!("k{n}")).value("v".repeat(256)).build().unwrap();
    let arn = PolicyDescriptorType::builder().arn("arn:aws:iam::aws:policy/ReadOnlyAccess").build();
    for (call, part) in [
        (world.assume("r").duration_seconds(899), "greater than or equal to 900"),
        (world.assume("r").duration_seconds(3601), "exceeds the MaxSessionDuration set for this role"),
        (world.assume("r").duration_seconds(43_201), "less than or equal to 43200"),
        (world.assume("r").role_session_name("a"), "length greater than or equal to 2"),
        (world.assume("r").role_session_name("x".repeat(65)), "length less than or equal to 64"),
        (world.assume("r").role_session_name("a b"), "pattern: [\\w+=,.@-]*"),
        (world.assume("r").external_id("x"), "'externalId'"),
        (world.assume("r").policy(long), "less than or equal to 2048"),
        (world.assume("r").policy("{}"), "MalformedPolicyDocument"),
        (world.assume("r").set_policy_arns(Some(vec![arn; 11])), "less than or equal to 10"),
        (world.assume("r").set_tags(Some((0..20).map(tag).collect())), "PackedPolicyTooLarge"),
        (world.assume("r").set_tags(Some((0..51).map(tag).collect())), "50"),
    ] {
        let text = told(call).await;
        assert!(text.contains(part), "{text}, not {part}");
    }
    for (document, part) in [
        (trust(json!({"Resource": "*"})), "prohibited field Resource"),
        (trust(json!({"Action": "s3:GetObject"})), "STS AssumeRole actions"),
        (trust(json!({"Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT_ID}:user/nobody")}})), "Invalid principal"),
        (trust(json!({"Principal": {"AWS": "x"}})), "Invalid principal"),
        (allow("sts:AssumeRole"), "prohibited field Resource"),
    ] {
        let refused = world.root.create_role().role_name("n").assume_role_policy_document(&document).send().await;
        let text = refused.err().and_then(|error| error.message().map(str::to_owned)).unwrap_or_default();
        assert!(text.contains(part), "{document}: {text}");
    }
}

#[tokio::test]
async fn roles_and_sessions_outlive_the_process() {
    let home = tempfile::tempdir().unwrap();
    let clock = Clock::manual(datetime!(2026-01-01 00:00 UTC));
    let world = World::new().await;
    let kept = Account::open(Some(home.path()), clock.clone()).unwrap();
    let root = iam(&kept, key(ROOT_ACCESS_KEY, ROOT_SECRET, None));
    let world = World { account: kept, root, clock: clock.clone(), caller: world.caller };
    let caller = world.user("caller", &["sts:AssumeRole"]).await;
    world.role("r", &trust(json!({}))).await;
    world.may("r", "iam:ListRoles").await;
    let session = world.session(world.assume_as(caller, "r")).await;
    drop(world);
    let account = Account::open(Some(home.path()), clock).unwrap();
    let client = iam(&account, session);
    let roles = client.list_roles().send().await.unwrap();
    assert_eq!(roles.roles().iter().map(aws_sdk_iam::types::Role::role_name).collect::<Vec<_>>(), ["r"]);
    let root = iam(&account, key(ROOT_ACCESS_KEY, ROOT_SECRET, None));
    assert_eq!(code(root.delete_role().role_name("r").send().await), "DeleteConflict");
    let names = root.list_role_policies().role_name("r").send().await.unwrap();
    assert_eq!(names.policy_names(), ["iam-ListRoles"]);
    root.delete_role_policy().role_name("r").policy_name("iam-ListRoles").send().await.unwrap();
    root.delete_role().role_name("r").send().await.unwrap();
    assert_eq!(code(client.list_roles().send().await), "InvalidClientTokenId");
}
