//! The IAM policy language: parse, check, and bring to one form. Pure.

pub mod document;
pub mod json;
