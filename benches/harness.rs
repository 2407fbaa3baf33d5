//! An engine on disk with its trail, a null IAM behind it, and clients in front.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use leasehold::api::{Client, Options, Target};
use leasehold::clock::Clock;
use leasehold::engine::{AwsTransport, Config, Engine, Limits, Storage};
use serde_json::{Map, Value, json};

use super::null_iam::NullIam;

/// An engine with a role `app` of one inline policy at `aws/`.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) client: Client,
    pub(crate) iam: Arc<NullIam>,
    pub(crate) clock: Clock,
    _home: tempfile::TempDir,
}

pub(crate) fn body(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

impl World {
    pub(crate) async fn new(clock: Clock, latency: Duration, lease: &str) -> Self {
        let iam = NullIam::new(clock.clone(), latency);
        let aws = iam.client();
        Self::before(iam, aws, clock, lease).await
    }

    /// The same before another AWS, which is asked instead of the null one.
    pub(crate) async fn before(iam: Arc<NullIam>, aws: SharedHttpClient, clock: Clock, lease: &str) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let engine = Engine::open(Config {
            trail: Some(home.path().join("trail.log")),
            aws: AwsTransport::InProcess(aws),
            limits: Limits { request_time_max: Duration::from_secs(600), ..Limits::default() },
            ..Config::new(Storage::Disk { directory: home.path().join("data") }, clock.clone())
        })
        .await
        .expect("the engine opens");
        let token = engine.root_token().expect("made at the first start");
        let stream = {
            let engine = engine.clone();
            Target::Stream(Arc::new(move || {
                let (ours, theirs) = tokio::io::duplex(64 * 1024);
                let engine = engine.clone();
                tokio::spawn(async move { engine.serve_stream(theirs, None).await });
                ours
            }))
        };
        let client = Client::new(stream, Options::new(Some(token))).expect("a client");
        let world = Self { engine, client, iam, clock, _home: home };
        world.write("sys/mounts/aws", json!({ "type": "aws" })).await;
        let keys = json!({ "access_key": "AKIAEXAMPLE", "secret_key": "x", "region": "us-east-1" });
        world.write("aws/config/root", keys).await;
        world.write("aws/config/lease", json!({ "lease": lease, "lease_max": "768h" })).await;
        let document = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::bench/*" }] });
        let role = json!({ "credential_type": "iam_user", "policy_document": document.to_string() });
        world.write("aws/roles/app", role).await;
        world
    }

    pub(crate) async fn write(&self, path: &str, value: Value) {
        self.client.write(path, &body(value)).await.expect("it is taken");
    }

    /// So many credentials, from so many clients; their lease ids.
    pub(crate) async fn issue(&self, count: usize, clients: usize) -> Vec<String> {
        let left = Arc::new(AtomicUsize::new(count));
        let tasks: Vec<_> = (0..clients)
            .map(|_| {
                let (client, left) = (self.client.clone(), left.clone());
                tokio::spawn(async move {
                    let mut leases = Vec::new();
                    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                        let answer = client.read("aws/creds/app").await.expect("a credential").expect("an answer");
                        leases.push(answer.body["lease_id"].as_str().expect("a lease").to_owned());
                    }
                    leases
                })
            })
            .collect();
        let mut leases = Vec::new();
        for task in tasks {
            leases.extend(task.await.expect("the client ran"));
        }
        leases
    }
}

/// What a number of operations took.
pub(crate) struct Took {
    latencies: Vec<Duration>,
    elapsed: Duration,
    cpu: f64,
}

impl Took {
    pub(crate) fn new(mut latencies: Vec<Duration>, elapsed: Duration, cpu: f64) -> Self {
        latencies.sort_unstable();
        Self { latencies, elapsed, cpu }
    }

    pub(crate) fn line(&self, what: &str) -> String {
        let count = self.latencies.len();
        let at = |share: f64| self.latencies[((count - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        format!(
            "{what}: {:>6.0} per second   p50 {:>6.1} ms   p99 {:>6.1} ms   CPU {:.2} ms each   ({count})",
            count as f64 / self.elapsed.as_secs_f64(),
            at(0.5),
            at(0.99),
            self.cpu * 1e3 / count as f64,
        )
    }
}

/// The process's CPU seconds so far, of client, engine and IAM together (proc(5), fields 14 and 15 of `stat`, which
/// count hundredths).
pub(crate) fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let after_name = stat.rsplit_once(')').expect("a name").1;
    let fields: Vec<f64> = after_name.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect();
    (fields[11] + fields[12]) / 100.0
}

/// Runs one operation after the other in each of so many tasks, until the time is up or `work` has nothing left.
pub(crate) async fn measure<F, O>(clients: usize, limit: Duration, work: F) -> Took
where
    F: Fn() -> Option<O> + Clone + Send + 'static,
    O: Future<Output = ()> + Send,
{
    let (cpu, began) = (cpu_seconds(), Instant::now());
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let work = work.clone();
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                while began.elapsed() < limit {
                    let Some(operation) = work() else { break };
                    let begun = Instant::now();
                    operation.await;
                    latencies.push(begun.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.expect("the client ran"));
    }
    Took::new(latencies, began.elapsed(), cpu_seconds() - cpu)
}

pub(crate) fn report(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
