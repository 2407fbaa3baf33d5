//! What somebody shows to log in: a request to STS, GetCallerIdentity, that they signed. Nothing here asks anybody.
//!
//! The engine sends it on, so it is looked at closely: it can only ask who signed it, only STS, and with no header of
//! AWS's that changes what is asked (CVE-2020-16250 was such a one).
//!
//! Source: Vault API, "AWS auth method: login"; "AWS Signature Version 4 for API requests" in the IAM user guide.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use serde_json::{Map, Value};

use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;

/// The header that says for which server a request was signed.
const SERVER_ID: &str = "x-vault-aws-iam-server-id";

/// How it is written in answers.
const SERVER_ID_SHOWN: &str = "X-Vault-AWS-IAM-Server-ID";

/// AWS's own headers that a signed request has. Others could change what is asked.
const AMAZON: [&str; 7] = [
    "x-amz-algorithm",
    "x-amz-content-sha256",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];

/// What belongs to a connection, and not to a request that is sent on.
const OF_CONNECTIONS: [&str; 8] =
    ["connection", "content-length", "expect", "host", "keep-alive", "te", "transfer-encoding", "upgrade"];

/// The endings of names that STS has.
const OF_STS: [&str; 4] = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".api.amazonwebservices.com.cn"];

/// The request. It has a signature, which is good for a while, so it has no `Debug`.
pub(super) struct Asked {
    /// The host that it was signed for, with a port that is not the usual one.
    pub(super) host: String,
    /// `/`, as a rule.
    pub(super) path: String,
    pub(super) body: String,
    headers: HeaderMap,
    /// Of the signature's scope.
    region: String,
    /// In lower case.
    signed_headers: Vec<String>,
}

fn invalid(text: impl Into<String>) -> Error {
    Error::Invalid(text.into())
}

impl Asked {
    /// From a login's parameters.
    ///
    /// # Errors
    /// What is missing, or is no such request.
    pub(super) fn of(data: &Map<String, Value>) -> Result<Self, Error> {
        const NAMES: [&str; 4] =
            ["iam_http_request_method", "iam_request_url", "iam_request_body", "iam_request_headers"];
        match NAMES.iter().filter(|name| data.contains_key(**name)).count() {
            0 => return Err(invalid("didn't supply required authentication values")),
            4 => {}
            _ => return Err(invalid("supplied some of the auth values for the iam auth type but not all")),
        }
        let fields = Fields(data);
        let filled = |name: &str| {
            let text = fields.string(name)?.filter(|text| !text.is_empty());
            text.ok_or_else(|| invalid(format!("missing {name}")))
        };
        if filled("iam_http_request_method")? != "POST" {
            return Err(invalid("invalid iam_http_request_method; currently only 'POST' is supported"));
        }
        let url = decoded(&filled("iam_request_url")?, "iam_request_url")?;
        let uri: Uri = url.parse().map_err(|_| invalid("error parsing iam_request_url"))?;
        let authority = uri.authority().filter(|_| matches!(uri.scheme_str(), Some("https" | "http")));
        let authority = authority.ok_or_else(|| invalid("error parsing iam_request_url"))?;
        if uri.query().is_some() || url.contains('#') || authority.as_str().contains('@') {
            return Err(invalid("invalid request"));
        }
        let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let host = match authority.port_u16() {
            Some(port) if port != usual => authority.as_str(),
            _ => authority.host(),
        };
        let body = decoded(&filled("iam_request_body")?, "iam_request_body")?;
        check_body(&body)?;
        let headers = headers(data.get("iam_request_headers"))?;
        let authorization = only(&headers, "authorization").ok_or_else(|| invalid("missing Authorization header"))?;
        let (region, signed_headers) = scope(authorization)?;
        Ok(Self { host: host.to_ascii_lowercase(), path: uri.path().to_owned(), body, headers, region, signed_headers })
    }

    /// Checks that it was signed for this server.
    ///
    /// # Errors
    /// It was not, or for another.
    pub(super) fn check_server_id(&self, expected: &str) -> Result<(), Error> {
        let refused = |what: String| invalid(format!("error validating {SERVER_ID_SHOWN} header: {what}"));
        let values: Vec<&str> = self.headers.get_all(SERVER_ID).iter().filter_map(|it| it.to_str().ok()).collect();
        let given = values.join(",");
        if given.is_empty() {
            return Err(refused(format!("missing header {SERVER_ID_SHOWN:?}")));
        }
        if given != expected {
            return Err(refused(format!("expected {expected:?} but got {given:?}")));
        }
        if !self.signed_headers.iter().any(|name| name == SERVER_ID) {
            return Err(refused("vault header wasn't signed".to_owned()));
        }
        Ok(())
    }

    /// Checks that no header of AWS's asks for more than who signed it, but for those that are `allowed`, in lower case.
    ///
    /// # Errors
    /// Which one does.
    pub(super) fn check_headers(&self, allowed: &[String]) -> Result<(), Error> {
        let is_known = |name: &str| AMAZON.contains(&name) || allowed.iter().any(|other| other == name);
        let wrong = self.headers.keys().map(HeaderName::as_str).find(|it| it.starts_with("x-amz-") && !is_known(it));
        wrong.map_or(Ok(()), |name| Err(invalid(format!("invalid request header: {name}"))))
    }

    /// Checks that it was signed for STS, or for the host that was configured in its place.
    ///
    /// # Errors
    /// It was signed for somebody else.
    pub(super) fn check_host(&self, configured: Option<&str>) -> Result<(), Error> {
        let is_configured = configured.is_some_and(|host| host.eq_ignore_ascii_case(&self.host));
        let is_of_sts = OF_STS.iter().any(|end| self.host.ends_with(end))
            && self.host.split('.').any(|label| label == "sts" || label == "sts-fips");
        if is_configured || is_of_sts {
            return Ok(());
        }
        Err(invalid(format!("invalid request: it was signed for {}, which is not STS", self.host)))
    }

    /// The endpoint of STS in the region that it was signed for.
    pub(super) fn regional_endpoint(&self) -> String {
        let end = if self.region.starts_with("cn-") { ".cn" } else { "" };
        format!("https://sts.{}.amazonaws.com{end}", self.region)
    }

    /// The headers to send: those that were signed, what the signature itself needs, and the host.
    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_sent = |name: &str| {
            !OF_CONNECTIONS.contains(&name)
                && (matches!(name, "authorization" | "content-type")
                    || name.starts_with("x-amz-")
                    || self.signed_headers.iter().any(|signed| signed == name))
        };
        let own = self.headers.iter().filter(move |(name, _)| is_sent(name.as_str()));
        let own = own.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        own.chain([("host", self.host.as_str())])
    }
}

fn decoded(text: &str, name: &str) -> Result<String, Error> {
    let bytes = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    bytes.ok_or_else(|| invalid(format!("failed to base64 decode {name}")))
}

/// The body asks who it is, in any version of the API, and nothing else.
fn check_body(body: &str) -> Result<(), Error> {
    let refused = || invalid("iam request body is invalid");
    let mut actions = 0;
    for pair in body.split('&').filter(|pair| !pair.is_empty()) {
        // What would have to be decoded is none of these words.
        match pair.split_once('=') {
            Some(("Action", "GetCallerIdentity")) => actions += 1,
            Some(("Version", _)) => {}
            _ => return Err(refused()),
        }
    }
    if actions == 1 { Ok(()) } else { Err(refused()) }
}

/// The headers of an object, or of JSON, in base64 or not: each with one text or several.
fn headers(given: Option<&Value>) -> Result<HeaderMap, Error> {
    let refused = || invalid("iam_request_headers is not an object of headers, in JSON, or in JSON in base64");
    let object = match given {
        Some(Value::Object(object)) => object.clone(),
        Some(Value::String(text)) => {
            let text =
                if text.trim_start().starts_with('{') { text.clone() } else { decoded(text, "iam_request_headers")? };
            serde_json::from_str::<Map<String, Value>>(&text).map_err(|_| refused())?
        }
        _ => return Err(refused()),
    };
    let mut headers = HeaderMap::new();
    for (name, values) in &object {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        for value in values.as_array().map_or(std::slice::from_ref(values), Vec::as_slice) {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return Err(refused()),
            };
            headers.append(&name, HeaderValue::from_str(&text).map_err(|_| refused())?);
        }
    }
    if headers.is_empty() { Err(invalid("missing iam_request_headers")) } else { Ok(headers) }
}

fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    all.next().filter(|_| all.next().is_none())?.to_str().ok()
}

/// Region and signed headers of `AWS4-HMAC-SHA256 Credential=ID/DATE/REGION/sts/aws4_request, SignedHeaders=a;b, ...`.
fn scope(authorization: &str) -> Result<(String, Vec<String>), Error> {
    let parts = authorization.strip_prefix("AWS4-HMAC-SHA256 ").map(|rest| rest.split(',').map(str::trim));
    let part = |name: &str| parts.clone()?.find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    let credential: Vec<&str> = part("Credential").unwrap_or_default().split('/').collect();
    let &[_, _, region, service, "aws4_request"] = credential.as_slice() else {
        return Err(invalid("the Authorization header is not one of AWS's signature version 4"));
    };
    if service != "sts" {
        return Err(invalid("invalid request: it was not signed for sts"));
    }
    if region.is_empty() || !region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(invalid("region missing from Authorization header"));
    }
    let signed = part("SignedHeaders").unwrap_or_default().split(';').map(str::to_ascii_lowercase).collect();
    Ok((region.to_owned(), signed))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Value, json};

    use super::Asked;

    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/sts/aws4_request, \
                          SignedHeaders=host;x-amz-date;X-Vault-AWS-IAM-Server-ID, Signature=0";

    fn asked(url: &str, body: &str, headers: &Value) -> Result<Asked, String> {
        let data = json!({
            "iam_http_request_method": "POST", "iam_request_url": STANDARD.encode(url),
            "iam_request_body": STANDARD.encode(body), "iam_request_headers": headers,
        });
        Asked::of(data.as_object().unwrap()).map_err(|error| error.to_string())
    }

    const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";

    #[test]
    fn headers_come_in_every_form_of_clients() {
        let object = json!({ "Authorization": [SIGNED], "X-Amz-Date": "d", "Content-Length": 43, "X-Other": "o" });
        for form in [object.clone(), json!(object.to_string()), json!(STANDARD.encode(object.to_string()))] {
            let asked = asked("https://sts.amazonaws.com:443/", BODY, &form).unwrap();
            let mut sent: Vec<_> = asked.headers().map(|(name, _)| name).collect();
            sent.sort_unstable();
            assert_eq!(sent, ["authorization", "host", "x-amz-date"]);
            assert_eq!((&*asked.host, &*asked.path), ("sts.amazonaws.com", "/"));
            assert_eq!(asked.regional_endpoint(), "https://sts.eu-west-1.amazonaws.com");
        }
        for wrong in [json!("no json"), json!([]), json!({ "Authorization": {} }), json!({ "a b": "c" }), json!({})] {
            assert!(asked("https://sts.amazonaws.com/", BODY, &wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_who_signed_it_can_be_asked_and_only_of_sts() {
        let headers = json!({ "Authorization": SIGNED });
        for body in [
            "",
            "Action=ListUsers",
            "Action=GetCallerIdentity&Action=GetCallerIdentity",
            "Action=GetCallerIdentity&x=y",
            "Version=2011-06-15",
            "%41ction=GetCallerIdentity",
        ] {
            assert!(asked("https://sts.amazonaws.com/", body, &headers).is_err(), "{body}");
        }
        for url in ["https://sts.amazonaws.com/?a=b", "https://a@sts.amazonaws.com/", "sts.amazonaws.com", "ftp://sts/"]
        {
            assert!(asked(url, BODY, &headers).is_err(), "{url}");
        }
        for (host, expected) in [
            ("sts.amazonaws.com", true),
            ("sts.eu-west-1.amazonaws.com", true),
            ("sts-fips.us-east-1.amazonaws.com", true),
            ("sts.cn-north-1.amazonaws.com.cn", true),
            ("vpce-1.sts.eu-west-1.vpce.amazonaws.com", true),
            ("proxy.example", true),
            ("s3.amazonaws.com", false),
            ("sts.evil.example", false),
            ("evilamazonaws.com", false),
        ] {
            let asked = asked(&format!("https://{host}/"), BODY, &headers).unwrap();
            assert_eq!(asked.check_host(Some("proxy.example")).is_ok(), expected, "{host}");
        }
        let other = json!({ "Authorization": SIGNED.replace("/sts/", "/s3/") });
        assert!(asked("https://sts.amazonaws.com/", BODY, &other).is_err());
        let twice = json!({ "Authorization": [SIGNED, SIGNED] });
        assert!(asked("https://sts.amazonaws.com/", BODY, &twice).is_err());
    }

    #[test]
    fn headers_of_amazon_and_of_this_server_are_checked() {
        let with = |name: &str, value: &str| {
            asked("https://sts.amazonaws.com/", BODY, &json!({ "Authorization": SIGNED, name: value })).unwrap()
        };
        assert!(with("X-Amz-Target", "x").check_headers(&[]).is_err());
        assert!(with("X-Amz-Target", "x").check_headers(&["x-amz-target".to_owned()]).is_ok());
        assert!(with("X-AMZ-Date", "x").check_headers(&[]).is_ok());
        let told = |asked: Asked| asked.check_server_id("here").map_err(|error| error.to_string());
        assert_eq!(told(with("x-vault-aws-iam-server-id", "here")), Ok(()));
        assert!(told(with("X-Vault-AWS-IAM-Server-ID", "there")).unwrap_err().contains("expected \"here\" but got"));
        assert!(told(with("X-Other", "here")).unwrap_err().contains("missing header"));
        let unsigned = json!({
            "Authorization": SIGNED.replace(";X-Vault-AWS-IAM-Server-ID", ""), "X-Vault-AWS-IAM-Server-ID": "here",
        });
        let unsigned = asked("https://sts.amazonaws.com/", BODY, &unsigned).unwrap();
        assert!(told(unsigned).unwrap_err().contains("wasn't signed"));
    }
}
