//! `random` and `hash`, which need no key.

use serde_json::json;
use zeroize::Zeroizing;

use super::coded;
use super::digest::Hash;
use crate::engine::backend::Call;
use crate::engine::kernel::random;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::response::Response;

/// The most random bytes that one call answers (OpenBao, `helper/random`).
const BYTES_MAX: i64 = 128 * 1024;

/// How bytes are written in an answer.
enum Format {
    Hex,
    Base64,
}

impl Format {
    fn of(fields: Fields<'_>, default: &str) -> Result<Self, Error> {
        match fields.string("format")?.as_deref().unwrap_or(default) {
            "hex" => Ok(Self::Hex),
            "base64" => Ok(Self::Base64),
            other => {
                Err(Error::Invalid(format!("unsupported encoding format {other:?}; must be \"hex\" or \"base64\"")))
            }
        }
    }

    fn write(&self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => hex::encode(bytes),
            Self::Base64 => coded::encode(bytes),
        }
    }
}

/// Serves `random`, with or without a source and a count in its path: a path's only part is either.
pub(super) fn random(call: Call<'_>) -> Result<Response, Error> {
    let fields = call.fields();
    let is_source = |text: &str| matches!(text, "" | "platform" | "seal" | "all");
    let counted = |text: &str| {
        text.parse::<i64>()
            .map_err(|_| Error::Invalid(format!("error parsing url-set byte count: {text:?} is no number")))
    };
    let given = match call.at("source") {
        "" => fields.string("source")?.unwrap_or_default(),
        in_path => in_path.to_owned(),
    };
    let in_body = || Ok(fields.int("bytes")?.unwrap_or(32));
    let (source, count) = match call.at("urlbytes") {
        "" if is_source(&given) => (given.as_str(), in_body()?),
        "" => ("", counted(&given)?),
        count => (given.as_str(), counted(count)?),
    };
    if !is_source(source) {
        return Err(Error::Invalid(format!(
            "unsupported entropy source {source:?}; must be \"platform\" or \"seal\", or \"all\""
        )));
    }
    if count < 1 {
        return Err(Error::Invalid("'bytes' cannot be less than 1".to_owned()));
    }
    if count > BYTES_MAX {
        return Err(Error::Invalid(format!("'bytes' should be less than {BYTES_MAX}")));
    }
    let format = Format::of(fields, "base64")?;
    let mut bytes = Zeroizing::new(vec![0; usize::try_from(count).unwrap_or_default()]);
    random::fill(&mut bytes)?;
    let answer = Response::data(json!({ "random_bytes": format.write(&bytes) }));
    Ok(match source {
        "seal" => answer.warn("no seal/entropy augmentation available, using platform entropy source"),
        _ => answer,
    })
}

/// Serves `hash`, with or without an algorithm in its path.
pub(super) fn hash(call: Call<'_>) -> Result<Response, Error> {
    let fields = call.fields();
    let input = fields.string("input")?.ok_or_else(|| Error::Invalid("input missing".to_owned()))?;
    let input =
        coded::decode(&input).map_err(|error| Error::Invalid(format!("unable to decode input as base64: {error}")))?;
    let format = Format::of(fields, "hex")?;
    let algorithm = match call.at("urlalgorithm") {
        "" => fields.string("algorithm")?.filter(|name| !name.is_empty()),
        in_path => Some(in_path.to_owned()),
    };
    let hash = algorithm.map_or(Ok(Hash::Sha256), |name| Hash::of(&name))?;
    if hash == Hash::Sha1 {
        return Err(Error::Invalid("unsupported algorithm sha1".to_owned()));
    }
    Ok(Response::data(json!({ "sum": format.write(&hash.sum(&input)) })))
}
