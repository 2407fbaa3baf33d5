//! `auth/cert`: logins by the TLS certificate that a client showed when its connection began.
//!
//! In the store: `config`, and `role/<name>`, which is served at `certs/<name>`: whose certificates log in. The engine's
//! listener takes any certificate; what it is good for is judged here, at each login and, unless that was switched off, at
//! each renewal, by the engine's clock.
//!
//! Source: Vault API, "TLS certificates auth method"; OpenBao, `builtin/credential/cert`. Lists of revoked certificates and
//! OCSP are not served: short certificates are the answer to a lost key, and a role that asks for OCSP is refused.

mod config;
mod paths;
mod read;
mod role;
mod trust;

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use indexmap::IndexMap;
use rustls::pki_types::CertificateDer;

use self::config::Config;
use self::read::Shown;
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
use crate::engine::wire::presented::{Chain, Presented};
use crate::engine::wire::request::Request;
use crate::engine::wire::response::Response;

/// The metadata that says of which role a login was.
const ROLE: &str = "cert_name";

/// What is kept of the certificate of a login: its digest.
const DIGEST: &str = "certificate_sha256";

struct Cert;

/// The backend.
pub(crate) fn backend(_config: &Setup) -> Box<dyn Backend> {
    Box::new(Cert)
}

impl Backend for Cert {
    fn kind(&self) -> &'static str {
        "cert"
    }

    fn class(&self) -> Class {
        Class::Auth
    }

    fn tables(&self) -> &'static [&'static [Row]] {
        &[paths::PATHS]
    }

    fn exists(&self, core: &Core, call: &Call<'_>) -> Result<Option<bool>, Error> {
        Ok(Some(stored::load::<Role>(core, call.mount, call.at("name"))?.is_some()))
    }

    fn handle<'a>(&'a self, core: &'a Arc<Core>, call: Call<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        serve(core, call).boxed()
    }

    /// Its role must still be there, with the policies that the token has, and the certificate of the login must be shown
    /// again and be as good as then.
    fn token_terms(
        &self,
        core: &Core,
        mount: &Mount,
        token: &Token,
        request: &Request,
        own: Terms,
    ) -> Result<Terms, Error> {
        let name = token.meta.get(ROLE).map_or("", String::as_str);
        let role = stored::still::<Role>(core, mount, name)?;
        role.token.has_policies_of(token)?;
        if !Config::load(core, mount)?.disable_binding {
            let chain = shown_by(request)?;
            if token.kept.get(DIGEST) != Some(&digest_of(&chain.own)) {
                return Err(Error::Invalid(
                    "client identity during renewal not matching client identity used during login: show the certificate \
                     that the token was made for, or log in again"
                        .to_owned(),
                ));
            }
            let now = core.clock.now().unix_timestamp();
            chosen(vec![role.clone()], chain, &Shown::read(&chain.own, now)?, now)?;
        }
        role.token.renewal(request.remote, own)
    }
}

/// Serves one call. Names of roles are in lower case already: the request's path is.
async fn serve(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    match call.row.pattern {
        "login" => log_in(core, call).await,
        "config" => config::handle(core, call).await,
        "certs/?" => stored::list::<Role>(core, call),
        "certs/:name" => stored::handle::<Role>(core, call, call.at("name"), &()).await,
        _ => Err(call.forgotten()),
    }
}

async fn log_in(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    call.refuse_unknown("a login")?;
    let named = call.fields().string("name")?.filter(|name| !name.is_empty());
    let chain = shown_by(call.request)?;
    let now = core.clock.now().unix_timestamp();
    let shown = Shown::read(&chain.own, now)?;
    let roles = match named {
        Some(name) => stored::load::<Role>(core, call.mount, &name.to_lowercase())?.into_iter().collect(),
        None => stored::all::<Role>(core, call.mount)?,
    };
    let role = chosen(roles, chain, &shown, now)?;
    if shown.common_name.is_empty() {
        return Err(Error::Invalid(
            "the client's certificate has no common name, by which whoever logs in is known".to_owned(),
        ));
    }
    let mut meta = IndexMap::from([
        (ROLE.to_owned(), role.name.clone()),
        ("common_name".to_owned(), shown.common_name.clone()),
        ("serial_number".to_owned(), chain.serial_number.clone()),
        ("subject_key_id".to_owned(), shown.subject_key_id.clone()),
        ("authority_key_id".to_owned(), shown.authority_key_id.clone()),
    ]);
    // Policies name metadata with dots between its parts, so its names have none.
    let told = role.metadata_extensions.iter().filter_map(|id| Some((id.replace('.', "-"), shown.extensions.get(id)?)));
    meta.extend(told.map(|(key, value)| (key, value.clone())));
    let metadata =
        if Config::load(core, call.mount)?.enable_identity_alias_metadata { meta.clone() } else { IndexMap::new() };
    let alias = Alias { name: shown.common_name, metadata, groups: vec![] };
    let kept = IndexMap::from([(DIGEST.to_owned(), digest_of(&chain.own))]);
    let Role { token: terms, origin, display_name, .. } = role;
    let known = Known { terms, bound_cidrs: vec![], alias, meta, kept, name: Some(display_name), origin };
    known.log_in(core, call, Batch::new()).await
}

/// The certificates that came with the connection of a request.
///
/// # Errors
/// There are none.
fn shown_by(request: &Request) -> Result<&Chain, Error> {
    let text = match &request.presented {
        Presented::Chain(chain) => return Ok(chain),
        Presented::Plain => {
            "tls connection not found: certificates are shown when a connection begins, and this one has no TLS; the engine's \
             listener needs tls_cert_file, and what stands before it must not take TLS off"
        }
        Presented::Nothing => "no client certificate found",
    };
    Err(Error::Invalid(text.to_owned()))
}

/// The first of these roles that admits a certificate: those for a single one first, as other servers do.
///
/// # Errors
/// None does. Whether there is a role of a name is not told.
fn chosen(roles: Vec<Role>, chain: &Chain, shown: &Shown, now: i64) -> Result<Role, Error> {
    let (mut single, of_cas): (Vec<Role>, Vec<Role>) = roles.into_iter().partition(|role| !role.is_of_ca());
    single.extend(of_cas);
    let mut is_trusted = false;
    for role in single {
        if !role.trusts(chain, now) {
            continue;
        }
        is_trusted = true;
        if role.admits(shown) {
            return Ok(role);
        }
    }
    Err(Error::Invalid(
        match is_trusted {
            true => "no chain matching all constraints could be found for this login certificate",
            false => "invalid certificate or no client certificate supplied",
        }
        .to_owned(),
    ))
}

fn digest_of(certificate: &CertificateDer<'_>) -> String {
    hex::encode(digest(&SHA256, certificate))
}
