//! Networks that a token or a secret id may be used from.

use std::net::IpAddr;

use ipnet::IpNet;

use super::error::Error;
use crate::units::network::{parse_canonical, shown};

/// Whether `remote` lies in one of `networks`; everything lies in an empty list.
///
/// A caller on the in-process stream has no address: it is this machine, so it counts as its loopback.
/// IPv4-mapped IPv6 addresses count as the IPv4 address they hold.
pub(crate) fn admits(networks: &[String], remote: Option<IpAddr>) -> bool {
    let remote = remote.map_or(IpAddr::from([127, 0, 0, 1]), |address| address.to_canonical());
    networks.is_empty()
        || networks.iter().any(|network| parse_canonical(network).is_some_and(|network| network.contains(&remote)))
}

/// The list without empty items, each as it was given.
///
/// # Errors
/// Names the first item that is neither an address nor a network.
pub(crate) fn check(name: &str, networks: &[String]) -> Result<Vec<String>, Error> {
    normalise(name, networks)?;
    Ok(networks.iter().filter(|network| !network.is_empty()).cloned().collect())
}

/// The list as tokens keep it and read it back: host addresses without their `/32` or `/128`.
///
/// # Errors
/// Names the first item that is neither an address nor a network.
pub(crate) fn normalise(name: &str, networks: &[String]) -> Result<Vec<String>, Error> {
    let filled = networks.iter().filter(|network| !network.is_empty());
    filled
        .map(|network| {
            let parsed = parse_canonical(network)
                .ok_or_else(|| Error::Invalid(format!("invalid CIDR block {network:?} in {name}; write 10.0.0.0/8")))?;
            Ok(shown(&parsed))
        })
        .collect()
}

/// Whether every network of `inner` lies within one of `outer`; everything lies within no networks at all.
pub(crate) fn within(inner: &[String], outer: &[String]) -> bool {
    let outer: Vec<Option<IpNet>> = outer.iter().map(|network| parse_canonical(network)).collect();
    let lies = |inner: IpNet| outer.iter().flatten().any(|outer| outer.contains(&inner));
    outer.is_empty() || inner.iter().all(|network| parse_canonical(network).is_some_and(lies))
}

#[cfg(test)]
mod tests {
    use super::{admits, normalise};

    #[test]
    fn networks_admit_their_addresses() {
        for (network, remote, admitted) in [
            ("10.0.0.0/8", "10.9.8.7", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1/32", "10.0.0.2", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("::ffff:10.0.0.0/104", "10.1.1.1", true),
            ("nonsense", "10.0.0.1", false),
        ] {
            assert_eq!(admits(&[network.to_owned()], Some(remote.parse().unwrap())), admitted, "{network} {remote}");
        }
        assert!(admits(&[], None));
        assert!(admits(&["127.0.0.0/8".to_owned()], None));
        assert!(!admits(&["10.0.0.0/8".to_owned()], None));
    }

    #[test]
    fn lists_are_checked_and_hosts_lose_their_mask() {
        let clean = |text: &str| normalise("token_bound_cidrs", &[text.to_owned()]).ok().map(|list| list.concat());
        assert_eq!(clean("10.0.0.1/32").as_deref(), Some("10.0.0.1"));
        assert_eq!(clean("::1/128").as_deref(), Some("::1"));
        assert_eq!(clean("10.0.0.0/8").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(clean("").as_deref(), Some(""));
        for bad in ["10.0.0.0/33", "10.0.0/8", "x", "10.0.0.0/+8", "10.0.0.0/"] {
            assert_eq!(clean(bad), None, "{bad}");
        }
    }
}
