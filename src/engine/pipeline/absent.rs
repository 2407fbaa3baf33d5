//! What Vault serves and this server does not, by path: so that who asks is told in words, and not that a path is
//! unknown. Which paths those are their backends say; docs/engine.md lists them.

use super::Target;
use crate::engine::wire::error::Error;

/// The same error, or, of a path that belongs to something that is not served, what that is.
pub(super) fn explain(error: Error, target: Option<Target<'_>>, path: &str) -> Error {
    if !matches!(error, Error::UnsupportedPath | Error::NoRoute(_)) {
        return error;
    }
    let Some(Ok(backend)) = target.map(|target| target.backends.of(target.mount)) else { return error };
    let below = target.map_or("", |target| target.path).trim_end_matches('/');
    let belongs = |name: &str| match name.strip_suffix('/') {
        Some(folder) => below == folder || below.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')),
        None => below == name,
    };
    match backend.absent().iter().find(|(name, _)| belongs(name)) {
        Some((_, what)) => {
            let path = path.trim_end_matches('/');
            Error::Missing(format!("{path} is not served: this server has no support for {what}"))
        }
        None => error,
    }
}
