//! Networks, as policies, engines and estates write them: `10.0.0.0/8`, `2001:db8::/32`, or an address alone.

use core::net::IpAddr;

use ipnet::IpNet;

/// Reads an address with the length of its prefix in decimal digits; without, it is that address alone. Bits beyond the
/// prefix are kept: [`IpNet::trunc`] drops them.
pub fn parse(text: &str) -> Option<IpNet> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().ok()?;
    let prefix = match prefix {
        None => width(address),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) => return None,
    };
    IpNet::new(address, prefix).ok()
}

/// The same, where an IPv4 address that is mapped into IPv6 is the IPv4 address: `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
pub fn parse_canonical(text: &str) -> Option<IpNet> {
    let network = parse(text)?;
    let address = network.addr().to_canonical();
    let mapped = width(network.addr()) - width(address);
    IpNet::new(address, network.prefix_len().checked_sub(mapped)?).ok()
}

/// A network as the wire carries it: the IPv4 one where it is mapped into IPv6, since engines keep and answer that. What
/// reaches beyond the mapped addresses has no such form and stays.
pub fn on_the_wire(text: &str) -> Option<IpNet> {
    parse_canonical(text).or_else(|| parse(text))
}

/// Whether a network is one address.
pub fn is_host(network: &IpNet) -> bool {
    network.prefix_len() == network.max_prefix_len()
}

/// As engines answer it: a network of one address is that address.
pub fn shown(network: &IpNet) -> String {
    if is_host(network) { network.addr().to_string() } else { network.to_string() }
}

/// Whether networks are all addresses of a sort together, so that they bound nothing.
pub fn are_everywhere<'n>(networks: impl IntoIterator<Item = &'n str>) -> bool {
    let networks: Vec<IpNet> = networks.into_iter().filter_map(parse_canonical).collect();
    IpNet::aggregate(&networks).iter().any(|network| network.prefix_len() == 0)
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

#[cfg(test)]
mod tests {
    use super::{are_everywhere, on_the_wire, parse, parse_canonical, shown};

    #[test]
    fn halves_of_everything_are_everything() {
        for (networks, expected) in [
            (&["0.0.0.0/0"][..], true),
            (&["10.0.0.0/8", "::/0"], true),
            (&["0.0.0.0/1", "128.0.0.0/1"], true),
            (&["0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/2"], true),
            (&["0.0.0.0/1"], false),
            (&["10.0.0.0/8", "2001:db8::/32"], false),
            (&["10.1.2.3/0"], true),
            (&[], false),
        ] {
            assert_eq!(are_everywhere(networks.iter().copied()), expected, "{networks:?}");
        }
    }

    #[test]
    fn networks_are_read_and_shown() {
        for (text, expected) in [
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("10.0.0.1", Some("10.0.0.1")),
            ("10.0.0.1/32", Some("10.0.0.1")),
            ("10.0.0.1/8", Some("10.0.0.1/8")),
            ("10.0.0.0/08", Some("10.0.0.0/8")),
            ("2001:db8:0::/32", Some("2001:db8::/32")),
            ("::1/128", Some("::1")),
            ("::/0", Some("::/0")),
            ("10.0.0.0/33", None),
            ("10.0.0.0/+8", None),
            ("10.0.0.0/", None),
            ("10.0.0/8", None),
            ("::/129", None),
            ("10.0.0.0/300", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(parse(text).as_ref().map(shown).as_deref(), expected, "{text}");
        }
        for (text, expected) in [
            ("::ffff:10.0.0.0/104", Some("10.0.0.0/8")),
            ("::ffff:10.0.0.1", Some("10.0.0.1")),
            ("::ffff:10.0.0.0/90", None),
            ("10.0.0.0/8", Some("10.0.0.0/8")),
        ] {
            assert_eq!(parse_canonical(text).as_ref().map(shown).as_deref(), expected, "{text}");
        }
        for (text, expected) in [("::ffff:0:0/96", "0.0.0.0/0"), ("::ffff:10.0.0.0/90", "::ffff:10.0.0.0/90")] {
            assert_eq!(on_the_wire(text).as_ref().map(shown).as_deref(), Some(expected), "{text}");
        }
    }
}
