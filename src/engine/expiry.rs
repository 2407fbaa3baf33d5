//! The persisted index of what ends when.

/// The store key that says that `id` of a `kind` (`lease`, `token`) is due at `unix`.
pub(crate) fn due_key(unix: i64, kind: &str, id: &str) -> String {
    format!("due/{:016x}/{kind}/{id}", unix.max(0))
}
