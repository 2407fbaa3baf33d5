//! Why what Terraform has can't be read at all.

/// Why Terraform's files can't be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// It is no JSON.
    #[error("it is no JSON: look at line {line}, column {column}")]
    NoJson {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// It is JSON, and something else.
    #[error(
        "it is neither a plan nor a state: `terraform show -json` prints both, and `terraform state pull` the latter"
    )]
    NoForm,
    /// It is a state of another time.
    #[error(
        "it is a state of version {0}, and 4 is read: `terraform show -json` prints any that Terraform understands"
    )]
    Version(i64),
    /// Its modules are too deep in each other.
    #[error("modules are more than 64 deep in each other")]
    TooDeep,
    /// A file changes others.
    #[error("{0} changes what other files say, which is not followed here: take a plan or the state")]
    Override(String),
    /// A file of the configuration is not understood.
    #[error("{file}:{line}: this is not what Terraform reads: {what}")]
    Syntax {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// What is wrong.
        what: String,
    },
}
