//! Who is asked: an address, and the certificates that it is known by.

use http::Uri;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// An address that can be asked.
///
/// # Errors
/// Why it can't.
pub(crate) fn address(url: &str) -> Result<Uri, &'static str> {
    let uri = url.parse::<Uri>().ok().filter(|uri| matches!(uri.scheme_str(), Some("https" | "http")));
    let uri = uri.ok_or("this is no address that begins with https:// or http://")?;
    match host(&uri) {
        Some(_) => Ok(uri),
        None => Err("the address has no host"),
    }
}

/// The host of an address, without the brackets of an IPv6 address.
pub(crate) fn host(uri: &Uri) -> Option<&str> {
    uri.host().map(|host| host.trim_start_matches('[').trim_end_matches(']')).filter(|host| !host.is_empty())
}

/// The CA certificates of a PEM text.
///
/// # Errors
/// Why there are none that can be used.
pub(crate) fn certificates(pem: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| format!("the CA certificates can't be read: {error}"))?;
        roots.add(certificate).map_err(|error| format!("a CA certificate can't be used: {error}"))?;
    }
    if roots.is_empty() { Err("there is no certificate in the CA's text".to_owned()) } else { Ok(roots) }
}
