//! Whether a browser may come back to an address.

use crate::proof::{address, host};

/// The hosts that are the person's own machine.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Whether an address is one of those that a role allows: as it is written, but for the port of one on the person's own
/// machine, where a program takes whichever is free.
///
/// Source: RFC 8252, 7.3; OpenBao, `builtin/credential/jwt/path_oidc.go`.
pub(super) fn is_allowed(given: &str, allowed: &[String]) -> bool {
    // RFC 6749, 3.1.2: an address has no fragment. A parser would drop it, and so compare something else.
    if given.contains('#') {
        return false;
    }
    match without_port(given) {
        Some(given) => allowed.iter().any(|one| without_port(one).as_ref() == Some(&given)),
        None => allowed.iter().any(|one| one == given),
    }
}

/// Scheme, host, and path with query, of an address on the person's own machine.
fn without_port(url: &str) -> Option<(String, String, String)> {
    let uri = address(url).ok()?;
    let host = host(&uri).filter(|host| LOOPBACK.contains(host))?.to_owned();
    // Of `localhost@example.com` and the like nothing is compared but the whole.
    if uri.authority().is_none_or(|authority| authority.as_str().contains('@')) || url.contains('#') {
        return None;
    }
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    Some((uri.scheme_str().unwrap_or_default().to_owned(), host, path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn addresses_are_compared_whole_but_for_ports_of_the_own_machine() {
        let allowed = [
            "http://localhost:8250/oidc/callback",
            "http://127.0.0.1/cb?x=1",
            "http://[::1]/cb",
            "https://engine.example.com:8200/ui/callback",
        ];
        let allowed: Vec<String> = allowed.map(str::to_owned).to_vec();
        for (given, expected) in [
            ("http://localhost:8250/oidc/callback", true),
            ("http://localhost:9999/oidc/callback", true),
            ("http://localhost/oidc/callback", true),
            ("https://localhost:8250/oidc/callback", false),
            ("http://localhost:8250/oidc/callback/", false),
            ("http://localhost:8250/oidc/callback#x", false),
            ("http://localhost:8250/oidc/callback?x=1", false),
            ("http://localhost.example.com/oidc/callback", false),
            ("http://localhost:8250@example.com/oidc/callback", false),
            ("http://example.com@localhost:8250/oidc/callback", false),
            ("http://127.0.0.1:1/cb?x=1", true),
            ("http://127.0.0.1:1/cb", false),
            ("http://[::1]:5/cb", true),
            ("https://engine.example.com:8200/ui/callback", true),
            ("https://engine.example.com/ui/callback", false),
            ("https://engine.example.com:8200/ui/callback?a=b", false),
            ("", false),
        ] {
            assert_eq!(is_allowed(given, &allowed), expected, "{given}");
        }
    }
}
