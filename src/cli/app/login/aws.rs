//! By a request to STS that is signed with the key of AWS that is there: of an instance, a container, a profile or the
//! environment.
//!
//! Source: Vault API, "AWS auth method: login", and its command line: `role`, `region`, `header_value` and the key.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::default_provider::region::DefaultRegionChain;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use super::hand::{AtHand, Here, says};
use super::{ByHand, Method, OfApp, Own, Request, Said};
use crate::api::Client;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::global::exactly;
use crate::cli::request::body;
use crate::clock::Clock;
use crate::estate::Login;

/// By a signed request.
pub(super) const METHOD: Method = Method {
    name: "aws",
    secret: Some(("aws_secret_access_key", "A secret key")),
    takes: &[
        ("role", "The role [default: the caller's name]"),
        ("region", "The region of STS [default: the global one]"),
        ("header_value", "For which engine it is signed: X-Vault-AWS-IAM-Server-ID"),
        ("aws_access_key_id", "A key of AWS [default: what the SDK finds]"),
        ("aws_secret_access_key", "Its secret"),
        ("aws_security_token", "Its session token"),
    ],
    of_app: Some(OfApp { request, at_hand }),
    by_hand: ByHand::Sends(by_hand),
};

const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// The header that says for which server a request is signed.
const SERVER_ID: &str = "X-Vault-AWS-IAM-Server-ID";

/// The region of the endpoint of STS that has none.
const GLOBAL: &str = "us-east-1";

fn by_hand(mut said: Said) -> BoxFuture<'static, Result<Request, CliError>> {
    async move {
        let key = match (said.take("aws_access_key_id"), said.take("aws_secret_access_key")) {
            (Some(id), Some(secret)) => {
                Credentials::new(id, secret, said.take("aws_security_token"), None, "arguments")
            }
            (None, None) => ambient().await?,
            _ => {
                let hint = "give both aws_access_key_id and aws_secret_access_key, or neither";
                return Err(CliError::new(1, "a part of a key of AWS was given").hint(hint));
            }
        };
        let (region, server_id) = (said.take("region"), said.take("header_value"));
        let signed = signed(&key, region, server_id, Clock::system().now().into())?;
        Ok(said.request("", signed))
    }
    .boxed()
}

/// The variables that lead an SDK of AWS to a key, without asking anybody.
const VARIABLES: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// A variable says that there is a key; whether a file or an instance has one, only the SDK finds out, and takes its time.
fn at_hand(_login: &Login, own: &Own, _here: Here<'_>) -> AtHand {
    if VARIABLES.iter().any(|name| says(own, name)) { AtHand::Yes } else { AtHand::Perhaps }
}

/// What is sent.
///
/// # Errors
/// When there is no key of AWS.
fn request<'a>(
    _client: &'a Client,
    login: &'a Login,
    _own: &'a Own,
    context: &'a Context,
) -> BoxFuture<'a, Result<Request, CliError>> {
    async move {
        let key = ambient().await?;
        let mut signed = signed(&key, None, None, context.clock().now().into())?;
        signed["role"] = login.role_name.as_str().into();
        Ok(Request { path: format!("auth/{}/login", login.mount), body: body(signed) })
    }
    .boxed()
}

/// The key that the AWS SDKs would take.
async fn ambient() -> Result<Credentials, CliError> {
    // Asking for the region as well would ask an instance's metadata again; roles of profiles need one.
    let region = DefaultRegionChain::builder().build();
    let chain = DefaultCredentialsChain::builder().region(region).build().await;
    chain.provide_credentials().await.map_err(|error| {
        CliError::new(1, format!("there is no key of AWS to log in with: {}", told(&error)))
            .hint("AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the role of an instance or a container")
    })
}

/// An error with its causes, which alone say what is wrong.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The parameters of a login: GetCallerIdentity, signed.
fn signed(
    key: &Credentials,
    region: Option<String>,
    server_id: Option<String>,
    now: SystemTime,
) -> Result<Value, CliError> {
    let failed = |what: String| CliError::new(1, format!("the request to STS can't be signed: {what}"));
    let region = region.or_else(|| exactly("LEASEHOLD_AWS_STS_REGION"));
    let server_id = server_id.or_else(|| exactly("LEASEHOLD_AWS_SERVER_ID"));
    let host = match region.as_deref() {
        None => "sts.amazonaws.com".to_owned(),
        Some(region) => {
            format!("sts.{region}.amazonaws.com{}", if region.starts_with("cn-") { ".cn" } else { "" })
        }
    };
    let url = format!("https://{host}/");
    let mut headers = vec![("Host", host.as_str()), ("Content-Type", TYPE)];
    headers.extend(server_id.as_deref().map(|id| (SERVER_ID, id)));
    let identity = key.clone().into();
    let params = aws_sigv4::sign::v4::SigningParams::builder()
        .identity(&identity)
        .region(region.as_deref().unwrap_or(GLOBAL))
        .name("sts")
        .time(whole(now))
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| failed(error.to_string()))?
        .into();
    let request = SignableRequest::new("POST", &url, headers.iter().copied(), SignableBody::Bytes(BODY.as_bytes()));
    let request = request.map_err(|error| failed(error.to_string()))?;
    let (instructions, _signature) = sign(request, &params).map_err(|error| failed(error.to_string()))?.into_parts();
    let all = headers.iter().copied().chain(instructions.headers());
    let all: Map<String, Value> = all.map(|(name, value)| (name.to_owned(), json!([value]))).collect();
    Ok(json!({
        "iam_http_request_method": "POST",
        "iam_request_url": STANDARD.encode(&url),
        "iam_request_body": STANDARD.encode(BODY),
        "iam_request_headers": STANDARD.encode(Value::Object(all).to_string()),
    }))
}

/// Whole seconds: a signature has no more.
fn whole(now: SystemTime) -> SystemTime {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}
