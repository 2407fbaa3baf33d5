//! `auth/aws`: logins by a request that somebody signed with a key of AWS, of which STS says whose it is.
//!
//! In the store: `config/client`, how AWS is asked, `config/identity`, `config/sts/<account>`, and `role/<name>`, which
//! users and roles log in. STS is asked before the role is looked at, so that whoever has no key learns nothing of roles.
//! The request goes to the endpoint that was configured, whatever address somebody signed it for. A few are asked at a
//! time. Instances of EC2 do not log in by their documents, but by the role that they have.
//!
//! Source: Vault API, "AWS auth method", type iam; OpenBao, the plugin `auth/aws`.

mod ask;
mod asked;
mod config;
mod paths;
mod principal;
mod role;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use indexmap::IndexMap;

use self::ask::{Caller, Ways};
use self::asked::Asked;
use self::config::{Across, By, Client, Identity};
use self::principal::Principal;
use self::role::Role;
use crate::engine::backend::login::{Alias, Known, role as stored};
use crate::engine::backend::{Backend, Call, Class};
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::Terms;
use crate::engine::lease::core::Core;
use crate::engine::setup::Config as Setup;
use crate::engine::token::Token;
use crate::engine::wire::error::Error;
use crate::engine::wire::path::Row;
use crate::engine::wire::request::Request;
use crate::engine::wire::response::Response;

/// What a token keeps of its login: the role's name, and who it was, so that a renewal looks whether the role still takes
/// it.
const ROLE: &str = "role";
const CANONICAL: &str = "canonical_arn";
const UNIQUE: &str = "client_user_id";
const FULL: &str = "full_arn";

struct AwsLogin {
    ways: Ways,
}

/// The backend.
pub(crate) fn backend(config: &Setup) -> Box<dyn Backend> {
    Box::new(AwsLogin { ways: Ways::new(config) })
}

impl Backend for AwsLogin {
    fn kind(&self) -> &'static str {
        "aws"
    }

    fn class(&self) -> Class {
        Class::Auth
    }

    fn tables(&self) -> &'static [&'static [Row]] {
        &[paths::PATHS]
    }

    fn exists(&self, core: &Core, call: &Call<'_>) -> Result<Option<bool>, Error> {
        Ok(Some(match call.at("account_id") {
            "" => stored::load::<Role>(core, call.mount, call.at("role"))?.is_some(),
            account => Across::load(core, call.mount, account)?.is_some(),
        }))
    }

    fn handle<'a>(&'a self, core: &'a Arc<Core>, call: Call<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        self.serve(core, call).boxed()
    }

    /// Its role must still be there, and take who logged in.
    fn token_terms(
        &self,
        core: &Core,
        mount: &Mount,
        token: &Token,
        request: &Request,
        own: Terms,
    ) -> Result<Terms, Error> {
        let kept = |name: &str| token.kept.get(name).map_or("", String::as_str);
        let role = stored::still::<Role>(core, mount, kept(ROLE))?;
        if !role.takes(kept(CANONICAL), kept(UNIQUE)) && !role.takes_full(kept(FULL)) {
            let what = format!("role {:?} no longer bound to ARN {:?}", role.name, kept(CANONICAL));
            return Err(Error::Invalid(what));
        }
        role.token.renewal(request.remote, own)
    }
}

impl AwsLogin {
    /// Serves one call. Names of roles are in lower case already: the request's path is.
    async fn serve(&self, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
        match call.row.pattern {
            "login" => self.log_in(core, call).await,
            "config/client" => config::client(core, call).await,
            "config/identity" => config::identity(core, call).await,
            "config/sts/?" | "config/sts/:account_id" => config::across(core, call).await,
            "role/?" | "roles/?" => stored::list::<Role>(core, call),
            "role/:role" => stored::handle::<Role>(core, call, call.at("role"), &self.ways).await,
            _ => Err(call.forgotten()),
        }
    }

    async fn log_in(&self, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
        call.refuse_unknown("a login")?;
        let fields = call.fields();
        if ["identity", "signature", "pkcs7", "nonce"].iter().any(|name| fields.has(name)) {
            return Err(Error::Invalid("the auth type ec2 is not supported by this server".to_owned()));
        }
        let asked = Asked::of(&call.request.data)?;
        let config = Client::load(core, call.mount)?.unwrap_or_default();
        if !config.iam_server_id_header_value.is_empty() {
            asked.check_server_id(&config.iam_server_id_header_value)?;
        }
        asked.check_headers(&config.allowed_headers())?;
        let configured = config.sts_endpoint.parse::<http::Uri>().ok();
        asked.check_host(configured.as_ref().and_then(|uri| uri.authority()).map(http::uri::Authority::as_str))?;
        let caller = self.ways.caller(core, &config, asked).await?;
        let principal = Principal::parse(&caller.arn)
            .map_err(|why| Error::Invalid(format!("error parsing arn {:?}: {why}", caller.arn)))?;
        let name = fields.string("role")?.filter(|name| !name.is_empty()).unwrap_or_else(|| principal.name.clone());
        let role = stored::load::<Role>(core, call.mount, &name.to_lowercase())?
            .ok_or_else(|| Error::Invalid(format!("entry for role {name} not found")))?;
        let full = self.admit(core, call.mount, &role, &principal, &caller).await?;

        let canonical = principal.canonical();
        let known: [(&str, &str); 5] = [
            ("account_id", &principal.account),
            ("auth_type", "iam"),
            ("canonical_arn", &canonical),
            ("client_arn", &caller.arn),
            ("client_user_id", &caller.unique_id),
        ];
        let identity = Identity::load(core, call.mount)?;
        let wanted = &identity.iam_metadata;
        let told = known.iter().filter(|(name, _)| wanted.iter().any(|wanted| wanted == name));
        let mut meta: IndexMap<String, String> =
            told.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        meta.insert("role_id".to_owned(), role.role_id.clone());
        // Source: OpenBao, `auth/aws`, `path_login.go`.
        let name = match identity.alias() {
            By::Role => role.role_id,
            By::UniqueId => caller.unique_id.clone(),
            By::Canonical => canonical.clone(),
            By::Full => caller.arn.clone(),
        };
        let alias = Alias { name, metadata: meta.clone(), groups: vec![] };
        let kept = [(ROLE, role.name), (CANONICAL, canonical), (UNIQUE, caller.unique_id), (FULL, full)];
        let kept = kept.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let (terms, origin) = (role.token, role.origin);
        let known = Known { terms, bound_cidrs: vec![], alias, meta, kept, name: Some(principal.shown()), origin };
        known.log_in(core, call, Batch::new()).await
    }

    /// Whether a role takes who signed the request. Answers the full ARN, where it had to be found out.
    async fn admit(
        &self,
        core: &Core,
        mount: &Mount,
        role: &Role,
        principal: &Principal,
        caller: &Caller,
    ) -> Result<String, Error> {
        if role.takes(&principal.canonical(), &caller.unique_id) {
            return Ok(String::new());
        }
        let refused =
            || Error::Invalid(format!("IAM Principal {:?} does not belong to the role {:?}", caller.arn, role.name));
        if !role.has_patterns() {
            return Err(refused());
        }
        let full = self.ways.full_arn(core, mount, principal, &caller.unique_id).await.map_err(|why| {
            Error::Invalid(format!(
                "error looking up full ARN of {:?} when attempting login for role {:?}: {why}",
                principal.canonical(),
                role.name
            ))
        })?;
        if role.takes_full(&full) { Ok(full) } else { Err(refused()) }
    }
}
