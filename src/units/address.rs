//! Where an engine is: one URL, or those of a cluster's nodes; or a Unix socket, `unix:///run/leasehold.sock`.
//!
//! Several are a set: in whatever order they are named, it is the same cluster, and it has one name. So whatever names an
//! engine by its addresses (a kept credential, a review, an error) does not depend on who wrote the list, nor on which
//! node answered.

use std::fmt;

use http::Uri;

/// The addresses of one engine: at least one, each once, all with TLS or none; sorted, and without a slash at their ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Addresses(Vec<String>);

/// Why these are no addresses of an engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// There is none.
    #[error("no address is named")]
    None,
    /// One is none.
    #[error("the address {address:?} is not usable: {problem}")]
    Unusable {
        /// Which, counted from 0.
        at: usize,
        /// As given, without what stands before an `@`, which is a password as a rule.
        address: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// One is named twice.
    #[error("the address {address} is named twice")]
    Twice {
        /// Where it is the second time, counted from 0.
        at: usize,
        /// The address.
        address: String,
    },
    /// Some are with TLS, and some without.
    #[error("the addresses of a cluster are all with https:// or all with http://, and {address} is not as {other}")]
    Mixed {
        /// Which is not as the first, counted from 0.
        at: usize,
        /// It.
        address: String,
        /// The first.
        other: String,
    },
}

impl Wrong {
    /// Which of those that were named it is about, counted from 0; the first, where it is about all.
    pub fn at(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Unusable { at, .. } | Self::Twice { at, .. } | Self::Mixed { at, .. } => *at,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::None | Self::Unusable { .. } => "an address is written https://HOST:8200",
            Self::Twice { .. } => "name each node of the cluster once",
            Self::Mixed { .. } => {
                "a token that goes to one node over TLS would go to another in clear: write https:// everywhere"
            }
        }
    }
}

impl Addresses {
    /// Of one engine.
    ///
    /// # Errors
    /// [`Wrong::Unusable`].
    pub fn one(address: &str) -> Result<Self, Wrong> {
        Self::of([address])
    }

    /// Several, separated by commas, as flags and variables name them; or one.
    ///
    /// # Errors
    /// [`Wrong`].
    pub fn listed(text: &str) -> Result<Self, Wrong> {
        Self::of(text.split(',').map(str::trim))
    }

    /// Of the nodes of one cluster.
    ///
    /// # Errors
    /// [`Wrong`]: the first thing that is.
    pub fn of<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Result<Self, Wrong> {
        let (mut named, mut places) = (Vec::<String>::new(), Vec::new());
        for (at, address) in addresses.into_iter().enumerate() {
            let wrong = |problem| Wrong::Unusable { at, address: shown(address), problem };
            let place = place(address).map_err(wrong)?;
            let address = address.trim_end_matches('/').to_owned();
            if places.contains(&place) {
                return Err(Wrong::Twice { at, address });
            }
            if let Some(other) = named.first()
                && is_secure(other) != is_secure(&address)
            {
                return Err(Wrong::Mixed { at, address, other: other.clone() });
            }
            places.push(place);
            named.push(address);
        }
        if let Some((at, address)) = named.iter().enumerate().find(|(_, address)| socket(address).is_some())
            && named.len() > 1
        {
            let problem = "a Unix socket is of one server, and is named alone";
            return Err(Wrong::Unusable { at, address: address.clone(), problem });
        }
        if named.is_empty() {
            return Err(Wrong::None);
        }
        named.sort_unstable();
        Ok(Self(named))
    }

    /// One that leads nowhere, for what was declared and can't be used.
    pub fn nowhere() -> Self {
        Self(vec!["https://nowhere.invalid".to_owned()])
    }

    /// Each of them, sorted.
    pub fn each(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The only one, unless there are several.
    pub fn only(&self) -> Option<&str> {
        match self.0.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }
}

/// The name of the engine.
impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

/// Whether an address is with TLS.
pub fn is_secure(address: &str) -> bool {
    address.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

/// The path of a Unix socket.
pub fn socket(address: &str) -> Option<&str> {
    address.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("unix://")).and(address.get(7..))
}

/// What two addresses have in common that are one: scheme, host, port and path.
fn place(address: &str) -> Result<(bool, String, u16, String), &'static str> {
    if let Some(path) = socket(address) {
        return match path.len() > 1 && path.starts_with('/') && !path.contains('\0') {
            true => Ok((false, String::new(), 0, path.trim_end_matches('/').to_owned())),
            false => Err("a Unix socket is written unix:///PATH, with its whole path"),
        };
    }
    let uri: Uri = address.parse().map_err(|_| "it is not a URL such as https://host:8200")?;
    let is_secure = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err("it must begin with https://, http:// or unix://"),
    };
    let authority = uri.authority().ok_or("it has no host")?;
    if authority.as_str().contains('@') {
        return Err("it must not carry a user name or password");
    }
    if authority.host().is_empty() {
        return Err("it has no host");
    }
    if uri.query().is_some() {
        return Err("it must not have a query");
    }
    let port = authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    Ok((is_secure, authority.host().to_ascii_lowercase(), port, uri.path().trim_end_matches('/').to_owned()))
}

/// An address as it may be shown: without what stands before an `@`.
pub fn shown(address: &str) -> String {
    match (address.split_once("://"), address.rfind('@')) {
        (Some((scheme, _)), Some(at)) => format!("{scheme}://***{}", &address[at..]),
        (None, Some(at)) => format!("***{}", &address[at..]),
        (_, None) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Addresses, Wrong, shown};

    #[test]
    fn one_name_in_whatever_order() {
        let listed = |text| Addresses::listed(text).expect(text);
        assert_eq!(listed("https://b:8200/, https://a:8200"), listed("https://a:8200,https://b:8200"));
        assert_eq!(listed("https://b:8200,https://a:8200").to_string(), "https://a:8200,https://b:8200");
        assert_eq!(listed("https://b/x/").only(), Some("https://b/x"));
        assert_eq!(listed("unix:///run/x.sock").only(), Some("unix:///run/x.sock"));
        assert_eq!(listed("https://b,https://a").only(), None);
    }

    #[test]
    fn what_is_wrong_is_told_of_the_one_that_is() {
        for (text, at, part) in [
            ("", 0, "not a URL"),
            ("https://a,", 1, "not a URL"),
            ("unix://run/x", 0, "unix:///PATH"),
            ("unix:///", 0, "unix:///PATH"),
            ("http://a,unix:///run/x", 1, "named alone"),
            ("a:8200", 0, "must begin with https://"),
            ("ftp://a", 0, "must begin with https://"),
            ("https://a,https://u:p@b", 1, "user name"),
            ("https://a?x=1", 0, "query"),
            ("https://a,https://b,https://A:443/", 2, "named twice"),
            ("http://a:80,http://a", 1, "named twice"),
            ("https://a,http://b", 1, "all with https:// or all with http://"),
        ] {
            let wrong = Addresses::listed(text).expect_err(text);
            assert!(wrong.to_string().contains(part) && wrong.at() == at, "{text}: {wrong} at {}", wrong.at());
            assert!(!wrong.to_string().contains("u:p"), "{wrong}");
        }
        assert_eq!(Addresses::of([]), Err(Wrong::None));
        assert!(Addresses::listed("https://a/one,https://a/two").is_ok(), "two paths of one host are two");
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        for (address, expected) in [
            ("https://user:hunter2@vault:8200", "https://***@vault:8200"),
            ("user:hunter2@vault", "***@vault"),
            ("https://vault:8200", "https://vault:8200"),
        ] {
            assert_eq!(shown(address), expected);
        }
    }
}
