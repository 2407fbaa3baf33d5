//! `leasehold trail` and `leasehold sandbox` as commands.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use leasehold::clock::Clock;
use leasehold::secret::Secret;
use leasehold::trail::{Credential, DeviceOptions, Event, LineType, Record, Trail};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::env::TestEnv;

const START: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

fn credential(app: Option<&str>, role: &str, commit: Option<&str>) -> Credential {
    Credential {
        app: app.map(str::to_owned),
        role: role.to_owned(),
        lease_id: format!("aws/creds/{role}/1"),
        access_key_id: Some(format!("AKIA{}", role.to_uppercase())),
        iam_user: format!("vault-{role}"),
        session: None,
        ttl: 3600,
        expire_time: "2126-01-01T00:00:00Z".to_owned(),
        commit: commit.map(str::to_owned),
        source: None,
        review: None,
        plan: None,
    }
}

/// A trail with two credentials, one of them revoked.
async fn write_trail(path: &Path) {
    let trail = Trail::new(Clock::manual(START));
    trail.open_device("trail/", DeviceOptions::new(path.to_owned(), Secret::new("salt"))).unwrap();
    let issue = |hours: i64, credential: Credential| Record {
        credential: Some(credential),
        ..Record::new(START + time::Duration::hours(hours), LineType::Response)
    };
    let webapp = credential(Some("webapp"), "webapp", Some("4f2a9c11d0e84b7c"));
    let backup = credential(None, "backup", None);
    let event = Event { name: "lease-revoked".to_owned(), reason: "by-request".to_owned(), detail: None };
    for record in [
        Record::new(START, LineType::Request),
        issue(0, webapp.clone()),
        issue(1, backup),
        Record::system(START + time::Duration::hours(2), event, Some(webapp)),
    ] {
        trail.append(&record).durable().await.unwrap();
    }
    trail.close();
}

#[tokio::test]
async fn the_trail_command_prints_what_was_issued() {
    let env = TestEnv::new();
    write_trail(&env.dir().join("data/trail.log")).await;
    insta::assert_snapshot!(env.ok(&["trail", "--data-dir", "data"]), @"
    TIME                  APP     ROLE    ACCESS KEY  USER          LEASE    COMMIT
    2026-01-01T00:00:00Z  webapp  webapp  AKIAWEBAPP  vault-webapp  revoked  4f2a9c11d0e8
    2026-01-01T01:00:00Z  -       backup  AKIABACKUP  vault-backup  active   -
    ");
    let of_role = env.ok(&["trail", "--file", "data/trail.log", "--role", "backup", "--since", "2026-01-01", "--json"]);
    insta::assert_snapshot!(of_role, @r#"{"time":"2026-01-01T01:00:00Z","role":"backup","lease_id":"aws/creds/backup/1","access_key_id":"AKIABACKUP","iam_user":"vault-backup","ttl":3600,"expire_time":"2126-01-01T00:00:00Z","state":"active","changed":"2026-01-01T01:00:00Z"}"#);
    assert_eq!(env.ok(&["trail", "--data-dir", "data", "--app", "webapp", "--since", "2026-01-02"]).lines().count(), 1);
    assert_eq!(env.run(&["trail", "--file", "absent"]).code, 1);
}

#[tokio::test]
async fn verify_finds_an_edit_and_a_cut_end() {
    let env = TestEnv::new();
    let path = env.dir().join("trail.log");
    write_trail(&path).await;
    let report = env.ok(&["trail", "verify", "--file", "trail.log"]);
    assert!(report.starts_with("trail.log: 4 lines, unbroken\nhead 4:"), "{report}");
    let head = report.trim().rsplit(' ').next().unwrap();
    env.ok(&["trail", "verify", "--file", "trail.log", "--head", head]);

    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, whole.replacen("AKIAWEBAPP", "AKIAOTHERS", 1)).unwrap();
    let edited = env.run(&["trail", "verify", "--file", "trail.log"]);
    assert_eq!(edited.code, 1);
    assert!(edited.stderr.contains("line 2: the line was changed"), "{}", edited.stderr);

    let cut: Vec<&str> = whole.split_inclusive('\n').take(3).collect();
    std::fs::write(&path, cut.concat()).unwrap();
    env.ok(&["trail", "verify", "--file", "trail.log"]);
    let cut = env.run(&["trail", "verify", "--file", "trail.log", "--head", head]);
    assert!(cut.stderr.contains("the trail was cut or replaced"), "{}", cut.stderr);
}

/// A process that ends with the test.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_sandbox_command_serves_an_account_that_outlives_it() {
    use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region};
    use leasehold::sandbox::{ROOT_ACCESS_KEY, ROOT_SECRET};

    let env = TestEnv::new();
    for round in 1..=2 {
        let mut command = env.command(&["sandbox", "--listen", "127.0.0.1:0", "--data-dir", "account"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let _guard = Guard(child);
        let mut seen = Vec::new();
        let mut endpoint = None;
        for line in lines {
            endpoint = endpoint.or_else(|| line.strip_prefix("Endpoint").map(|rest| rest.trim().to_owned()));
            seen.push(line);
            if seen.last().is_some_and(|line| line.starts_with("State")) {
                break;
            }
        }
        assert!(seen[0].starts_with("Simulated AWS account"), "{seen:?}");
        let endpoint = endpoint.unwrap();
        let config = aws_sdk_iam::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new(ROOT_ACCESS_KEY, ROOT_SECRET, None, None, "test"))
            .endpoint_url(&endpoint)
            .build();
        let iam = aws_sdk_iam::Client::from_conf(config);
        iam.create_user().user_name(format!("u{round}")).send().await.unwrap();
        let users = iam.list_users().send().await.unwrap();
        let made = users.users().iter().filter(|user| user.user_name().starts_with('u'));
        assert_eq!(made.count(), round);
        let second = env.run(&["sandbox", "--listen", "127.0.0.1:0", "--data-dir", "account"]);
        assert_eq!(second.code, 1);
        assert!(second.stderr.contains(&format!("is in use by {endpoint}")), "{}", second.stderr);
    }
    let open = env.run(&["sandbox", "--listen", "0.0.0.0:0"]);
    assert!(open.stderr.contains("loopback only"), "{}", open.stderr);
}
