//! The page for people, at `/ui/`: a few files, the same for everybody, which hold nothing of the engine.
//!
//! What is shown comes from the API, with the token of whoever logged in on the page, so that policies decide it and the
//! trail tells it. The files are served without a token and without a line in the trail, also while the engine is sealed.
//!
//! The page's own policy lets in its files and nothing else: no script or style that stands in a page, no other address,
//! no frame, and no text that a script makes HTML of (`require-trusted-types-for`). Sources: W3C, "Content Security Policy
//! Level 3" and "Trusted Types"; Vault, which sends whoever asks for `/` to `/ui/`.

use bytes::Bytes;
use http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, Method, StatusCode};

use super::answer::{Transport, finished};

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The page itself.
const PAGE: &str = include_str!("ui/index.html");

/// What the page loads: its name, what it is, and its text.
const FILES: &[(&str, &str, &str)] = &[
    ("api.js", SCRIPT, include_str!("ui/api.js")),
    ("credentials.js", SCRIPT, include_str!("ui/credentials.js")),
    ("dom.js", SCRIPT, include_str!("ui/dom.js")),
    ("engine.js", SCRIPT, include_str!("ui/engine.js")),
    ("found.js", SCRIPT, include_str!("ui/found.js")),
    ("icon.svg", "image/svg+xml", include_str!("ui/icon.svg")),
    ("leases.js", SCRIPT, include_str!("ui/leases.js")),
    ("login.js", SCRIPT, include_str!("ui/login.js")),
    ("main.js", SCRIPT, include_str!("ui/main.js")),
    ("question.js", SCRIPT, include_str!("ui/question.js")),
    ("revoke.js", SCRIPT, include_str!("ui/revoke.js")),
    ("roles.js", SCRIPT, include_str!("ui/roles.js")),
    ("style.css", "text/css; charset=utf-8", include_str!("ui/style.css")),
    ("table.js", SCRIPT, include_str!("ui/table.js")),
    ("trail.js", SCRIPT, include_str!("ui/trail.js")),
];

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      form-action 'none'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";

/// What goes with each file besides what goes with every answer.
const HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The answer to a request that is about the page; none to all others.
pub(super) fn answer(method: &Method, path: &str, transport: Transport) -> Option<http::Response<Bytes>> {
    if method != Method::GET {
        return None;
    }
    if matches!(path, "/" | "/ui") {
        let mut answer = finished(StatusCode::TEMPORARY_REDIRECT, None, Bytes::new(), transport);
        answer.headers_mut().insert(LOCATION, HeaderValue::from_static("/ui/"));
        return Some(answer);
    }
    let name = path.strip_prefix("/ui/")?;
    let (kind, text) = match FILES.iter().find(|(file, ..)| *file == name) {
        Some((_, kind, text)) => (*kind, *text),
        None if name.is_empty() || is_callback(name) => (HTML, PAGE),
        None => return None,
    };
    let mut answer = finished(StatusCode::OK, Some(kind), Bytes::from_static(text.as_bytes()), transport);
    for (name, value) in HEADERS {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Some(answer)
}

/// Where issuers send a browser back to (Vault API, "JWT/OIDC auth method", redirect URIs): what comes with it the page reads.
fn is_callback(name: &str) -> bool {
    name.strip_prefix("vault/auth/")
        .and_then(|rest| rest.strip_suffix("/oidc/callback"))
        .is_some_and(|mount| !mount.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{FILES, PAGE, SCRIPT};

    /// A file that is asked for and not in the table would be found missing by whoever opens that part of the page.
    #[test]
    fn all_that_the_files_ask_for_is_served() {
        let of_page = PAGE.split('"').filter_map(|part| part.strip_prefix("/ui/"));
        let imported =
            FILES.iter().flat_map(|(_, _, text)| text.split('\'')).filter_map(|part| part.strip_prefix("./"));
        let asked: std::collections::BTreeSet<&str> = of_page.chain(imported).collect();
        let served: std::collections::BTreeSet<&str> = FILES.iter().map(|(name, ..)| *name).collect();
        assert_eq!(asked, served);
    }

    #[test]
    fn no_text_becomes_html_and_no_style_stands_in_an_element() {
        for (name, _, text) in FILES.iter().filter(|(_, kind, _)| *kind == SCRIPT) {
            for word in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "style:", "localStorage"]
            {
                assert!(!text.contains(word), "{name}: {word}");
            }
        }
        for word in ["<style", " style=", " on", "http:", "https:"] {
            assert!(!PAGE.contains(word), "{word}");
        }
    }
}
