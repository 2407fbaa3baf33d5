//! The Vault API's operations without HTTP: requests and answers, paths and parameters, errors. Keeps nothing.

pub(crate) mod bulk;
pub(crate) mod cidr;
pub(crate) mod duration;
pub(crate) mod error;
pub(crate) mod field;
pub(crate) mod given;
pub(crate) mod openapi;
pub(crate) mod path;
pub(crate) mod presented;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod source;
pub(crate) mod wrapped;
