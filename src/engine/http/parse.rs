//! From an HTTP request to a [`Request`]: method, path, headers, query, body.

use std::net::SocketAddr;
use std::ops::Range;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use serde_json::{Map, Value};

use super::{json, path};
use crate::acl::in_lower_case;
use crate::engine::wire::error::Error;
use crate::engine::wire::presented::Presented;
use crate::engine::wire::request::{Operation, Origin, Request};
use crate::secret::Secret;
use crate::units::duration;

/// Longer `X-Leasehold-*` values are refused, in bytes.
const ORIGIN_BYTES_MAX: usize = 512;

/// Where a change comes from, and what a role is judged by. Others of the name are refused: what a newer client means
/// by one must not get lost.
const OURS: [&str; 6] = [
    "x-leasehold-commit",
    "x-leasehold-app",
    "x-leasehold-source",
    "x-leasehold-review",
    "x-leasehold-plan",
    "x-leasehold-guardrails",
];

/// As long as the list of guardrails of a role may be, in bytes of base64.
pub(super) const GUARDRAILS_BYTES_MAX: usize = 48 << 10;

/// Reads everything that the pipeline needs to know. `body` is within the size limit; `folded` tells which
/// segments of a path the backend reads in any case.
pub(super) fn parse(
    folded: &dyn Fn(&str) -> Range<usize>,
    id: String,
    parts: &Parts,
    body: &Bytes,
    remote: Option<SocketAddr>,
) -> Result<Request, Error> {
    let invalid = |text: &str| Error::Invalid(text.to_owned());
    let raw = parts.uri.path();
    let Some(raw) = raw.strip_prefix("/v1/") else { return Err(Error::NotFound) };
    let given = path::parse(raw).map_err(invalid)?;
    let query = path::query(parts.uri.query().unwrap_or_default()).map_err(invalid)?;
    let operation = operation(&parts.method, &query)?;
    let help = operation == Operation::Read && flag(&query, "help")?;
    let (path, folded) = canonical(folded, operation, &given)?;
    unsupported_headers(&parts.headers)?;
    let data = match operation {
        Operation::Write if is_form(&parts.headers, body) => form(body)?,
        Operation::Write => json::parse(body).map_err(Error::Invalid)?,
        Operation::Patch => {
            if content_type(&parts.headers)? != "application/merge-patch+json" {
                return Err(Error::MediaType("PATCH requires Content-Type application/merge-patch+json".to_owned()));
            }
            json::parse(body).map_err(Error::Invalid)?
        }
        Operation::Read | Operation::Delete | Operation::List => parameters(query),
    };
    Ok(Request {
        id,
        operation,
        help,
        path,
        folded,
        data,
        bulk: None,
        token: token(&parts.headers)?,
        remote,
        presented: Presented::Plain,
        wrap_ttl: wrap_ttl(&parts.headers)?,
        origin: origin(&parts.headers)?,
        guardrails: guardrails(&parts.headers)?,
    })
}

/// The one spelling of a path, and whether a name in it was given in another case. A list's path ends in a
/// slash and no other does; where the backend reads a name in any case, it is in lower case.
fn canonical(
    folded: &dyn Fn(&str) -> Range<usize>,
    operation: Operation,
    given: &str,
) -> Result<(String, bool), Error> {
    let bare = given.strip_suffix('/').unwrap_or(given);
    if matches!(operation, Operation::Write | Operation::Patch) && given != bare {
        return Err(Error::Invalid("cannot write to a path ending in '/'".to_owned()));
    }
    let mut path = in_lower_case(bare, &folded(bare));
    let folded = path != bare;
    if operation == Operation::List && !path.is_empty() {
        path.push('/');
    }
    Ok((path, folded))
}

fn operation(method: &Method, query: &[(String, String)]) -> Result<Operation, Error> {
    match method.as_str() {
        "GET" | "HEAD" => {
            if flag(query, "scan")? {
                return Err(Error::UnsupportedOperation);
            }
            Ok(if flag(query, "list")? { Operation::List } else { Operation::Read })
        }
        "LIST" => Ok(Operation::List),
        "POST" | "PUT" => Ok(Operation::Write),
        "PATCH" => Ok(Operation::Patch),
        "DELETE" => Ok(Operation::Delete),
        _ => Err(Error::UnsupportedOperation),
    }
}

/// A query parameter that is on or off.
fn flag(query: &[(String, String)], name: &str) -> Result<bool, Error> {
    let value = query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    match value {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "" | "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(Error::Invalid(format!("the query parameter {name} must be true or false"))),
    }
}

/// The media type of the body, without its parameters, in lower case; empty if none is given.
fn content_type(headers: &HeaderMap) -> Result<String, Error> {
    let given = text(headers, header::CONTENT_TYPE.as_str())?.unwrap_or_default();
    Ok(given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Whether the body is a form. curl calls whatever it sends a form, so JSON is told by its first byte.
fn is_form(headers: &HeaderMap, body: &[u8]) -> bool {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    content_type(headers).is_ok_and(|kind| kind == "application/x-www-form-urlencoded")
        && first.is_some_and(|first| *first != b'{')
}

/// The fields of a form, read as those of a query are.
fn form(body: &[u8]) -> Result<Map<String, Value>, Error> {
    let invalid = |text: &str| Error::Invalid(text.replace("query", "form"));
    let text = std::str::from_utf8(body).map_err(|_| invalid("the query is not UTF-8"))?;
    Ok(parameters(path::query(text.trim()).map_err(invalid)?))
}

/// Query parameters as data: one value is a string, several are a list.
fn parameters(query: Vec<(String, String)>) -> Map<String, Value> {
    let mut data = Map::new();
    for (key, value) in query {
        if matches!(key.as_str(), "list" | "help" | "scan") {
            continue;
        }
        match data.get_mut(&key) {
            None => drop(data.insert(key, value.into())),
            Some(Value::Array(values)) => values.push(value.into()),
            Some(first) => *first = vec![first.take(), value.into()].into(),
        }
    }
    data
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Error> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Error::Invalid(format!("the header {name} occurs more than once")));
    }
    value.to_str().map(Some).map_err(|_| Error::Invalid(format!("the header {name} is not plain text")))
}

/// The token that a request shows.
pub(super) fn token(headers: &HeaderMap) -> Result<Option<Secret>, Error> {
    if let Some(token) = text(headers, "x-vault-token")? {
        return Ok(Some(token.trim()).filter(|token| !token.is_empty()).map(Secret::new));
    }
    let Some(value) = text(headers, header::AUTHORIZATION.as_str())? else { return Ok(None) };
    let bearer = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    Ok(bearer.map(|(_, token)| token.trim()).filter(|token| !token.is_empty()).map(Secret::new))
}

fn origin(headers: &HeaderMap) -> Result<Option<Origin>, Error> {
    let value = |name: &str| -> Result<Option<String>, Error> {
        match text(headers, name)? {
            None | Some("") => Ok(None),
            Some(value) if value.len() > ORIGIN_BYTES_MAX => {
                Err(Error::Invalid(format!("the header {name} is longer than {ORIGIN_BYTES_MAX} bytes")))
            }
            Some(value) => Ok(Some(value.to_owned())),
        }
    };
    let [commit, app, source, review, plan, _] = OURS;
    let origin = Origin {
        commit: value(commit)?,
        app: value(app)?,
        source: value(source)?,
        review: value(review)?,
        plan: value(plan)?,
    };
    Ok((origin != Origin::default()).then_some(origin))
}

/// For how long the answer is to be wrapped. Source: Vault API, "Response wrapping"; OpenBao, `http/handler.go`, for
/// the texts.
fn wrap_ttl(headers: &HeaderMap) -> Result<Option<i64>, Error> {
    let invalid = |why: &str| Error::Invalid(format!("error parsing X-Vault-Wrap-TTL header: {why}"));
    let Some(given) = text(headers, "x-vault-wrap-ttl")? else { return Ok(None) };
    match duration::parse(given).map_err(|why| invalid(&why))? {
        0 => Ok(None),
        seconds if seconds < 0 => Err(invalid("requested wrap ttl cannot be negative")),
        seconds => Ok(Some(seconds)),
    }
}

fn guardrails(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let [.., name] = OURS;
    let value = text(headers, name)?.filter(|value| !value.is_empty());
    match value {
        Some(value) if value.len() > GUARDRAILS_BYTES_MAX => {
            Err(Error::Invalid(format!("the header {name} is longer than {GUARDRAILS_BYTES_MAX} bytes")))
        }
        value => Ok(value.map(str::to_owned)),
    }
}

/// Headers that would change what the answer means, were they understood.
fn unsupported_headers(headers: &HeaderMap) -> Result<(), Error> {
    let ours = headers.keys().map(header::HeaderName::as_str).filter(|name| name.starts_with("x-leasehold-"));
    if let Some(unknown) = ours.into_iter().find(|name| !OURS.contains(name)) {
        return Err(Error::Invalid(format!(
            "the header {unknown} is not known to this server, which may be older than its client: send the request \
             without it"
        )));
    }
    match text(headers, "x-vault-wrap-format")? {
        None | Some("" | "uuid") => {}
        Some(_) => {
            return Err(Error::Invalid(
                "wrapping tokens that are JWTs are not supported by this server: send the request without \
                 X-Vault-Wrap-Format"
                    .to_owned(),
            ));
        }
    }
    match text(headers, "x-vault-namespace")? {
        None | Some("" | "/" | "root" | "root/") => Ok(()),
        Some(_) => Err(Error::Invalid(
            "namespaces are not supported by this server: send the request without X-Vault-Namespace".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::parse;
    use crate::engine::wire::error::Error;
    use crate::engine::wire::request::{Operation, Request};

    fn parsed(method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Result<Request, Error> {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        parse(&|_| 2..3, "id".to_owned(), &parts, &Bytes::copy_from_slice(body.as_bytes()), None)
    }

    #[test]
    fn methods_and_the_list_parameter_become_operations() {
        for (method, uri, operation, path) in [
            ("GET", "/v1/aws/roles/r", Operation::Read, "aws/roles/r"),
            ("LIST", "/v1/aws/roles", Operation::List, "aws/roles/"),
            ("GET", "/v1/aws/roles?list=true", Operation::List, "aws/roles/"),
            ("GET", "/v1/aws/roles?list=", Operation::Read, "aws/roles"),
            ("POST", "/v1/aws/roles/r", Operation::Write, "aws/roles/r"),
            ("GET", "/v1/aws/roles/r/", Operation::Read, "aws/roles/r"),
            ("GET", "/v1/aws/Roles/R", Operation::Read, "aws/Roles/r"),
            ("DELETE", "/v1/aws//roles/r//", Operation::Delete, "aws/roles/r"),
        ] {
            let request = parsed(method, uri, &[], "").unwrap();
            assert_eq!((request.operation, request.path.as_str()), (operation, path));
        }
        assert_eq!(parsed("GET", "/v1/a?list=banana", &[], "").unwrap_err().status(), 400);
        assert_eq!(parsed("PUT", "/v1/aws/roles/", &[], "").unwrap_err().status(), 400);
        assert_eq!(parsed("PATCH", "/v1/a", &[], "").unwrap_err().status(), 415);
        let merge = ("Content-Type", "application/merge-patch+json; charset=utf-8");
        assert_eq!(parsed("PATCH", "/v1/a", &[merge], "{}").unwrap().operation, Operation::Patch);
        assert_eq!(parsed("PATCH", "/v1/a/", &[merge], "{}").unwrap_err().status(), 400);
        assert_eq!(parsed("GET", "/ui/", &[], "").unwrap_err().status(), 404);
        assert_eq!(parsed("GET", "/v1/a/../b", &[], "").unwrap_err().status(), 400);
    }

    #[test]
    fn data_comes_from_the_body_of_a_write_and_from_the_query_of_the_rest() {
        let data = |method, uri, body| serde_json::Value::Object(parsed(method, uri, &[], body).unwrap().data);
        assert_eq!(data("POST", "/v1/a?x=1", "{\"y\":2}"), json!({ "y": 2 }));
        assert_eq!(data("GET", "/v1/a?x=1&y=2&x=3&list=false", ""), json!({ "x": ["1", "3"], "y": "2" }));
        assert_eq!(parsed("POST", "/v1/a", &[], "{").unwrap_err().status(), 400);
    }

    #[test]
    fn a_form_is_taken_as_well_and_json_that_is_called_a_form_stays_json() {
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        let data = |body| parsed("POST", "/v1/a", &[form], body).map(|request| serde_json::Value::Object(request.data));
        assert_eq!(data("x=1&y=a+b%26&x=2").unwrap(), json!({ "x": ["1", "2"], "y": "a b&" }));
        assert_eq!(data(" {\"x\":1}").unwrap(), json!({ "x": 1 }));
        assert_eq!(data("").unwrap(), json!({}));
        assert_eq!(data("x=%ff").unwrap_err().to_string(), "the form is not UTF-8");
    }

    #[test]
    fn the_token_comes_from_either_header() {
        let token = |headers: &[(&str, &str)]| {
            parsed("GET", "/v1/a", headers, "").unwrap().token.map(|token| token.expose().to_owned())
        };
        assert_eq!(token(&[("X-Vault-Token", "t")]).as_deref(), Some("t"));
        assert_eq!(token(&[("Authorization", "bearer t")]).as_deref(), Some("t"));
        assert_eq!(token(&[("Authorization", "Basic t")]), None);
        assert_eq!(token(&[("X-Vault-Token", "")]), None);
        assert!(parsed("GET", "/v1/a", &[("X-Vault-Token", "a"), ("X-Vault-Token", "b")], "").is_err());
    }

    #[test]
    fn headers_that_would_change_the_meaning_are_refused() {
        for headers in [
            [("X-Vault-Wrap-Format", "jwt")],
            [("X-Vault-Wrap-TTL", "-60")],
            [("X-Vault-Wrap-TTL", "soon")],
            [("X-Vault-Namespace", "team")],
            [("X-Leasehold-Guardrail", "W10=")],
            [("X-Leasehold-", "a")],
        ] {
            assert_eq!(parsed("GET", "/v1/a", &headers, "").unwrap_err().status(), 400);
        }
        for (given, seconds) in [("60", Some(60)), ("5m", Some(300)), ("500ms", Some(1)), ("0", None), ("", None)] {
            let request = parsed("GET", "/v1/a", &[("X-Vault-Wrap-TTL", given)], "").unwrap();
            assert_eq!(request.wrap_ttl, seconds, "{given}");
        }
        let origin = parsed("GET", "/v1/a", &[("X-Leasehold-Commit", "abc")], "").unwrap().origin.unwrap();
        assert_eq!((origin.commit.as_deref(), origin.app), (Some("abc"), None));
    }
}
