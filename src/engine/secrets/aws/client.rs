//! One IAM client per mount, made from `config/root` and kept until that changes, and which AWS account it
//! leads to.
//!
//! Two faces of one connection: calls that may be repeated are, by the SDK, within `max_retries`; the
//! two that make something new (CreateUser, CreateAccessKey) are sent once, for the SDK's repetition
//! would hide that a first attempt may have taken effect.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use aws_sdk_iam::config::interceptors::InterceptorContext;
use aws_sdk_iam::config::retry::{ClassifyRetry, RetryAction, RetryConfig, RetryPartition};
use aws_sdk_iam::config::timeout::TimeoutConfig;
use aws_sdk_iam::config::{AppName, BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_iam::types::User;
use aws_smithy_async::time::TimeSource;

use super::config::{self, LeaseConfig, Root};
use super::failure::Failure;
use super::template::Template;
use crate::clock::Clock;
use crate::engine::AwsTransport;
use crate::engine::core::Core;
use crate::engine::error::Error;
use crate::engine::router::Mount;
use crate::secret::Secret;

/// The longest that one call may take with all its attempts.
pub(super) const CALL_SECONDS_MAX: u64 = 30;

const ATTEMPT_SECONDS_MAX: u64 = 10;

/// The region when neither the configuration nor the environment names one.
const DEFAULT_REGION: &str = "us-east-1";

/// The clients of all mounts.
pub(crate) struct Clients {
    cache: Mutex<Cache>,
    /// The access key id and secret of mounts that set none.
    default_key: Option<(String, Secret)>,
    /// Serialises writes that depend on what they read: merging the root configuration, rotating its key.
    pub(super) writes: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Cache {
    mounts: HashMap<String, Arc<Account>>,
    /// Counts configuration changes, so that a client of the old one is not kept.
    changes: u64,
}

/// What issuing and revoking need to know of a mount.
pub(super) struct Account {
    /// Repeats what failed for a passing reason.
    pub(super) iam: aws_sdk_iam::Client,
    /// Sends everything once.
    pub(super) once: aws_sdk_iam::Client,
    /// How often a call is tried.
    pub(super) attempts: u32,
    /// The first pause between attempts.
    pub(super) pause: Duration,
    /// The username template, or what is wrong with it.
    pub(super) template: Result<Template, String>,
    /// `config/lease`.
    pub(super) lease: LeaseConfig,
    /// The access key id and the endpoint; none where the machine gives the key, which may change by itself.
    pub(super) signer: Option<String>,
    /// The number of the account, once AWS has told it.
    number: OnceLock<String>,
    /// Asks whose key it is, where no IAM call tells; none where only IAM has an address.
    sts: Option<aws_sdk_sts::Client>,
}

impl Account {
    /// The number of the AWS account, if AWS has told it.
    pub(super) fn known_number(&self) -> Option<&str> {
        self.number.get().map(String::as_str)
    }

    /// Takes the account's number from the ARN of one of its users: `arn:aws:iam::123456789012:user/x` (IAM user
    /// guide, "IAM identifiers").
    pub(super) fn learn(&self, arn: &str) {
        let number = arn.split(':').nth(4).filter(|number| !number.is_empty());
        if let Some(number) = number {
            // Whoever learned it first heard the same.
            let _ = self.number.set(number.to_owned());
        }
    }

    /// The number of the AWS account, which AWS is asked for once: by GetUser, which roles can't ask of themselves,
    /// else by GetCallerIdentity, which needs no permission.
    ///
    /// # Errors
    /// What AWS said to the one that was asked last.
    pub(super) async fn number(&self) -> Result<&str, Failure> {
        if self.known_number().is_none() {
            let answered = self.iam.get_user().send().await.map_err(Failure::from);
            match (answered, &self.sts) {
                (Ok(answer), _) => self.learn(answer.user().map(User::arn).unwrap_or_default()),
                (Err(_), Some(sts)) => {
                    let answer = sts.get_caller_identity().send().await.map_err(Failure::from)?;
                    self.learn(answer.arn().unwrap_or_default());
                }
                (Err(failure), None) => return Err(failure),
            }
        }
        self.known_number().ok_or_else(|| Failure::unknown("AWS did not tell the account's number".to_owned()))
    }
}

impl Clients {
    /// No clients yet.
    pub(crate) fn new(default_key: Option<(String, Secret)>) -> Self {
        Self { cache: Mutex::default(), default_key, writes: tokio::sync::Mutex::default() }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Cache) -> T) -> T {
        // Each use is a few map operations that cannot panic half way.
        f(&mut self.cache.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Drops what is kept for a mount: its configuration has changed.
    pub(crate) fn forget(&self, mount_uuid: &str) {
        self.with(|cache| {
            cache.changes += 1;
            cache.mounts.remove(mount_uuid);
        });
    }

    /// The client and settings of a mount.
    pub(super) async fn account(&self, core: &Core, mount: &Mount) -> Result<Arc<Account>, Error> {
        let (found, changes) = self.with(|cache| (cache.mounts.get(&mount.uuid).cloned(), cache.changes));
        if let Some(account) = found {
            return Ok(account);
        }
        let account = Arc::new(build(core, mount).await?);
        self.with(|cache| {
            if cache.changes == changes {
                cache.mounts.insert(mount.uuid.clone(), account.clone());
            }
        });
        Ok(account)
    }
}

async fn build(core: &Core, mount: &Mount) -> Result<Account, Error> {
    let root = config::root(core, mount)?.unwrap_or_default();
    let attempts = match u32::try_from(root.max_retries) {
        Ok(retries) => retries.saturating_add(1).min(10),
        // Negative: the SDK's default.
        Err(_) => 3,
    };
    let pause = match core.aws {
        AwsTransport::Network => Duration::from_millis(200),
        AwsTransport::InProcess(_) => Duration::from_millis(2),
    };
    let key = credentials(core, &root).await;
    let base = builder(core, mount, &root)?.credentials_provider(key.clone());
    let repeating = RetryConfig::standard().with_max_attempts(attempts).with_initial_backoff(pause);
    let iam = aws_sdk_iam::Client::from_conf(base.clone().retry_config(repeating).build());
    let once = aws_sdk_iam::Client::from_conf(base.retry_config(RetryConfig::disabled()).build());
    Ok(Account {
        iam,
        once,
        attempts,
        pause,
        template: Template::compile(&root.username_template),
        lease: config::lease(core, mount)?,
        signer: signer(core, &root),
        number: OnceLock::new(),
        sts: sts(core, &root, key),
    })
}

/// The access key id of a mount's configuration, and where it is used.
fn signer(core: &Core, root: &Root) -> Option<String> {
    let key = static_key(core, root).map(|(id, _)| id)?;
    Some(match root.iam_endpoint.as_str() {
        "" => key.to_owned(),
        endpoint => format!("{key} at {endpoint}"),
    })
}

/// A client of STS, unless only IAM was given another address than Amazon's.
fn sts(core: &Core, root: &Root, key: SharedCredentialsProvider) -> Option<aws_sdk_sts::Client> {
    if root.sts_endpoint.is_empty() && !root.iam_endpoint.is_empty() {
        return None;
    }
    let region = if root.sts_region.is_empty() { region(root) } else { root.sts_region.clone() };
    let mut builder = aws_sdk_sts::Config::builder()
        .behavior_version(aws_sdk_sts::config::BehaviorVersion::v2026_01_12())
        .region(Region::new(region))
        .credentials_provider(key)
        .timeout_config(timeouts())
        .retry_config(RetryConfig::disabled())
        .time_source(EngineTime(core.clock.clone()));
    if !root.sts_endpoint.is_empty() {
        config::check_endpoint(&root.sts_endpoint).ok()?;
        builder = builder.endpoint_url(&root.sts_endpoint);
    }
    if let AwsTransport::InProcess(http) = &core.aws {
        builder = builder.http_client(http.clone());
    }
    Some(aws_sdk_sts::Client::from_conf(builder.build()))
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(3100))
        .operation_attempt_timeout(Duration::from_secs(ATTEMPT_SECONDS_MAX))
        .operation_timeout(Duration::from_secs(CALL_SECONDS_MAX))
        .build()
}

/// The access key of a mount's configuration, else the engine's own; none where the machine gives one.
fn static_key<'a>(core: &'a Core, root: &'a Root) -> Option<(&'a str, &'a Secret)> {
    if !root.access_key.is_empty() && !root.secret_key.is_empty() {
        return Some((&root.access_key, &root.secret_key));
    }
    core.aws_clients.default_key.as_ref().map(|(id, secret)| (id.as_str(), secret))
}

fn builder(core: &Core, mount: &Mount, root: &Root) -> Result<aws_sdk_iam::config::Builder, Error> {
    let mut builder = aws_sdk_iam::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(region(root)))
        .timeout_config(timeouts())
        .retry_classifier(Passing)
        // A throttled account must not use up the retries of another mount's.
        .retry_partition(RetryPartition::new(format!("leasehold-{}", mount.uuid)))
        .time_source(EngineTime(core.clock.clone()))
        .app_name(AppName::new("leasehold").map_err(|error| Error::Internal(error.to_string()))?);
    if !root.iam_endpoint.is_empty() {
        // Checked again: the store may come from elsewhere.
        config::check_endpoint(&root.iam_endpoint)
            .map_err(|why| Error::Server(format!("iam_endpoint {:?} is refused: {why}", root.iam_endpoint)))?;
        builder = builder.endpoint_url(&root.iam_endpoint);
    }
    if let AwsTransport::InProcess(http) = &core.aws {
        builder = builder.http_client(http.clone());
    }
    Ok(builder)
}

async fn credentials(core: &Core, root: &Root) -> SharedCredentialsProvider {
    match static_key(core, root) {
        Some((id, secret)) => SharedCredentialsProvider::new(static_credentials(id, secret)),
        None => {
            let chain = aws_config::default_provider::credentials::DefaultCredentialsChain::builder();
            SharedCredentialsProvider::new(chain.region(Region::new(region(root))).build().await)
        }
    }
}

fn static_credentials(access_key: &str, secret_key: &Secret) -> Credentials {
    Credentials::new(access_key, secret_key.expose(), None, None, "engine-root")
}

fn region(root: &Root) -> String {
    let from_environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match root.region.as_str() {
        "" => from_environment("AWS_REGION")
            .or_else(|| from_environment("AWS_DEFAULT_REGION"))
            .unwrap_or_else(|| DEFAULT_REGION.to_owned()),
        region => region.to_owned(),
    }
}

/// Signs with the engine's time.
#[derive(Debug)]
struct EngineTime(Clock);

impl TimeSource for EngineTime {
    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}

/// Repeats what the SDK does not: an entity that another call is changing, and 429 without a code.
#[derive(Debug)]
struct Passing;

impl ClassifyRetry for Passing {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        const BUSY: [&[u8]; 2] = [b"<Code>ConcurrentModification", b"<Code>EntityTemporarilyUnmodifiable"];
        let Some(response) = context.response() else { return RetryAction::NoActionIndicated };
        match response.status().as_u16() {
            429 => RetryAction::throttling_error(),
            409 => {
                let body = response.body().bytes().unwrap_or_default();
                let is_busy = BUSY.iter().any(|code| body.windows(code.len()).any(|window| window == *code));
                if is_busy { RetryAction::transient_error() } else { RetryAction::NoActionIndicated }
            }
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "passing conflicts"
    }
}
