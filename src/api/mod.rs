//! The Vault API as a client sees it.
