//! What a certificate says of whose it is (RFC 5280).

use std::collections::BTreeMap;

use rustls::pki_types::CertificateDer;
use x509_parser::asn1_rs::{Any, FromDer as _, Tag};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::parse_x509_certificate;

use crate::engine::wire::error::Error;

/// What the certificate of somebody who logs in says.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    /// The last of them, as other servers read it; empty where there is none.
    pub(super) common_name: String,
    pub(super) units: Vec<String>,
    pub(super) dns: Vec<String>,
    pub(super) emails: Vec<String>,
    pub(super) uris: Vec<String>,
    /// The extensions by their ids (`1.2.3`); empty where one is no text.
    pub(super) extensions: BTreeMap<String, String>,
    /// In hex, `ab:cd`; empty where there is none.
    pub(super) subject_key_id: String,
    /// The same of who signed it.
    pub(super) authority_key_id: String,
}

impl Shown {
    /// Reads a client's certificate, which has to be one now, in seconds since 1970, and for clients.
    ///
    /// # Errors
    /// What is wrong with it. Its owner may know.
    pub(super) fn read(certificate: &CertificateDer<'_>, now: i64) -> Result<Self, Error> {
        let wrong = |what: &str| Error::Invalid(format!("failed to verify client's certificate: {what}"));
        let read = parsed(certificate).map_err(|what| wrong(&what))?;
        if now < read.validity().not_before.timestamp() {
            return Err(wrong("it is not valid yet"));
        }
        if now > read.validity().not_after.timestamp() {
            return Err(wrong("it has expired"));
        }
        if !is_for_clients(&read).map_err(|what| wrong(&what))? {
            return Err(wrong("its extended key usage is not that of clients"));
        }
        Self::of(&read).map_err(|what| wrong(&what))
    }

    fn of(read: &X509Certificate<'_>) -> Result<Self, String> {
        let text = |value: &x509_parser::x509::AttributeTypeAndValue<'_>| {
            value.as_str().map(str::to_owned).map_err(|_| "a part of its name is no text".to_owned())
        };
        let subject = read.subject();
        let mut shown = Self {
            common_name: subject.iter_common_name().last().map(text).transpose()?.unwrap_or_default(),
            units: subject.iter_organizational_unit().map(text).collect::<Result<_, _>>()?,
            ..Self::default()
        };
        for extension in read.extensions() {
            let value = Any::from_der(extension.value).ok().and_then(|(_, value)| text_of(&value)).unwrap_or_default();
            if shown.extensions.insert(extension.oid.to_id_string(), value).is_some() {
                return Err(format!("it has the extension {} twice", extension.oid.to_id_string()));
            }
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(names) => {
                    for name in &names.general_names {
                        match name {
                            GeneralName::DNSName(name) => shown.dns.push((*name).to_owned()),
                            GeneralName::RFC822Name(name) => shown.emails.push((*name).to_owned()),
                            GeneralName::URI(name) => shown.uris.push((*name).to_owned()),
                            _ => {}
                        }
                    }
                }
                ParsedExtension::SubjectKeyIdentifier(id) => shown.subject_key_id = hex_of(id.0),
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    shown.authority_key_id = id.key_identifier.as_ref().map_or_else(String::new, |id| hex_of(id.0));
                }
                _ => {}
            }
        }
        Ok(shown)
    }
}

/// A certificate as it can be looked at.
///
/// # Errors
/// Why it can't.
pub(super) fn parsed<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, String> {
    match parse_x509_certificate(certificate) {
        Ok(([], read)) => Ok(read),
        Ok(_) => Err("it goes on behind its end".to_owned()),
        Err(error) => Err(format!("it can't be read: {error}")),
    }
}

/// Whether a certificate may be used by clients: it says so, or nothing of what it is for.
///
/// # Errors
/// It says it in a way that can't be read.
pub(super) fn is_for_clients(read: &X509Certificate<'_>) -> Result<bool, String> {
    let usage = read.extended_key_usage().map_err(|error| format!("its extended key usage can't be read: {error}"))?;
    Ok(usage.is_none_or(|usage| usage.value.client_auth || usage.value.any))
}

/// The text of a value that is one.
fn text_of(value: &Any<'_>) -> Option<String> {
    const TEXTS: [Tag; 4] = [Tag::Utf8String, Tag::PrintableString, Tag::Ia5String, Tag::NumericString];
    let is_text = TEXTS.contains(&value.tag());
    std::str::from_utf8(value.data).ok().filter(|_| is_text).map(str::to_owned)
}

fn hex_of(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}
