//! What commands share: the estate, the environment, a client to its engine.
