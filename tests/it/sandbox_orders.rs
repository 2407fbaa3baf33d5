//! Faults ordered over HTTP, as docs/sandbox.md tells: each order does what it says, and one that would do nothing is refused.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_iam::config::retry::RetryConfig;
use aws_sdk_iam::config::{BehaviorVersion, Region};
use aws_sdk_iam::error::ProvideErrorMetadata;
use aws_sdk_iam::{Client, Config};
use leasehold::clock::Clock;
use leasehold::sandbox::{self, Account, Control, ROOT_ACCESS_KEY, ROOT_SECRET, SECOND_ROOT_ACCESS_KEY};
use time::macros::datetime;

/// A served account, with a clock that stands still.
struct Served {
    account: Arc<Account>,
    clock: Clock,
    address: SocketAddr,
    iam: Client,
    another: Client,
}

impl Served {
    async fn new() -> Self {
        let clock = Clock::manual(datetime!(2026-01-01 00:00 UTC));
        let account = Account::open(None, clock.clone()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = sandbox::serve(Arc::clone(&account), listener, Control::Enabled, std::future::pending());
        drop(tokio::spawn(served));
        let client = |key: &str| {
            let config = Config::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::new("us-east-1"))
                .credentials_provider(Credentials::new(key, ROOT_SECRET, None, None, "test"))
                .endpoint_url(format!("http://{address}"))
                .retry_config(RetryConfig::disabled());
            Client::from_conf(config.build())
        };
        let (iam, another) = (client(ROOT_ACCESS_KEY), client(SECOND_ROOT_ACCESS_KEY));
        Self { account, clock, address, iam, another }
    }

    /// The status and the body of the answer to an order.
    async fn order(&self, method: &'static str, body: &str) -> (u16, String) {
        let (address, body) = (self.address, body.to_owned());
        let asked = tokio::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            let length = body.len();
            write!(
                stream,
                "{method} /_sandbox/faults HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            )
            .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        let answer = asked.await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

/// The error code of a call, `ok`, `lost` when it got no answer, or `waits` when it gets none yet.
async fn code<T, E, R>(call: impl Future<Output = Result<T, aws_sdk_iam::error::SdkError<E, R>>>) -> String
where
    E: ProvideErrorMetadata,
{
    match tokio::time::timeout(Duration::from_millis(300), call).await {
        Err(_) => "waits".to_owned(),
        Ok(Ok(_)) => "ok".to_owned(),
        Ok(Err(error)) => error.code().unwrap_or("lost").to_owned(),
    }
}

/// An effect, its further keys, what CreateUser answers, and whether there is a user then, and 5 seconds later.
const EFFECTS: [(&str, &str, &str, bool, bool); 10] = [
    ("throttle", "", "Throttling", false, false),
    ("deny", "", "AccessDenied", false, false),
    ("not-found", "", "NoSuchEntity", false, false),
    ("fail-before", "", "ServiceFailure", false, false),
    ("fail-after", "", "ServiceFailure", true, true),
    ("drop-before", "", "lost", false, false),
    ("drop-after", "", "lost", true, true),
    ("hang", "", "waits", false, false),
    ("delay", r#", "delay_millis": 5000"#, "waits", true, true),
    ("late", r#", "delay_millis": 5000"#, "lost", false, true),
];

/// The limits, in the order of [`limits_hold`].
const LIMITS: [&str; 5] = [
    r#"{"hidden_millis": 5000}"#,
    r#"{"visible_after_millis": 5000}"#,
    r#"{"page_max": 1}"#,
    r#"{"second_account": true}"#,
    r#"{"calls_per_second": 5}"#,
];

#[tokio::test]
async fn an_effect_that_is_ordered_happens() {
    for (effect, more, answered, at_once, later) in EFFECTS {
        let served = Served::new().await;
        let order = format!(r#"{{"action": "CreateUser", "effect": "{effect}"{more}, "after": 1, "times": 1}}"#);
        assert_eq!(served.order("POST", &order).await, (200, "{}".to_owned()), "{order}");
        assert_eq!(code(served.iam.create_user().user_name("before").send()).await, "ok", "{order}");
        assert_eq!(code(served.iam.create_user().user_name("u").send()).await, answered, "{order}");
        let is_there = || served.account.user_names("/").contains(&"u".to_owned());
        assert_eq!(is_there(), at_once, "{order}");
        served.clock.advance(Duration::from_secs(5));
        assert_eq!(is_there(), later, "{order}");
        assert_eq!(code(served.iam.create_user().user_name("after").send()).await, "ok", "{order}");
    }
}

#[tokio::test]
async fn limits_hold() {
    let served = Served::new().await;
    let iam = &served.iam;
    let [hidden, unseen, pages, second, calls] = LIMITS;
    for (order, change) in [(hidden, "NoSuchEntity"), (unseen, "ok")] {
        assert_eq!(served.order("POST", order).await.0, 200, "{order}");
        iam.create_user().user_name("u").send().await.unwrap();
        let tagged = || iam.put_user_permissions_boundary().user_name("u").permissions_boundary(MANAGED).send();
        assert_eq!(code(tagged()).await, change, "{order}");
        assert_eq!(code(iam.get_user().user_name("u").send()).await, "NoSuchEntity", "{order}");
        served.clock.advance(Duration::from_secs(5));
        assert_eq!(code(tagged()).await, "ok", "{order}");
        assert_eq!(code(iam.get_user().user_name("u").send()).await, "ok", "{order}");
        served.order("DELETE", "").await;
        iam.delete_user().user_name("u").send().await.unwrap();
    }
    for name in ["a", "b"] {
        iam.create_user().user_name(name).send().await.unwrap();
    }
    served.order("POST", pages).await;
    let page = iam.list_users().send().await.unwrap();
    assert_eq!((page.users().len(), page.is_truncated()), (1, true));
    assert_eq!(code(served.another.list_users().send()).await, "InvalidClientTokenId");
    served.order("POST", second).await;
    assert_eq!(served.another.list_users().send().await.unwrap().users().len(), 0);
    served.clock.advance(Duration::from_secs(1));
    served.order("POST", calls).await;
    for n in 0..6 {
        let expected = if n < 5 { "ok" } else { "Throttling" };
        assert_eq!(code(iam.get_user().user_name("a").send()).await, expected, "call {n}");
    }
    served.order("DELETE", "").await;
    assert_eq!(iam.list_users().send().await.unwrap().users().len(), 2);
}

const MANAGED: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

#[test]
fn every_order_of_the_page_is_tried_here() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sandbox.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("| order | what happens |\n").unwrap();
    let orders = table.split("\n\n").next().unwrap().lines().skip(1).map(|row| row.split('|').nth(1).unwrap());
    let words = orders.flat_map(|order| order.split('"').skip(1).step_by(2)).filter(|word| *word != "effect");
    let tried = |word: &str| {
        word == "delay_millis" || EFFECTS.iter().any(|row| row.0 == word) || LIMITS.iter().any(|row| row.contains(word))
    };
    let told: Vec<&str> = words.collect();
    assert!(told.iter().all(|word| tried(word)), "{told:?}");
    for effect in EFFECTS {
        assert!(told.contains(&effect.0), "docs/sandbox.md does not tell of {}", effect.0);
    }
}

#[tokio::test]
async fn an_order_that_would_do_nothing_is_refused_whole() {
    let served = Served::new().await;
    for (order, said) in [
        ("{}", "nothing is ordered"),
        (r#"{"second_account": false}"#, "nothing is ordered"),
        (r#"{"action": "CreateUsers", "effect": "throttle"}"#, "no action \"CreateUsers\""),
        (r#"{"action": "createuser", "effect": "throttle"}"#, "no action \"createuser\""),
        (r#"{"action": "CreateUser", "effect": "explode"}"#, "unknown effect \"explode\""),
        (r#"{"action": "CreateUser", "effect": "late"}"#, "\"late\" needs delay_millis"),
        (r#"{"action": "CreateUser", "effect": "delay"}"#, "\"delay\" needs delay_millis"),
        (r#"{"action": "CreateUser", "effect": "throttle", "delay_millis": 5}"#, "means nothing to \"throttle\""),
        (r#"{"action": "CreateUser", "effect": "throttle", "times": 0}"#, "times is at least 1"),
        (r#"{"action": "CreateUser"}"#, "both an action and an effect"),
        (r#"{"effect": "throttle"}"#, "both an action and an effect"),
        (r#"{"page_max": 1, "times": 2}"#, "both an action and an effect"),
        (r#"{"page_max": 1, "action": "CreateUser", "effect": "explode"}"#, "unknown effect"),
        (r#"{"page_max": 0}"#, "page_max is at least 1"),
        (r#"{"page_maximum": 1}"#, "unknown field `page_maximum`"),
        ("", "EOF"),
    ] {
        let (status, body) = served.order("POST", order).await;
        let error =
            serde_json::from_str::<serde_json::Value>(&body).unwrap()["error"].to_string().replace("\\\"", "\"");
        assert!(status == 400 && error.contains(said), "{order}: {status} {body}");
    }
    for name in ["a", "b"] {
        served.iam.create_user().user_name(name).send().await.unwrap();
    }
    assert_eq!(served.iam.list_users().send().await.unwrap().users().len(), 2, "nothing of them was carried out");
}
