//! Checking AWS Signature Version 4.
//!
//! The date is not compared with the clock, because tests run the simulation at times of their own.
//!
//! # Source
//! "AWS Signature Version 4 for API requests" in the IAM user guide.

use aws_lc_rs::{constant_time, digest, hmac};
use http::HeaderMap;

use super::error::Refusal;
use super::params::Params;
use crate::text::percent::encode;

/// The signed parts of a request.
#[derive(Debug)]
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// A signature as the `Authorization` header gives it.
#[derive(Debug)]
pub(super) struct Authorization<'a> {
    /// The access key id.
    pub(super) key_id: &'a str,
    /// The region of the scope.
    pub(super) region: &'a str,
    /// The service of the scope: `iam` or `sts`.
    pub(super) service: &'a str,
    /// `20261123/us-east-1/iam/aws4_request`.
    scope: &'a str,
    date: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads the header.
    pub(super) fn read(headers: &'a HeaderMap) -> Result<Self, Refusal> {
        let header = headers.get(http::header::AUTHORIZATION).ok_or_else(Refusal::unsigned)?;
        let header = header.to_str().map_err(|_| Refusal::incomplete_signature("it is not text"))?;
        let rest = header
            .strip_prefix("AWS4-HMAC-SHA256 ")
            .ok_or_else(|| Refusal::incomplete_signature("the algorithm is not AWS4-HMAC-SHA256"))?;
        let part = |name: &str| rest.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        let (credential, signed_headers, signature) =
            match (part("Credential"), part("SignedHeaders"), part("Signature")) {
                (Some(credential), Some(headers), Some(signature)) => (credential, headers, signature),
                _ => {
                    let what = "Credential, SignedHeaders and Signature are required";
                    return Err(Refusal::incomplete_signature(what));
                }
            };
        let bad_scope = || Refusal::incomplete_signature("the Credential is not KEY/DATE/REGION/SERVICE/aws4_request");
        let (key_id, scope) = credential.split_once('/').ok_or_else(bad_scope)?;
        let mut parts = scope.split('/');
        let (Some(date), Some(region), Some(service), Some("aws4_request"), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(bad_scope());
        };
        Ok(Self { key_id, region, service, scope, date, signed_headers, signature })
    }

    /// Checks the signature against the secret.
    pub(super) fn verify(&self, request: &Signed<'_>, secret: &str) -> Result<(), Refusal> {
        let time = request.headers.get("x-amz-date").and_then(|time| time.to_str().ok());
        let time = time.filter(|time| time.starts_with(self.date));
        let time =
            time.ok_or_else(|| Refusal::incomplete_signature("X-Amz-Date is missing or not of the scope's day"))?;
        let canonical = self.canonical_request(request)?;
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{}\n{}", self.scope, hex::encode(sha256(canonical.as_bytes())));
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in [self.date, self.region, self.service, "aws4_request"] {
            key = sign(&key, part);
        }
        let expected = hex::encode(sign(&key, &text));
        constant_time::verify_slices_are_equal(expected.as_bytes(), self.signature.as_bytes())
            .map_err(|_| Refusal::wrong_signature())
    }

    fn canonical_request(&self, request: &Signed<'_>) -> Result<String, Refusal> {
        let mut headers = String::new();
        for name in self.signed_headers.split(';') {
            let values: Vec<&str> =
                request.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
            if values.is_empty() {
                return Err(Refusal::incomplete_signature(&format!("the signed header {name} is missing")));
            }
            let values: Vec<String> =
                values.iter().map(|value| value.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
            headers.push_str(&format!("{name}:{}\n", values.join(",")));
        }
        let payload = request.headers.get("x-amz-content-sha256").and_then(|hash| hash.to_str().ok());
        let body_hash = hex::encode(sha256(request.body));
        // A declared hash must be the body's own, or the body would not be signed at all.
        if payload.is_some_and(|declared| declared != body_hash) {
            return Err(Refusal::wrong_signature());
        }
        Ok(format!(
            "{}\n{}\n{}\n{headers}\n{}\n{body_hash}",
            request.method,
            if request.path.is_empty() { "/" } else { request.path },
            canonical_query(request.query)?,
            self.signed_headers,
        ))
    }
}

fn canonical_query(query: &str) -> Result<String, Refusal> {
    if query.is_empty() {
        return Ok(String::new());
    }
    let pairs = Params::parse(query)?.public();
    let mut pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.sort();
    Ok(pairs.join("&"))
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}
