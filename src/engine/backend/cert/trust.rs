//! Whom a role trusts: the certificates of its text, and whether one of them vouches for a client's.
//!
//! Where the first is no CA's, it is the one certificate that logs in. Else all of them are CAs; a CA of the text may log in
//! itself, which is how a certificate that signed itself does. Source: OpenBao, `builtin/credential/cert/path_login.go`.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, Error as Fault, KeyUsage, VerifiedPath, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;

use super::read::{is_for_clients, parsed};
use crate::engine::wire::presented::Chain;

/// The certificates of a role.
#[derive(Debug)]
pub(super) struct Trusted {
    certificates: Vec<CertificateDer<'static>>,
    /// Whether they are CAs.
    is_of_ca: bool,
}

impl Trusted {
    /// Reads a PEM text.
    ///
    /// # Errors
    /// Why it holds nobody who can be trusted.
    pub(super) fn read(pem: &str) -> Result<Self, String> {
        if pem.contains("PRIVATE KEY-----") {
            return Err("there is a private key in it, which would be readable here: take it out, and make a new one"
                .to_owned());
        }
        let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| format!("failed to parse certificate: {error}"))?;
        let Some(first) = certificates.first() else {
            return Err("failed to parse certificate: there is none in PEM form".to_owned());
        };
        let is_of_ca = parsed(first).map_err(|what| format!("failed to parse certificate: {what}"))?.is_ca();
        for (index, certificate) in certificates.iter().enumerate() {
            let wrong = |what: &str| format!("failed to parse certificate {} of the text: {what}", index + 1);
            let read = parsed(certificate).map_err(|what| wrong(&what))?;
            if is_of_ca && !read.is_ca() {
                return Err(wrong("it is not a CA's, as the first is"));
            }
            anchor_from_trusted_cert(certificate).map_err(|error| wrong(&error.to_string()))?;
            if !is_of_ca && index == 0 && !is_for_clients(&read)? {
                return Err(
                    "nonCA certificates should have TLS client authentication set as an extended key usage".to_owned()
                );
            }
        }
        Ok(Self { certificates, is_of_ca })
    }

    /// Whether they are CAs.
    pub(super) fn is_of_ca(&self) -> bool {
        self.is_of_ca
    }

    /// Whether they vouch for a client's certificate, now, in seconds since 1970. That the client's own is one now and for
    /// clients was looked at before.
    pub(super) fn vouch_for(&self, chain: &Chain, now: i64) -> bool {
        match self.certificates.as_slice() {
            [own, ..] if !self.is_of_ca => *own == chain.own,
            all => all.contains(&chain.own) || self.is_signed(chain, now),
        }
    }

    /// Whether a path leads from the client's certificate to one of the CAs. What of a CA `webpki` leaves to whom trusts it
    /// (its dates, its use and how long its paths are) is looked at here.
    fn is_signed(&self, chain: &Chain, now: i64) -> bool {
        let living: Vec<(TrustAnchor<'_>, Option<u32>)> = self
            .certificates
            .iter()
            .filter_map(|certificate| {
                let read = parsed(certificate).ok()?;
                let anchor = anchor_from_trusted_cert(certificate).ok()?;
                may_sign(&read, now).then(|| (anchor, path_length(&read)))
            })
            .collect();
        let anchors: Vec<TrustAnchor<'_>> = living.iter().map(|(anchor, _)| anchor.clone()).collect();
        let is_short_enough = |path: &VerifiedPath<'_>| {
            let length = path.intermediate_certificates().count();
            let fits = |(anchor, most): &(TrustAnchor<'_>, Option<u32>)| {
                anchor == path.anchor() && most.is_none_or(|most| length <= most as usize)
            };
            if living.iter().any(fits) { Ok(()) } else { Err(Fault::PathLenConstraintViolated) }
        };
        let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
        let Ok(now) = u64::try_from(now) else { return false };
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now));
        let Ok(own) = EndEntityCert::try_from(&chain.own) else { return false };
        own.verify_for_usage(
            algorithms,
            &anchors,
            &chain.between,
            time,
            KeyUsage::client_auth(),
            None,
            Some(&is_short_enough),
        )
        .is_ok()
    }
}

/// Whether a CA may vouch for clients now.
fn may_sign(read: &X509Certificate<'_>, now: i64) -> bool {
    let validity = read.validity();
    let lives = (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now);
    let signs = read.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.key_cert_sign()));
    lives && signs && is_for_clients(read) == Ok(true)
}

/// How many certificates may stand between a CA and a client's at most; nothing for any number.
fn path_length(read: &X509Certificate<'_>) -> Option<u32> {
    read.basic_constraints().ok().flatten().and_then(|constraints| constraints.value.path_len_constraint)
}
