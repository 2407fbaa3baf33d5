//! `config/rotate-root`: a new access key for the engine's own IAM user, and the end of the old one.

use std::sync::Arc;

use serde_json::json;

use super::Aws;
use super::client::Repeat;
use super::config;
use super::failure::Failure;
use crate::engine::backend::Call;
use crate::engine::kernel::barrier::Batch;
use crate::engine::lease::Lane;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::response::Response;
use crate::secret::Secret;

/// Serves `config/rotate-root`.
pub(super) async fn handle(aws: &Aws, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let _turn = aws.clients.writes.lock().await;
    let mut root = config::root(core, call.mount)?
        .ok_or_else(|| Error::Server("no configuration found for config/root".to_owned()))?;
    if root.access_key.is_empty() || root.secret_key.is_empty() {
        return Err(Error::Invalid(
            "Cannot call config/rotate-root when either access_key or secret_key is empty".to_owned(),
        ));
    }
    let failed = |step: &str, failure: &Failure| Error::Server(format!("error {step}: {failure}"));
    let account = aws.account(core, call.mount).await?;
    let asked = account.call(Lane::Issue, Repeat::Anything, || account.iam.get_user().send()).await;
    let user = asked.map_err(|failure| failed("calling GetUser", &failure))?;
    let user = user.user.ok_or_else(|| Error::Server("error calling GetUser: no user in the answer".to_owned()))?;
    account.learn(user.arn());
    let name = user.user_name();
    let create = || account.iam.create_access_key().user_name(name).send();
    let created = account.call(Lane::Issue, Repeat::NotDone { user: name }, create).await;
    let created = created.map_err(|failure| failed("calling CreateAccessKey", &failure))?;
    let key = created
        .access_key
        .ok_or_else(|| Error::Server("error calling CreateAccessKey: no key in the answer".to_owned()))?;
    let old = std::mem::replace(&mut root.access_key, key.access_key_id);
    root.secret_key = Secret::new(key.secret_access_key);
    let mut batch = Batch::new();
    batch.put(call.mount.storage("config/root"), &root)?;
    if let Err(error) = core.barrier.commit(batch).await {
        // The new key would be nobody's; if it cannot be deleted either, the log says which it is.
        let delete = || account.iam.delete_access_key().user_name(name).access_key_id(&root.access_key).send();
        if let Err(left) = account.call(Lane::Issue, Repeat::Anything, delete).await {
            tracing::error!(access_key = root.access_key, error = %left, "a new root key could not be stored, nor deleted");
        }
        return Err(error);
    }
    aws.clients.forget(&call.mount.uuid);
    // With the old client, which the new key's delay in spreading does not touch.
    let delete = || account.iam.delete_access_key().user_name(name).access_key_id(&old).send();
    let deleted = account.call(Lane::Issue, Repeat::Anything, delete).await;
    deleted.map_err(|failure| failed("deleting old access key", &failure))?;
    Ok(Response::data(json!({ "access_key": root.access_key })))
}
