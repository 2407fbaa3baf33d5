//! Public keys: read from PEM and from JSON Web Keys, and what a signature by one is.
//!
//! Sources: RFC 7517 (JWK), RFC 7518 section 3 (algorithms) and 6 (keys), RFC 8037 (Ed25519), RFC 5280 (SPKI).

use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Map, Value};

/// The algorithms that are taken, by their names in a token's header. What is symmetric, and `none`, is not among them.
pub(in crate::engine::backend) const ALGORITHMS: [&str; 10] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/// Keys of a set that are looked at: a set with more would be no issuer's.
const KEYS_MAX: usize = 256;

/// One public key.
#[derive(Clone, Debug)]
pub(in crate::engine::backend) struct Key {
    /// How tokens name it; a key of PEM has no name, and is tried for every token.
    pub(in crate::engine::backend) id: Option<String>,
    /// The only algorithm that it is for, if its issuer says one.
    algorithm: Option<String>,
    material: Material,
}

#[derive(Clone, Debug)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    RsaInfo(Vec<u8>),
    /// A point or an SPKI, on the curve of this algorithm.
    Curve(&'static str, Vec<u8>),
}

impl Key {
    /// A key of PEM text: `BEGIN PUBLIC KEY`.
    ///
    /// # Errors
    /// Why it is not one that can be used.
    pub(in crate::engine::backend) fn of_pem(text: &str) -> Result<Self, String> {
        let info = SubjectPublicKeyInfoDer::from_pem_slice(text.trim().as_bytes())
            .map_err(|_| "it is not PEM text that begins with -----BEGIN PUBLIC KEY-----".to_owned())?;
        let info: &[u8] = &info;
        let has = |id: &[u8]| info[..info.len().min(OBJECT_IDS_END)].windows(id.len()).any(|part| part == id);
        let material = if has(RSA) {
            Material::RsaInfo(info.to_vec())
        } else {
            let curve = CURVES.iter().find(|(id, _)| has(id)).map(|(_, name)| *name);
            Material::Curve(curve.ok_or("it is neither RSA, P-256, P-384, P-521 nor Ed25519")?, info.to_vec())
        };
        let key = Self { id: None, algorithm: None, material };
        key.check().map(|()| key)
    }

    /// Those of a key set that can verify signatures; others may be in it, of kinds to come.
    ///
    /// # Errors
    /// If it is no key set.
    pub(in crate::engine::backend) fn of_set(text: &[u8]) -> Result<Vec<Self>, String> {
        let set: Map<String, Value> =
            serde_json::from_slice(text).map_err(|error| format!("the key set is not JSON: {error}"))?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or("the key set has no `keys`")?;
        Ok(keys.iter().take(KEYS_MAX).filter_map(Value::as_object).filter_map(Self::of_jwk).collect())
    }

    fn of_jwk(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?.trim_end_matches('=')).ok();
        if text("use").is_some_and(|used| used != "sig") {
            return None;
        }
        let material = match (text("kty")?, text("crv")) {
            ("RSA", _) => Material::Rsa { n: unsigned(bytes("n")?), e: unsigned(bytes("e")?) },
            ("EC", Some(curve)) => {
                let (name, width): (_, usize) = match curve {
                    "P-256" => ("ES256", 32),
                    "P-384" => ("ES384", 48),
                    "P-521" => ("ES512", 66),
                    _ => return None,
                };
                let mut point = vec![UNCOMPRESSED];
                for coordinate in [bytes("x")?, bytes("y")?] {
                    point.resize(point.len() + width.checked_sub(coordinate.len())?, 0);
                    point.extend(coordinate);
                }
                Material::Curve(name, point)
            }
            ("OKP", Some("Ed25519")) => Material::Curve("EdDSA", bytes("x")?),
            _ => return None,
        };
        let key = Self { id: text("kid").map(str::to_owned), algorithm: text("alg").map(str::to_owned), material };
        key.check().ok().map(|()| key)
    }

    /// Whether it can be used at all.
    fn check(&self) -> Result<(), String> {
        let unusable =
            |_| "it can't be used: a key of RSA has 2048 to 8192 bits, and of a curve a point on it".to_owned();
        match &self.material {
            Material::Rsa { n, e } => {
                let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
                if (2048..=8192).contains(&bits) && !e.is_empty() { Ok(()) } else { Err(unusable(())) }
            }
            Material::RsaInfo(info) => {
                ParsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, info).map(drop).map_err(|_| unusable(()))
            }
            Material::Curve(name, key) => {
                let algorithm = of_curve(name).ok_or_else(|| unusable(()))?;
                ParsedPublicKey::new(algorithm, key).map(drop).map_err(|_| unusable(()))
            }
        }
    }

    /// Whether it made a signature, by this algorithm, of a message.
    pub(in crate::engine::backend) fn verifies(&self, algorithm: &str, message: &[u8], signed: &[u8]) -> bool {
        if self.algorithm.as_deref().is_some_and(|only| only != algorithm) {
            return false;
        }
        match &self.material {
            Material::Rsa { n, e } => of_rsa(algorithm)
                .is_some_and(|parameters| RsaPublicKeyComponents { n, e }.verify(parameters, message, signed).is_ok()),
            Material::RsaInfo(info) => of_rsa(algorithm).is_some_and(|parameters| {
                signature::UnparsedPublicKey::new(parameters, info).verify(message, signed).is_ok()
            }),
            Material::Curve(name, key) if *name == algorithm => of_curve(name).is_some_and(|parameters| {
                signature::UnparsedPublicKey::new(parameters, key).verify(message, signed).is_ok()
            }),
            Material::Curve(..) => false,
        }
    }
}

fn of_rsa(algorithm: &str) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        "RS256" => &signature::RSA_PKCS1_2048_8192_SHA256,
        "RS384" => &signature::RSA_PKCS1_2048_8192_SHA384,
        "RS512" => &signature::RSA_PKCS1_2048_8192_SHA512,
        "PS256" => &signature::RSA_PSS_2048_8192_SHA256,
        "PS384" => &signature::RSA_PSS_2048_8192_SHA384,
        "PS512" => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

fn of_curve(algorithm: &str) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match algorithm {
        "ES256" => &signature::ECDSA_P256_SHA256_FIXED,
        "ES384" => &signature::ECDSA_P384_SHA384_FIXED,
        "ES512" => &signature::ECDSA_P521_SHA512_FIXED,
        "EdDSA" => &signature::ED25519,
        _ => return None,
    })
}

/// A number without the zeros before it.
fn unsigned(mut bytes: Vec<u8>) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.drain(..zeros);
    bytes
}

/// What a point of a curve begins with that has both coordinates.
const UNCOMPRESSED: u8 = 4;

/// Bytes of an SPKI after which there is the key itself, and no object id.
const OBJECT_IDS_END: usize = 32;

/// 1.2.840.113549.1.1.1.
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// The object ids of curves, and the algorithm that is for them.
const CURVES: [(&[u8], &str); 4] = [
    (&[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07], "ES256"),
    (&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22], "ES384"),
    (&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23], "ES512"),
    (&[0x06, 0x03, 0x2b, 0x65, 0x70], "EdDSA"),
];
