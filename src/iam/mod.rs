//! The IAM policy language. Pure: texts in, values out; no file, no network, no clock.

pub mod arn;
pub mod catalogue;
pub mod compare;
pub mod condition;
pub mod document;
pub mod evaluate;
pub mod json;
mod operator;
pub mod parsed;
pub mod pattern;
pub mod policy;
pub mod quota;
pub mod reading;
pub mod request;
mod scope;
pub mod trust;
pub mod value;
