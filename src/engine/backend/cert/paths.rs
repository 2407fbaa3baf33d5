//! The paths of a cert mount (Vault API, "TLS certificates auth method").

use crate::engine::backend::login;
use crate::engine::wire::path::Shape::{Bool, Int, List, LowerWord, Text};
use crate::engine::wire::path::{Door, Parameter, Row, takes};
use crate::engine::wire::request::Operation::{Delete, List as ListAll, Read, Write};

const OWN: [Parameter; 16] = [
    takes("name", LowerWord("-."), "The role's name, in any case"),
    takes("certificate", Text, "PEM: CAs whose certificates log in, or the one that does; required"),
    takes("allowed_names", List, "Patterns: the common name, or a DNS or email name, is like one; * is any text"),
    takes("allowed_common_names", List, "Patterns of the common name"),
    takes("allowed_dns_sans", List, "Patterns, one of which a DNS name is like"),
    takes("allowed_email_sans", List, "Patterns, one of which an email address is like"),
    takes("allowed_uri_sans", List, "Patterns, one of which a URI is like"),
    takes("allowed_organizational_units", List, "Patterns, one of which an organizational unit is like"),
    takes("required_extensions", List, "OID:PATTERN, all of which the extensions are like"),
    takes("allowed_metadata_extensions", List, "OIDs of extensions that become metadata"),
    takes("display_name", Text, "What tokens are called after the mount; the role's name where none is given"),
    takes("ocsp_enabled", Bool, "Refused, but false"),
    takes("ocsp_ca_certificates", Text, "Refused, but empty"),
    takes("ocsp_servers_override", List, "Refused, but empty"),
    takes("ocsp_fail_open", Bool, "Refused, but false"),
    takes("ocsp_query_all_servers", Bool, "Refused, but false"),
];

const ROLE: &[Parameter] = &login::after::<16, { 16 + login::PARAMETERS.len() }>(OWN);

/// The table.
pub(super) const PATHS: &[Row] = &[
    Row::new("login", &[Write], "A token for the certificate of the connection")
        .with(&[takes("name", Text, "The role, in any case; any that admits the certificate where none is given")])
        .door(Door::Open),
    Row::new("config", &[Read, Write], "What renewals need and identity is told").with(&[
        takes("disable_binding", Bool, "Whether a renewal does without the certificate of the login").or("false"),
        takes("enable_identity_alias_metadata", Bool, "Whether a login's metadata becomes its alias'").or("false"),
    ]),
    Row::new("certs/?", &[ListAll], "The names of the roles").with(&[
        takes("after", Text, "Only names after this one"),
        takes("limit", Int, "At most so many"),
        takes("detailed", Bool, "With what a read of each would answer").or("false"),
    ]),
    Row::new("certs/:name", &[Read, Write, Delete], "Whose certificates log in, and what a login gets")
        .with(ROLE)
        .creates(),
];
