//! The roles: whose certificates log in, and what token a login gets.

use serde_json::{Value, json};

use super::read::Shown;
use super::trust::Trusted;
use crate::engine::backend::login::TokenTerms;
use crate::engine::backend::login::role::Stored;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::presented::Chain;
use crate::engine::wire::request::Origin;
use crate::text::is_like;

/// The record of one role.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Role {
    /// Lower case.
    pub(super) name: String,
    /// PEM.
    certificate: String,
    /// Patterns in which `*` is any text, as all that follow. No pattern is any.
    names: Vec<String>,
    common_names: Vec<String>,
    dns_sans: Vec<String>,
    email_sans: Vec<String>,
    uri_sans: Vec<String>,
    units: Vec<String>,
    /// `OID:PATTERN`.
    extensions: Vec<String>,
    /// Ids of extensions that become metadata.
    pub(super) metadata_extensions: Vec<String>,
    pub(super) display_name: String,
    pub(super) token: TokenTerms,
    /// Where the role was declared; copied into the tokens of its logins.
    #[serde(default)]
    pub(super) origin: Option<Origin>,
}

/// What only servers that ask others about certificates have.
const ELSEWHERE: [&str; 5] =
    ["ocsp_enabled", "ocsp_ca_certificates", "ocsp_servers_override", "ocsp_fail_open", "ocsp_query_all_servers"];

impl Stored for Role {
    type Completer = ();

    fn fresh(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            certificate: String::new(),
            names: Vec::new(),
            common_names: Vec::new(),
            dns_sans: Vec::new(),
            email_sans: Vec::new(),
            uri_sans: Vec::new(),
            units: Vec::new(),
            extensions: Vec::new(),
            metadata_extensions: Vec::new(),
            display_name: String::new(),
            token: TokenTerms::fresh(),
            origin: None,
        }
    }

    fn merge(&mut self, fields: Fields<'_>) -> Result<(), Error> {
        for name in ELSEWHERE {
            let is_empty = match fields.0.get(name) {
                None | Some(Value::Null | Value::Bool(false)) => true,
                Some(Value::String(text)) => text.is_empty() || text == "false",
                Some(Value::Array(all)) => all.is_empty(),
                Some(_) => false,
            };
            if !is_empty {
                return Err(Error::Invalid(format!("the parameter {name:?} is not supported by this server")));
            }
        }
        for (name, slot) in [("certificate", &mut self.certificate), ("display_name", &mut self.display_name)] {
            if let Some(text) = fields.string(name)? {
                *slot = text;
            }
        }
        for (name, slot) in [
            ("allowed_names", &mut self.names),
            ("allowed_common_names", &mut self.common_names),
            ("allowed_dns_sans", &mut self.dns_sans),
            ("allowed_email_sans", &mut self.email_sans),
            ("allowed_uri_sans", &mut self.uri_sans),
            ("allowed_organizational_units", &mut self.units),
            ("required_extensions", &mut self.extensions),
            ("allowed_metadata_extensions", &mut self.metadata_extensions),
        ] {
            if let Some(list) = fields.list(name)? {
                *slot = list;
            }
        }
        if self.display_name.is_empty() {
            self.display_name = self.name.clone();
        }
        self.token.merge(fields)
    }

    fn check(&self) -> Result<(), Error> {
        Trusted::read(&self.certificate).map_err(Error::Invalid)?;
        for required in &self.extensions {
            if !required.split_once(':').is_some_and(|(id, _)| is_id(id)) {
                return Err(Error::Invalid(format!("required_extensions: {required:?} is not OID:PATTERN")));
            }
        }
        if let Some(id) = self.metadata_extensions.iter().find(|id| !is_id(id)) {
            return Err(Error::Invalid(format!("allowed_metadata_extensions: {id:?} is no OID")));
        }
        self.token.check()
    }

    fn read(&self) -> Value {
        let mut read = json!({
            "certificate": self.certificate,
            "display_name": self.display_name,
            "allowed_names": self.names,
            "allowed_common_names": self.common_names,
            "allowed_dns_sans": self.dns_sans,
            "allowed_email_sans": self.email_sans,
            "allowed_uri_sans": self.uri_sans,
            "allowed_organizational_units": self.units,
            "required_extensions": self.extensions,
            "allowed_metadata_extensions": self.metadata_extensions,
            "ocsp_ca_certificates": "",
            "ocsp_enabled": false,
            "ocsp_servers_override": [],
            "ocsp_fail_open": false,
            "ocsp_query_all_servers": false,
        });
        self.token.show(&mut read);
        read
    }

    fn token(&self) -> &TokenTerms {
        &self.token
    }

    fn set_origin(&mut self, origin: Option<Origin>) {
        self.origin = origin;
    }
}

impl Role {
    /// Whether it trusts whatever its CAs signed, and not one certificate.
    pub(super) fn is_of_ca(&self) -> bool {
        self.trusted().is_some_and(|trusted| trusted.is_of_ca())
    }

    /// Whether it trusts who vouches for a client's certificate, now, in seconds since 1970.
    pub(super) fn trusts(&self, chain: &Chain, now: i64) -> bool {
        self.trusted().is_some_and(|trusted| trusted.vouch_for(chain, now))
    }

    /// What was read when it was written.
    fn trusted(&self) -> Option<Trusted> {
        Trusted::read(&self.certificate).ok()
    }

    /// Whether it takes who a certificate says to be.
    pub(super) fn admits(&self, shown: &Shown) -> bool {
        let likes = |patterns: &[String], names: &[&[String]]| {
            let mut names = names.iter().copied().flatten();
            patterns.is_empty() || names.any(|name| patterns.iter().any(|pattern| is_like(pattern, name)))
        };
        let common = std::slice::from_ref(&shown.common_name);
        likes(&self.names, &[common, &shown.dns, &shown.emails])
            && likes(&self.common_names, &[common])
            && likes(&self.dns_sans, &[&shown.dns])
            && likes(&self.email_sans, &[&shown.emails])
            && likes(&self.uri_sans, &[&shown.uris])
            && likes(&self.units, &[&shown.units])
            && self.extensions.iter().all(|required| {
                let found = required.split_once(':').map(|(id, pattern)| (shown.extensions.get(id), pattern));
                found.is_some_and(|(value, pattern)| value.is_some_and(|value| is_like(pattern, value)))
            })
    }
}

/// Whether a text is the id of an extension: `1.2.840`.
fn is_id(text: &str) -> bool {
    text.contains('.') && text.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}
