//! A JSON Web Token in its compact form: taken apart, its signature checked, its time judged.
//!
//! Sources: RFC 7515 (JWS), RFC 7519 (claims); the rules about times are those of the library that Vault and OpenBao
//! use (`hashicorp/cap`, `jwt.Validator`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::proof::Key;

/// Bytes of a token. The largest that issuers make, with hundreds of groups in them, have some ten thousand.
const BYTES_MAX: usize = 64 << 10;

/// What is added to make a missing start or end, in seconds, and the leeway of clocks.
const LEEWAY: i64 = 150;
const CLOCK_LEEWAY: i64 = 60;

/// A token, of which nothing is believed yet.
pub(in crate::engine::backend) struct Signed<'a> {
    /// How the header says that it was signed.
    pub(in crate::engine::backend) algorithm: String,
    /// Which key the header names.
    pub(in crate::engine::backend) key_id: Option<String>,
    message: &'a str,
    signature: Vec<u8>,
    claims: Map<String, Value>,
}

/// How much clocks may differ, in seconds: 0 is the usual, less than 0 none.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(in crate::engine::backend) struct Leeways {
    pub(in crate::engine::backend) expiration: i64,
    pub(in crate::engine::backend) not_before: i64,
    pub(in crate::engine::backend) clock_skew: i64,
}

impl<'a> Signed<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// What is wrong; nothing of the token is in it.
    pub(in crate::engine::backend) fn parse(token: &'a str) -> Result<Self, &'static str> {
        if token.len() > BYTES_MAX {
            return Err("the token is too long");
        }
        let (message, signature) = token.rsplit_once('.').ok_or("the token has not three parts")?;
        let (header, payload) = message.split_once('.').ok_or("the token has not three parts")?;
        if payload.contains('.') {
            return Err("the token has not three parts");
        }
        let header = object(header).ok_or("the token's header is not JSON in base64url")?;
        let claims = object(payload).ok_or("the token's claims are not JSON in base64url")?;
        let text = |name: &str| header.get(name).and_then(Value::as_str).map(str::to_owned);
        if header.contains_key("crit") {
            return Err("the token's header has extensions that must be understood, and are not");
        }
        Ok(Self {
            algorithm: text("alg").ok_or("the token's header names no algorithm")?,
            key_id: text("kid"),
            message,
            signature: URL_SAFE_NO_PAD.decode(signature).map_err(|_| "the token's signature is not base64url")?,
            claims,
        })
    }

    /// Its claims as they stand there: whoever takes them has somebody else to believe.
    pub(in crate::engine::backend) fn unproved(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Its claims, if one of these keys signed it. A key with a name is tried only for tokens that name it or none.
    pub(in crate::engine::backend) fn claims_by(&self, keys: &[Key]) -> Option<&Map<String, Value>> {
        let named = |key: &&Key| match (&key.id, &self.key_id) {
            (Some(key), Some(wanted)) => key == wanted,
            _ => true,
        };
        let verifies = |key: &Key| key.verifies(&self.algorithm, self.message.as_bytes(), &self.signature);
        keys.iter().filter(named).any(verifies).then_some(&self.claims)
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// Judges a token's times, all in seconds since 1970.
///
/// # Errors
/// Which of them is not met.
pub(in crate::engine::backend) fn check_times(
    claims: &Map<String, Value>,
    leeways: Leeways,
    now: i64,
) -> Result<(), &'static str> {
    let [issued, mut starts, mut ends] = [date(claims, "iat")?, date(claims, "nbf")?, date(claims, "exp")?];
    if issued == 0 && starts == 0 && ends == 0 {
        return Err("no issued at (iat), not before (nbf), or expiration time (exp) claims in token");
    }
    let leeway = |own: i64, usual: i64| match own {
        0 => usual,
        own => own.max(0),
    };
    if ends == 0 {
        ends = issued.max(starts).saturating_add(leeway(leeways.expiration, LEEWAY));
    }
    if starts == 0 {
        let before = || ends.saturating_sub(leeway(leeways.not_before, LEEWAY));
        starts = if issued == 0 { before() } else { issued };
    }
    let skew = leeway(leeways.clock_skew, CLOCK_LEEWAY);
    if now.saturating_add(skew) < starts {
        return Err("invalid not before (nbf) claim: token not yet valid");
    }
    if now.saturating_sub(skew) > ends {
        return Err("invalid expiration time (exp) claim: token is expired");
    }
    if now.saturating_add(skew) < issued {
        return Err("invalid issued at (iat) claim: token issued in the future");
    }
    Ok(())
}

/// A date among the claims; 0 where it has none.
fn date(claims: &Map<String, Value>, name: &str) -> Result<i64, &'static str> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => {
            let whole = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64));
            whole.ok_or("a time among the token's claims is no number")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Leeways, Signed, check_times};

    #[test]
    fn times_are_judged_with_leeway() {
        let usual = Leeways::default();
        let none = Leeways { expiration: -1, not_before: -1, clock_skew: -1 };
        let early = "invalid not before (nbf) claim: token not yet valid";
        let late = "invalid expiration time (exp) claim: token is expired";
        for (claims, leeways, expected) in [
            (json!({"exp": 1000}), usual, Ok(())),
            (json!({"exp": 940}), usual, Ok(())),
            (json!({"exp": 939}), usual, Err(late)),
            (json!({"exp": 999}), none, Err(late)),
            (json!({"exp": 1000.5}), none, Ok(())),
            // Without an end, it ends after a while.
            (json!({"iat": 800}), usual, Ok(())),
            (json!({"iat": 789}), usual, Err(late)),
            (json!({"iat": 999}), none, Err(late)),
            (json!({"nbf": 1061, "exp": 2000}), usual, Err(early)),
            (json!({"nbf": 1060, "exp": 2000}), usual, Ok(())),
            // Without a start, it starts when it was issued, or a while before its end.
            (json!({"iat": 1061, "exp": 2000}), usual, Err(early)),
            (json!({"exp": 2000}), usual, Err(early)),
            (
                json!({"iat": 1100, "nbf": 1, "exp": 2000}),
                usual,
                Err("invalid issued at (iat) claim: token issued in the future"),
            ),
            (
                json!({"sub": "x"}),
                usual,
                Err("no issued at (iat), not before (nbf), or expiration time (exp) claims in token"),
            ),
            (json!({"exp": "2000"}), usual, Err("a time among the token's claims is no number")),
        ] {
            assert_eq!(check_times(claims.as_object().unwrap(), leeways, 1000), expected, "{claims}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let header = |header: Value| {
            use base64::Engine as _;
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header.to_string())
        };
        let good = header(json!({"alg": "RS256"}));
        let claims = header(json!({"sub": "x"}));
        for (token, expected) in [
            (String::new(), "three parts"),
            ("a.b".to_owned(), "three parts"),
            (format!("{good}.{claims}.a.b"), "three parts"),
            (format!("{good}.{claims}.a=b"), "signature"),
            (format!("{good}.{good}x.AA"), "claims"),
            (format!("x{good}.{claims}.AA"), "header is not JSON"),
            (format!("{}.{claims}.AA", header(json!({"kid": "a"}))), "names no algorithm"),
            (format!("{}.{claims}.AA", header(json!({"alg": "RS256", "crit": ["exp"]}))), "extensions"),
            ("a".repeat(70_000), "too long"),
        ] {
            let told = Signed::parse(&token).err().unwrap_or_default();
            assert!(told.contains(expected), "{expected}: {told}");
        }
        assert!(Signed::parse(&format!("{good}.{claims}.")).unwrap().claims_by(&[]).is_none());
    }
}
