//! Where a request comes from, as far as it is counted.

use std::net::IpAddr;

/// An address, or, of IPv6, the network that one host usually has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Source([u8; 16]);

impl Source {
    /// The source of an address; an IPv4 address in IPv6 clothes is that address.
    pub(crate) fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let mut bytes = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => {
                let mut bytes = v6.octets();
                bytes[8..].fill(0);
                bytes
            }
        };
        if address.is_loopback() {
            // The loopback of both families is this machine.
            bytes = std::net::Ipv6Addr::LOCALHOST.octets();
        }
        Self(bytes)
    }
}
