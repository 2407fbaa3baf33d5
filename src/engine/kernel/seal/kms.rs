//! An unseal key that AWS KMS keeps wrapped: beside the store lies only what the service made of it, and who copies the data
//! directory has nothing without the right to have it unwrapped.
//!
//! The service is asked once at each start, and once more when a store begins. Which credentials ask is the AWS SDK's to find,
//! as for any program: the environment, a profile, the machine's role.
//!
//! Source: AWS KMS API reference, `Encrypt` and `Decrypt`; Vault, "AWS KMS seal".

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_kms::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::RequestId;
use aws_sdk_kms::primitives::Blob;
use zeroize::Zeroizing;

use super::Key;
use crate::engine::setup::{KeyService, OpenError};

/// What the service has to be told again to unwrap a key: that it is one of ours, in the trail of AWS too.
const CONTEXT: [(&str, &str); 1] = [("leasehold", "unseal-key")];

/// How long the service may take, retries included.
const PATIENCE: Duration = Duration::from_secs(30);

/// Has a key wrapped.
///
/// # Errors
/// What the service says.
pub(super) async fn wrap(service: &KeyService, key: &Key) -> Result<Vec<u8>, OpenError> {
    let asked = client(service).await.encrypt().key_id(&service.key_id).plaintext(Blob::new(key.as_slice()));
    let answer = asked.set_encryption_context(context()).send().await;
    let answer = answer.map_err(|error| failed(service, "wrap the unseal key", &error))?;
    let wrapped = answer.ciphertext_blob.map(Blob::into_inner);
    wrapped.ok_or_else(|| OpenError::Failed(format!("AWS KMS answered without a wrapped key ({})", service.key_id)))
}

/// Has a key unwrapped.
///
/// # Errors
/// What the service says; an answer that is no key.
pub(super) async fn unwrap(service: &KeyService, wrapped: &[u8]) -> Result<Key, OpenError> {
    let asked = client(service).await.decrypt().key_id(&service.key_id).ciphertext_blob(Blob::new(wrapped));
    let answer = asked.set_encryption_context(context()).send().await;
    let answer = answer.map_err(|error| failed(service, "unwrap the unseal key", &error))?;
    let plain = Zeroizing::new(answer.plaintext.map(Blob::into_inner).unwrap_or_default());
    let mut key = Key::default();
    if plain.len() != key.len() {
        return Err(OpenError::Failed(format!("what AWS KMS unwrapped is no unseal key ({})", service.key_id)));
    }
    key.copy_from_slice(&plain);
    Ok(key)
}

fn context() -> Option<std::collections::HashMap<String, String>> {
    Some(CONTEXT.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

async fn client(service: &KeyService) -> aws_sdk_kms::Client {
    let patience = TimeoutConfig::builder().operation_timeout(PATIENCE).build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(patience);
    if let Some(region) = service.region.clone().or_else(|| region_of(&service.key_id)) {
        loader = loader.region(Region::new(region));
    }
    if let Some(endpoint) = &service.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    aws_sdk_kms::Client::new(&loader.load().await)
}

/// The region that a key's ARN names: `arn:aws:kms:eu-west-1:111122223333:key/...`.
fn region_of(key_id: &str) -> Option<String> {
    let mut parts = key_id.strip_prefix("arn:")?.split(':').skip(1);
    (parts.next()? == "kms").then(|| parts.next().map(str::to_owned))?.filter(|region| !region.is_empty())
}

fn failed<E, R>(service: &KeyService, what: &str, error: &SdkError<E, R>) -> OpenError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
    SdkError<E, R>: RequestId,
{
    let said = match (error.code(), error.message()) {
        (Some(code), message) => {
            let id = error.request_id().map(|id| format!(" (request {id})")).unwrap_or_default();
            format!("{code}: {}{id}", message.unwrap_or("no reason is told"))
        }
        (None, _) => DisplayErrorContext(error).to_string(),
    };
    OpenError::Failed(format!(
        "AWS KMS did not {what} with the key {}: {said}. The store stays as it is; the server needs kms:Encrypt once and \
         kms:Decrypt at each start",
        service.key_id
    ))
}

#[cfg(test)]
mod tests {
    use super::region_of;

    #[test]
    fn a_keys_arn_names_its_region() {
        for (key_id, region) in [
            ("arn:aws:kms:eu-west-1:111122223333:key/1234", Some("eu-west-1")),
            ("arn:aws:iam::111122223333:user/x", None),
            ("alias/unseal", None),
            ("1234abcd-12ab-34cd-56ef-1234567890ab", None),
        ] {
            assert_eq!(region_of(key_id).as_deref(), region, "{key_id}");
        }
    }
}
