//! The forms that commands print in.

use clap::ValueEnum;

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns for people.
    Table,
    /// JSON.
    Json,
    /// YAML.
    #[value(alias = "yml")]
    Yaml,
    /// `export` lines for a shell (`leasehold creds`).
    Env,
    /// What the AWS SDKs' `credential_process` expects (`leasehold creds`).
    Process,
    /// Text for people (`leasehold review`).
    Text,
    /// A comment on a pull request (`leasehold plan`, `leasehold review`).
    #[value(alias = "md")]
    Markdown,
    /// SARIF, for code scanning (`leasehold review`, `leasehold drift`).
    Sarif,
    /// JUnit XML, for what shows tests (`leasehold plan`, `leasehold drift`).
    Junit,
    /// One HTML file (`leasehold plan`, `leasehold review`, `leasehold drift`).
    Html,
    /// The DOT language of Graphviz (`leasehold graph`).
    Dot,
    /// A Mermaid flowchart (`leasehold graph`).
    Mermaid,
    /// A picture (`leasehold graph`).
    Svg,
}

impl Format {
    /// The word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Env => "env",
            Self::Process => "process",
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Html => "html",
            Self::Dot => "dot",
            Self::Mermaid => "mermaid",
            Self::Svg => "svg",
        }
    }
}
