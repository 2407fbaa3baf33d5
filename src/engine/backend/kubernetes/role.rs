//! The roles: whose service accounts log in, and what token a login gets.

use serde_json::{Value, json};

use crate::engine::backend::login::TokenTerms;
use crate::engine::backend::login::role::Stored;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::Origin;
use crate::text::is_like;

/// The record of one role.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Role {
    /// Lower case.
    pub(super) name: String,
    /// Names and namespaces, in which `*` is any text.
    names: Vec<String>,
    namespaces: Vec<String>,
    /// For whom a token has to be; empty for the cluster itself.
    pub(super) audience: String,
    /// By what the method calls who logs in: the account's uid, or its namespace and name.
    alias_name_source: String,
    pub(super) token: TokenTerms,
    /// Where the role was declared; copied into the tokens of its logins.
    #[serde(default)]
    pub(super) origin: Option<Origin>,
}

/// The metadata that says of which role a login was.
pub(super) const ROLE: &str = "role";

/// What names an alias where nobody says it.
const UID: &str = "serviceaccount_uid";

fn invalid(text: impl Into<String>) -> Error {
    Error::Invalid(text.into())
}

impl Stored for Role {
    type Completer = ();

    fn fresh(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            names: Vec::new(),
            namespaces: Vec::new(),
            audience: String::new(),
            alias_name_source: UID.to_owned(),
            token: TokenTerms::fresh(),
            origin: None,
        }
    }

    fn merge(&mut self, fields: Fields<'_>) -> Result<(), Error> {
        if let Some(names) = fields.list("bound_service_account_names")? {
            self.names = names;
        }
        if let Some(namespaces) = fields.list("bound_service_account_namespaces")? {
            self.namespaces = namespaces;
        }
        if fields.string("bound_service_account_namespace_selector")?.is_some_and(|selector| !selector.is_empty()) {
            return Err(invalid(
                "the parameter \"bound_service_account_namespace_selector\" is not supported by this server",
            ));
        }
        if let Some(audience) = fields.string("audience")? {
            self.audience = audience;
        }
        if let Some(source) = fields.string("alias_name_source")? {
            self.alias_name_source = source;
        }
        self.token.merge(fields)
    }

    fn check(&self) -> Result<(), Error> {
        for (field, values) in
            [("bound_service_account_names", &self.names), ("bound_service_account_namespaces", &self.namespaces)]
        {
            if values.is_empty() {
                return Err(invalid(format!("{field:?} can not be empty")));
            }
            if values.len() > 1 && values.iter().any(|value| value == "*") {
                return Err(invalid("can not mix \"*\" with values"));
            }
        }
        if ![UID, "serviceaccount_name"].contains(&self.alias_name_source.as_str()) {
            return Err(invalid(format!("invalid alias_name_source {:?}", self.alias_name_source)));
        }
        self.token.check()
    }

    fn read(&self) -> Value {
        let mut read = json!({
            "bound_service_account_names": self.names,
            "bound_service_account_namespaces": self.namespaces,
            "bound_service_account_namespace_selector": "",
            "alias_name_source": self.alias_name_source,
        });
        if !self.audience.is_empty() {
            read["audience"] = self.audience.as_str().into();
        }
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
    /// Whether who logs in is known by namespace and name, and not by the account's uid.
    pub(super) fn is_named_by_account(&self) -> bool {
        self.alias_name_source != UID
    }

    /// Whether it takes a service account.
    ///
    /// # Errors
    /// What of it is not taken.
    pub(super) fn admit(&self, namespace: &str, name: &str) -> Result<(), Error> {
        let takes = |all: &[String], one: &str| all.iter().any(|pattern| is_like(pattern, one));
        if !takes(&self.names, name) {
            return Err(Error::Forbidden("service account name not authorized".to_owned()));
        }
        if !takes(&self.namespaces, namespace) {
            return Err(Error::Forbidden("namespace not authorized".to_owned()));
        }
        Ok(())
    }
}
