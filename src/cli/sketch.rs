//! `--output-curl-string` and `--output-policy`: the request that a command would send, and the policy that lets it. The
//! command goes its way up to that request, which is not sent.

use serde_json::Value;

use super::error::CliError;
use super::global::Global;
use super::output;
use crate::api::{Client, Unsent};
use crate::keeper::quoted;

/// What is printed of a request instead of sending it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sketch {
    /// A line for a shell.
    Curl,
    /// Rules in HCL.
    Policy,
}

impl Sketch {
    /// Prints it. `client` asks whether the path takes `sudo`, where the server tells of its paths.
    ///
    /// # Errors
    /// A request to an embedded engine, which no other program reaches; stdout that can't be written.
    pub(crate) async fn print(self, request: &Unsent, client: &Client, is_embedded: bool) -> Result<u8, CliError> {
        match self {
            Self::Curl if is_embedded => {
                Err(CliError::new(1, "the embedded engine has no address that curl could go to")
                    .hint("`leasehold server` gives it one"))
            }
            Self::Curl => output::line(&curl(request)).map(|()| 0),
            Self::Policy => output::line(&policy(request, takes_sudo(request, client).await)).map(|()| 0),
        }
    }
}

impl Global {
    /// What is to be printed of the request of a command, if that is to be done instead.
    ///
    /// # Errors
    /// Both at once.
    pub(crate) fn sketch(&self) -> Result<Option<Sketch>, CliError> {
        match (self.output_curl_string, self.output_policy) {
            (true, true) => Err(CliError::new(1, "--output-curl-string and --output-policy print two things: say one")),
            (true, false) => Ok(Some(Sketch::Curl)),
            (false, true) => Ok(Some(Sketch::Policy)),
            (false, false) => Ok(None),
        }
    }
}

fn curl(request: &Unsent) -> String {
    let mut line = "curl".to_owned();
    if request.method != "GET" {
        line += &format!(" -X {}", request.method);
    }
    if let Some(socket) = &request.socket {
        line += &format!(" --unix-socket {}", quoted(socket));
    }
    line += " -H \"X-Vault-Request: true\"";
    if request.has_token {
        line += " -H \"X-Vault-Token: $(leasehold print token)\"";
    }
    for (name, value) in [("X-Vault-Namespace", &request.namespace), ("X-Vault-Wrap-TTL", &request.wrap_ttl)] {
        if let Some(value) = value {
            line += &format!(" -H {}", quoted(&format!("{name}: {value}")));
        }
    }
    if let Some(body) = &request.body {
        if request.media_type != "application/json" {
            line += &format!(" -H {}", quoted(&format!("Content-Type: {}", request.media_type)));
        }
        line += &format!(" -d {}", quoted(&Value::Object(body.clone()).to_string()));
    }
    if let Some(file) = &request.file {
        line += &format!(" --data-binary {}", quoted(&format!("@{file}")));
    }
    line + &format!(" {}", quoted(&request.url))
}

/// Whether a path takes `sudo`: what a server says of itself, which is nothing where it has no help.
async fn takes_sudo(request: &Unsent, client: &Client) -> bool {
    let told = client.read_with(&request.path, &[("help".to_owned(), "1".to_owned())]).await;
    let Ok(Some(told)) = told else { return false };
    let paths = told.body.pointer("/openapi/paths").and_then(Value::as_object);
    paths.is_some_and(|paths| paths.values().any(|path| path["x-vault-sudo"] == true))
}

fn policy(request: &Unsent, sudo: bool) -> String {
    let mut capabilities = match (request.method, request.is_list) {
        (_, true) => vec!["list"],
        ("GET", _) => vec!["read"],
        ("DELETE", _) => vec!["delete"],
        ("PATCH", _) => vec!["patch"],
        _ => vec!["create", "update"],
    };
    if sudo {
        capabilities.push("sudo");
    }
    let capabilities: Vec<String> = capabilities.iter().map(|capability| format!("\"{capability}\"")).collect();
    format!("path {:?} {{\n  capabilities = [{}]\n}}", request.path, capabilities.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{curl, policy};
    use crate::api::Unsent;

    #[test]
    fn a_request_is_a_line_for_a_shell_and_a_rule_of_a_policy() {
        let mut request = Unsent {
            method: "GET",
            is_list: false,
            path: "aws/roles/web".to_owned(),
            socket: None,
            url: "http://127.0.0.1:8200/v1/aws/roles/web".to_owned(),
            body: None,
            file: None,
            media_type: "application/json",
            namespace: None,
            wrap_ttl: None,
            has_token: true,
        };
        let token = "-H \"X-Vault-Request: true\" -H \"X-Vault-Token: $(leasehold print token)\"";
        assert_eq!(curl(&request), format!("curl {token} 'http://127.0.0.1:8200/v1/aws/roles/web'"));
        assert_eq!(policy(&request, false), "path \"aws/roles/web\" {\n  capabilities = [\"read\"]\n}");
        request.method = "PATCH";
        request.media_type = "application/merge-patch+json";
        request.body = json!({ "it's": 1 }).as_object().cloned();
        request.namespace = Some("team".to_owned());
        assert_eq!(
            curl(&request),
            format!(
                "curl -X PATCH {token} -H 'X-Vault-Namespace: team' -H 'Content-Type: application/merge-patch+json' -d \
                 '{{\"it'\\''s\":1}}' 'http://127.0.0.1:8200/v1/aws/roles/web'"
            )
        );
        request.method = "PUT";
        assert!(policy(&request, true).contains("[\"create\", \"update\", \"sudo\"]"));
    }
}
