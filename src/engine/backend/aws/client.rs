//! One IAM client per mount, made from `config/root` and kept until that changes, and which AWS account it
//! leads to.
//!
//! The SDK sends everything once: its repetition would hide that a first attempt may have taken effect, and would
//! not wait for a turn. [`Account::call`] waits for one, and repeats what may be.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_sdk_iam::config::http::HttpResponse;
use aws_sdk_iam::config::retry::RetryConfig;
use aws_sdk_iam::config::{AppName, BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::types::User;

use super::Aws;
use super::config::{self, LeaseConfig, Root};
use super::failure::{Class, Failure};
use super::pace::Ended;
use super::pacer::{Pacer, Pacers, Turn};
use crate::clock::Clock;
use crate::engine::backend::amazon::{EngineTime, check_endpoint, timeouts};
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::Lane;
use crate::engine::lease::core::Core;
use crate::engine::setup::AwsTransport;
use crate::engine::wire::error::Error;
use crate::iam::arn::Arn;
use crate::secret::Secret;
use crate::username::{self, Template};

/// The region when neither the configuration nor the environment names one.
const DEFAULT_REGION: &str = "us-east-1";

/// The clients of all mounts.
pub(crate) struct Clients {
    cache: Mutex<Cache>,
    /// The access key id and secret of mounts that set none.
    default_key: Option<(String, Secret)>,
    /// How fast accounts are asked.
    pacers: Arc<Pacers>,
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
    /// Sends everything once.
    pub(super) iam: aws_sdk_iam::Client,
    /// How often a call is tried.
    pub(super) attempts: u32,
    /// For the pauses between attempts.
    clock: Clock,
    /// Who goes next.
    pacer: Mutex<Arc<Pacer>>,
    pacers: Arc<Pacers>,
    /// The username template, or what is wrong with it.
    pub(super) template: Result<Template, username::Error>,
    /// `config/lease`.
    pub(super) lease: LeaseConfig,
    /// The endpoint of IAM, where it is not Amazon's.
    place: String,
    /// The access key id and the endpoint; none where the machine gives the key, which may change by itself.
    pub(super) signer: Option<String>,
    /// The number of the account, once AWS has told it.
    number: OnceLock<String>,
    /// Asks whose key it is, where no IAM call tells, and opens sessions; none where only IAM has an address.
    pub(super) sts: Option<aws_sdk_sts::Client>,
}

/// How often a call that can wait is repeated when AWS throttles it.
const THROTTLED_MAX: u32 = 20;

/// How often a call on a user that was just made is tried before AWS is believed that there is none: with the pauses
/// between, some 16 seconds.
const UNSEEN_MAX: u32 = 12;

/// What may be repeated besides what AWS surely did not do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Repeat<'a> {
    /// Also what AWS may have done: done twice is done once.
    Anything,
    /// The same, on a user that was just made and may not be there yet for every part of IAM.
    OnNew {
        /// The user's name.
        user: &'a str,
        /// What else the call needs, which may be what is not there.
        other: &'a str,
    },
    /// Only what AWS did not do, on such a user: done twice would be two.
    NotDone {
        /// The user's name.
        user: &'a str,
    },
}

impl Repeat<'_> {
    fn allows(self, class: Class) -> bool {
        class != Class::Unknown || !matches!(self, Self::NotDone { .. })
    }

    /// Whether an absence may be that of a user that was just made.
    fn is_unseen(self, failure: &Failure) -> bool {
        let (user, other) = match self {
            Self::Anything => return false,
            Self::NotDone { user } => (user, ""),
            Self::OnNew { user, other } => (user, other),
        };
        // AWS names what it misses: "The user with name x cannot be found."
        failure.text.contains(user) || other.is_empty() || !failure.text.contains(other)
    }
}

/// What a call's end says about the account.
pub(super) fn how<T>(ended: &Result<T, Failure>) -> Ended {
    match ended.as_ref().map_err(|failure| failure.class) {
        Err(Class::Throttled) => Ended::Throttled,
        Err(Class::Unknown) => Ended::Silent,
        Err(Class::Postponed) => Ended::Unused,
        _ => Ended::Answered,
    }
}

/// The pause after so many attempts.
fn pause(attempts: u32) -> Duration {
    const FIRST: Duration = Duration::from_millis(200);
    const MAX: Duration = Duration::from_secs(2);
    (FIRST * 2_u32.saturating_pow(attempts.saturating_sub(1))).min(MAX)
}

impl Account {
    /// The number of the AWS account, if AWS has told it.
    pub(super) fn known_number(&self) -> Option<&str> {
        self.number.get().map(String::as_str)
    }

    /// Takes the account's number from the ARN of one of its users: `arn:aws:iam::123456789012:user/x` (IAM user
    /// guide, "IAM identifiers").
    pub(super) fn learn(&self, arn: &str) {
        if let Some(number) = Arn::account_of(arn) {
            // Whoever learned it first heard the same.
            if self.number.set(number.to_owned()).is_ok() {
                let mut pacer = self.pacer.lock().unwrap_or_else(PoisonError::into_inner);
                *pacer = self.pacers.join(format!("account {number} {}", self.place), pacer.clone());
            }
        }
    }

    fn pacer(&self) -> Arc<Pacer> {
        self.pacer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a turn to make one call.
    ///
    /// # Errors
    /// When AWS does not answer, or the engine is closing, and the call can be made later.
    pub(super) async fn turn(&self, lane: Lane) -> Result<Turn, Failure> {
        self.pacer().turn(lane).await.ok_or_else(|| Failure {
            class: Class::Postponed,
            text: "AWS answers nobody at present, so it was not asked".to_owned(),
        })
    }

    /// Makes a call in its turn, and again, in a turn of its own each time, where `repeat` and the outcome allow it.
    ///
    /// # Errors
    /// How the last attempt failed.
    pub(super) async fn call<T, E, S>(&self, lane: Lane, repeat: Repeat<'_>, send: impl Fn() -> S) -> Result<T, Failure>
    where
        S: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let turn = self.turn(lane).await?;
        self.call_in(turn, lane, repeat, send).await
    }

    /// The same, where the first turn is there already.
    ///
    /// # Errors
    /// As those of [`Account::call`].
    pub(super) async fn call_in<T, E, S>(
        &self,
        mut turn: Turn,
        lane: Lane,
        repeat: Repeat<'_>,
        send: impl Fn() -> S,
    ) -> Result<T, Failure>
    where
        S: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let later = matches!(lane, Lane::Bulk | Lane::Backlog);
        let (mut attempts, mut throttled, mut unseen) = (1, 1, 1);
        loop {
            let ended = send().await.map_err(Failure::from);
            turn.end(how(&ended));
            let failure = match ended {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let pause = match failure.class {
                // The next turn comes when AWS may take it.
                Class::Throttled if throttled < if later { THROTTLED_MAX } else { self.attempts } => {
                    throttled += 1;
                    Duration::ZERO
                }
                Class::Unknown if later && self.pacer().is_out() => return Err(failure),
                Class::Busy | Class::Unknown if attempts < self.attempts && repeat.allows(failure.class) => {
                    attempts += 1;
                    pause(attempts - 1)
                }
                Class::Gone if unseen < UNSEEN_MAX && repeat.is_unseen(&failure) => {
                    unseen += 1;
                    pause(unseen - 1)
                }
                _ => return Err(failure),
            };
            self.clock.pause(pause).await;
            turn = self.turn(lane).await?;
        }
    }

    /// Lets the pause before an attempt pass, which is the second one at least.
    pub(super) async fn pause(&self, attempt: u32) {
        self.clock.pause(pause(attempt)).await;
    }

    /// The number of the AWS account, which AWS is asked for once: by GetUser, which roles can't ask of themselves,
    /// else by GetCallerIdentity, which needs no permission.
    ///
    /// # Errors
    /// What AWS said to the one that was asked last.
    pub(super) async fn number(&self, lane: Lane) -> Result<&str, Failure> {
        if self.known_number().is_none() {
            let answered = self.call(lane, Repeat::Anything, || self.iam.get_user().send()).await;
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
    pub(crate) fn new(default_key: Option<(String, Secret)>, clock: Clock) -> Self {
        let pacers = Arc::new(Pacers::new(clock));
        Self { cache: Mutex::default(), default_key, pacers, writes: tokio::sync::Mutex::default() }
    }

    /// Makes no more calls that can be made later.
    pub(crate) fn close(&self) {
        self.pacers.close();
    }

    /// How many leases of a mount are worth working on at once, as its account answers; none before it was asked.
    pub(super) fn width(&self, mount_uuid: &str) -> Option<usize> {
        let account = self.with(|cache| cache.mounts.get(mount_uuid).cloned());
        account.map(|account| account.pacer().width())
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
    pub(super) async fn account(&self, aws: &Aws, core: &Core, mount: &Mount) -> Result<Arc<Account>, Error> {
        let (found, changes) = self.with(|cache| (cache.mounts.get(&mount.uuid).cloned(), cache.changes));
        if let Some(account) = found {
            return Ok(account);
        }
        let account = Arc::new(build(aws, core, mount).await?);
        self.with(|cache| {
            if cache.changes == changes {
                cache.mounts.insert(mount.uuid.clone(), account.clone());
            }
        });
        Ok(account)
    }
}

async fn build(aws: &Aws, core: &Core, mount: &Mount) -> Result<Account, Error> {
    let root = config::root(core, mount)?.unwrap_or_default();
    let attempts = match u32::try_from(root.max_retries) {
        Ok(retries) => retries.saturating_add(1).min(10),
        // Negative: the SDK's default.
        Err(_) => 3,
    };
    let key = credentials(aws, &root).await;
    let base = builder(aws, core, &root)?.credentials_provider(key.clone());
    let signer = signer(aws, &root);
    let pacers = aws.clients.pacers.clone();
    let pacer = pacers.of(signer.as_deref().unwrap_or(&root.iam_endpoint));
    Ok(Account {
        iam: aws_sdk_iam::Client::from_conf(base.build()),
        attempts,
        clock: core.clock.clone(),
        pacer: Mutex::new(pacer),
        pacers,
        place: root.iam_endpoint.clone(),
        template: Template::compile(&root.username_template),
        lease: config::lease(core, mount)?,
        signer,
        number: OnceLock::new(),
        sts: sts(aws, core, &root, key),
    })
}

/// The access key id of a mount's configuration, and where it is used.
fn signer(aws: &Aws, root: &Root) -> Option<String> {
    let key = static_key(aws, root).map(|(id, _)| id)?;
    Some(match root.iam_endpoint.as_str() {
        "" => key.to_owned(),
        endpoint => format!("{key} at {endpoint}"),
    })
}

/// A client of STS, unless only IAM was given another address than Amazon's.
fn sts(aws: &Aws, core: &Core, root: &Root, key: SharedCredentialsProvider) -> Option<aws_sdk_sts::Client> {
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
        check_endpoint(&root.sts_endpoint).ok()?;
        builder = builder.endpoint_url(&root.sts_endpoint);
    }
    if let AwsTransport::InProcess(http) = &aws.transport {
        builder = builder.http_client(http.clone());
    }
    Some(aws_sdk_sts::Client::from_conf(builder.build()))
}

/// The access key of a mount's configuration, else the engine's own; none where the machine gives one.
fn static_key<'a>(aws: &'a Aws, root: &'a Root) -> Option<(&'a str, &'a Secret)> {
    if !root.access_key.is_empty() && !root.secret_key.is_empty() {
        return Some((&root.access_key, &root.secret_key));
    }
    aws.clients.default_key.as_ref().map(|(id, secret)| (id.as_str(), secret))
}

fn builder(aws: &Aws, core: &Core, root: &Root) -> Result<aws_sdk_iam::config::Builder, Error> {
    let mut builder = aws_sdk_iam::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(region(root)))
        .timeout_config(timeouts())
        .retry_config(RetryConfig::disabled())
        .time_source(EngineTime(core.clock.clone()))
        .app_name(AppName::new("leasehold").map_err(|error| Error::Internal(error.to_string()))?);
    if !root.iam_endpoint.is_empty() {
        // Checked again: the store may come from elsewhere.
        check_endpoint(&root.iam_endpoint)
            .map_err(|why| Error::Server(format!("iam_endpoint {:?} is refused: {why}", root.iam_endpoint)))?;
        builder = builder.endpoint_url(&root.iam_endpoint);
    }
    if let AwsTransport::InProcess(http) = &aws.transport {
        builder = builder.http_client(http.clone());
    }
    Ok(builder)
}

async fn credentials(aws: &Aws, root: &Root) -> SharedCredentialsProvider {
    match static_key(aws, root) {
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
