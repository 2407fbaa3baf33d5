//! Networks that a token or a secret id may be used from.

use std::net::IpAddr;

use super::error::Error;

/// Whether `remote` lies in one of `networks`; everything lies in an empty list.
///
/// A caller on the in-process stream has no address: it is this machine, so it counts as its loopback.
/// IPv4-mapped IPv6 addresses count as the IPv4 address they hold.
pub(crate) fn admits(networks: &[String], remote: Option<IpAddr>) -> bool {
    let remote = remote.map_or(IpAddr::from([127, 0, 0, 1]), |address| address.to_canonical());
    networks.is_empty() || networks.iter().any(|network| parse(network).is_some_and(|network| network.holds(remote)))
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
            let parsed = parse(network)
                .ok_or_else(|| Error::Invalid(format!("invalid CIDR block {network:?} in {name}; write 10.0.0.0/8")))?;
            let host = parsed.bits == parsed.width();
            Ok(if host { parsed.address.to_string() } else { format!("{}/{}", parsed.address, parsed.bits) })
        })
        .collect()
}

/// Whether every network of `inner` lies within one of `outer`; everything lies within no networks at all.
pub(crate) fn within(inner: &[String], outer: &[String]) -> bool {
    let outer: Vec<Option<Network>> = outer.iter().map(|network| parse(network)).collect();
    let lies =
        |inner: Network| outer.iter().flatten().any(|outer| outer.bits <= inner.bits && outer.holds(inner.address));
    outer.is_empty() || inner.iter().all(|network| parse(network).is_some_and(lies))
}

struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    fn width(&self) -> u32 {
        if self.address.is_ipv4() { 32 } else { 128 }
    }

    fn holds(&self, remote: IpAddr) -> bool {
        match (self.address, remote) {
            (IpAddr::V4(network), IpAddr::V4(remote)) => {
                let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
                network.to_bits() & mask == remote.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(remote)) => {
                let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
                network.to_bits() & mask == remote.to_bits() & mask
            }
            _ => false,
        }
    }
}

fn parse(text: &str) -> Option<Network> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) if bits.bytes().all(|b| b.is_ascii_digit()) => (address, Some(bits.parse().ok()?)),
        Some(_) => return None,
        None => (text, None),
    };
    let given: IpAddr = address.parse().ok()?;
    let address = given.to_canonical();
    // `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
    let shift = if address == given { 0 } else { 96 };
    let mut network = Network { address, bits: 0 };
    network.bits = match bits {
        None => network.width(),
        Some(bits) => Some(bits).filter(|&bits: &u32| bits >= shift && bits - shift <= network.width())? - shift,
    };
    Some(network)
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
