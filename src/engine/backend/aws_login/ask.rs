//! What AWS is asked: whose signature a request has (STS), and which user or role has a name (IAM).
//!
//! The signed request is sent as it came, in the place of the SDK's own, so that it goes where the SDK's would: to the
//! endpoint that was configured, over the engine's way to AWS, within its times, and without following anybody elsewhere.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_sts::config::Intercept;
use aws_sdk_sts::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use tokio::sync::Semaphore;

use super::asked::Asked;
use super::config::{Across, Client};
use super::principal::{Principal, PrincipalType};
use crate::engine::backend::amazon::{EngineTime, timeouts};
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::setup::{AwsTransport, Config as Setup};
use crate::engine::wire::error::Error;
use crate::iam::arn::iam_region_of;
use crate::secret::Secret;

/// Requests at a time: anybody can make the engine ask.
const ASKED_MAX: usize = 32;

/// Roles whose ARNs are kept. A role of another path is another role, so that what is kept stays true.
const ROLES_MAX: usize = 4096;

/// Where STS is that knows all regions' keys.
const STS: &str = "https://sts.amazonaws.com";

/// The region of those services that have one place for all.
const REGION: &str = "us-east-1";

/// The ways to AWS.
pub(super) struct Ways {
    transport: AwsTransport,
    /// The key of mounts that set none.
    default_key: Option<(String, Secret)>,
    turns: Semaphore,
    /// Full ARNs by mount and unique id.
    roles: Mutex<HashMap<(String, String), String>>,
}

/// Who signed a request, as STS says.
pub(super) struct Caller {
    pub(super) arn: String,
    /// Without what names a session.
    pub(super) unique_id: String,
}

/// A user or a role, as IAM has it.
pub(super) struct Found {
    pub(super) arn: String,
    pub(super) unique_id: String,
}

impl Ways {
    pub(super) fn new(config: &Setup) -> Self {
        Self {
            transport: config.aws.clone(),
            default_key: config.aws_key.clone(),
            turns: Semaphore::new(ASKED_MAX),
            roles: Mutex::default(),
        }
    }

    /// Asks STS whose signature a request has.
    ///
    /// # Errors
    /// That it is nobody's, or that STS does not answer; in words for who logs in.
    pub(super) async fn caller(&self, core: &Core, config: &Client, asked: Asked) -> Result<Caller, Error> {
        let endpoint = match (config.use_sts_region_from_client, config.sts_endpoint.as_str()) {
            (true, _) => asked.regional_endpoint(),
            (false, "") => STS.to_owned(),
            (false, endpoint) => endpoint.to_owned(),
        };
        let sts = self
            .sts_at(core, config, Some(&endpoint))
            .retry_config(RetryConfig::standard().with_max_attempts(config.attempts()));
        let sts = aws_sdk_sts::Client::from_conf(sts.allow_no_auth().build());
        let _turn = self.turns.acquire().await.map_err(|_| Error::Internal("the engine closes".to_owned()))?;
        let url = format!("{}{}", endpoint.trim_end_matches('/'), asked.path);
        let in_process = matches!(self.transport, AwsTransport::InProcess(_));
        let signed = Signed { url, asked: Arc::new(asked), in_process };
        let answer = sts.get_caller_identity().customize().interceptor(signed).send().await;
        let answer =
            answer.map_err(|error| Error::Invalid(format!("error making upstream request: {}", told(&error))))?;
        match (answer.arn(), answer.user_id()) {
            (Some(arn), Some(id)) => {
                Ok(Caller { arn: arn.to_owned(), unique_id: id.split(':').next().unwrap_or_default().to_owned() })
            }
            _ => Err(Error::Invalid("error making upstream request: error parsing STS response".to_owned())),
        }
    }

    /// The full ARN of a caller, of whom STS told only a part.
    ///
    /// # Errors
    /// That IAM does not say it, or knows another one by that name now.
    pub(super) async fn full_arn(
        &self,
        core: &Core,
        mount: &Mount,
        principal: &Principal,
        unique_id: &str,
    ) -> Result<String, String> {
        let key = (mount.uuid.clone(), unique_id.to_owned());
        let known = self.roles.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(arn) = known {
            return Ok(arn);
        }
        let found = self.find(core, mount, principal).await?;
        if found.unique_id != unique_id {
            return Err("it is not the one that has this name now".to_owned());
        }
        // A user can be renamed and keeps its id; a role can't.
        if principal.kind == PrincipalType::Role {
            let mut roles = self.roles.lock().unwrap_or_else(PoisonError::into_inner);
            if roles.len() >= ROLES_MAX {
                roles.clear();
            }
            roles.insert(key, found.arn.clone());
        }
        Ok(found.arn)
    }

    /// The user or role of a name.
    ///
    /// # Errors
    /// Why IAM does not tell it.
    pub(super) async fn find(&self, core: &Core, mount: &Mount, principal: &Principal) -> Result<Found, String> {
        let config = Client::load(core, mount).map_err(|error| error.to_string())?.unwrap_or_default();
        let key = self.key(core, mount, &config, principal).await?;
        let mut iam = aws_sdk_iam::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(iam_region_of(&principal.partition)))
            .credentials_provider(key)
            .timeout_config(timeouts())
            .retry_config(RetryConfig::standard().with_max_attempts(config.attempts()))
            .time_source(EngineTime(core.clock.clone()));
        if !config.iam_endpoint.is_empty() {
            iam = iam.endpoint_url(&config.iam_endpoint);
        }
        if let AwsTransport::InProcess(http) = &self.transport {
            iam = iam.http_client(http.clone());
        }
        let iam = aws_sdk_iam::Client::from_conf(iam.build());
        let (arn, unique_id) = match principal.kind {
            PrincipalType::User => {
                let answer = iam.get_user().user_name(&principal.name).send().await.map_err(|error| told(&error))?;
                let user = answer.user().ok_or("IAM told no user")?;
                (user.arn().to_owned(), user.user_id().to_owned())
            }
            PrincipalType::Role => {
                let answer = iam.get_role().role_name(&principal.name).send().await.map_err(|error| told(&error))?;
                let role = answer.role().ok_or("IAM told no role")?;
                (role.arn().to_owned(), role.role_id().to_owned())
            }
        };
        // IAM answers for the account of whoever asks: another one's user of that name is somebody else.
        let account = Principal::parse(&arn).map(|found| found.account).unwrap_or_default();
        if account != principal.account {
            return Err(format!(
                "the key is of account {account}, and it is of account {}: config/sts/{} has to name a role to assume",
                principal.account, principal.account
            ));
        }
        Ok(Found { arn, unique_id })
    }

    /// What IAM is asked with: the mount's key or the machine's, or a session of the role for that account.
    async fn key(
        &self,
        core: &Core,
        mount: &Mount,
        config: &Client,
        principal: &Principal,
    ) -> Result<SharedCredentialsProvider, String> {
        let own = if !config.access_key.is_empty() && !config.secret_key.is_empty() {
            Some((config.access_key.as_str(), &config.secret_key))
        } else {
            self.default_key.as_ref().map(|(id, secret)| (id.as_str(), secret))
        };
        let own = match own {
            Some((id, secret)) => {
                SharedCredentialsProvider::new(Credentials::new(id, secret.expose(), None, None, "engine-login"))
            }
            None => {
                let chain = aws_config::default_provider::credentials::DefaultCredentialsChain::builder();
                let chain = chain.region(Region::new(iam_region_of(&principal.partition)));
                SharedCredentialsProvider::new(chain.build().await)
            }
        };
        let across = Across::load(core, mount, &principal.account).map_err(|error| error.to_string())?;
        let Some(across) = across else { return Ok(own) };
        let endpoint = Some(config.sts_endpoint.as_str()).filter(|endpoint| !endpoint.is_empty());
        let sts = self.sts_at(core, config, endpoint).credentials_provider(own);
        let sts = aws_sdk_sts::Client::from_conf(sts.build());
        let external_id = Some(across.external_id).filter(|id| !id.is_empty());
        let answer = sts.assume_role().role_arn(&across.sts_role).role_session_name("leasehold-login");
        let answer = answer.set_external_id(external_id).send().await;
        let answer = answer.map_err(|error| format!("{} can't be assumed: {}", across.sts_role, told(&error)))?;
        let key = answer.credentials().ok_or("STS opened no session")?;
        let token = Some(key.session_token().to_owned());
        let key = Credentials::new(key.access_key_id(), key.secret_access_key(), token, None, "engine-login");
        Ok(SharedCredentialsProvider::new(key))
    }

    fn sts_at(&self, core: &Core, config: &Client, endpoint: Option<&str>) -> aws_sdk_sts::config::Builder {
        let region = if config.sts_region.is_empty() { REGION } else { &config.sts_region };
        let mut sts = aws_sdk_sts::Config::builder()
            .behavior_version(aws_sdk_sts::config::BehaviorVersion::v2026_01_12())
            .region(Region::new(region.to_owned()))
            .timeout_config(timeouts())
            .time_source(EngineTime(core.clock.clone()));
        if let Some(endpoint) = endpoint {
            sts = sts.endpoint_url(endpoint);
        }
        if let AwsTransport::InProcess(http) = &self.transport {
            sts = sts.http_client(http.clone());
        }
        sts
    }
}

/// An error of AWS in words, without what was sent.
fn told<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::ServiceError(answer) => format!(
            "received error code {} from AWS: {}: {}",
            answer.raw().status().as_u16(),
            answer.err().code().unwrap_or("no code"),
            answer.err().message().unwrap_or("no text")
        ),
        SdkError::ResponseError(answer) => {
            format!("received error code {} and no answer of AWS's", answer.raw().status().as_u16())
        }
        other => DisplayErrorContext(other).to_string(),
    }
}

/// Puts the signed request in the place of the SDK's.
struct Signed {
    url: String,
    asked: Arc<Asked>,
    /// Whether it goes to a simulated account in this process, which believes the engine more than others.
    in_process: bool,
}

/// Says to that account that a request is somebody's who wants to log in, and not the engine's own.
const RELAYED: &str = "x-relayed";

impl std::fmt::Debug for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a signed request")
    }
}

impl Intercept for Signed {
    fn name(&self) -> &'static str {
        "signed request"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let names: Vec<String> = request.headers().iter().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            request.headers_mut().remove(name);
        }
        for (name, value) in self.asked.headers() {
            request.headers_mut().try_append(name, value)?;
        }
        if self.in_process {
            request.headers_mut().try_insert(RELAYED, "true")?;
        }
        request.set_method("POST")?;
        request.set_uri(self.url.clone())?;
        *request.body_mut() = SdkBody::from(self.asked.body.clone());
        Ok(())
    }
}
