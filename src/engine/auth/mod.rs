//! Auth methods: who is asking.

pub(crate) mod approle;
pub(crate) mod token;
