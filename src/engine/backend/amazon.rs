//! What the engine's clients of AWS have in common: the time that they sign with, how long they wait, and where they may
//! be sent.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use aws_sdk_iam::config::timeout::TimeoutConfig;
use aws_smithy_async::time::TimeSource;

use crate::clock::Clock;

/// The longest that one attempt of a call may take.
pub(in crate::engine::backend) const ATTEMPT_SECONDS_MAX: i64 = 10;

/// Signs with the engine's time.
#[derive(Debug)]
pub(in crate::engine::backend) struct EngineTime(pub(in crate::engine::backend) Clock);

impl TimeSource for EngineTime {
    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}

/// How long an attempt may take.
pub(in crate::engine::backend) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(3100))
        .operation_timeout(Duration::from_secs(ATTEMPT_SECONDS_MAX.unsigned_abs()))
        .build()
}

/// Checks where the engine may be sent with the root credential: https anywhere but to link-local and
/// metadata addresses, http on loopback only.
///
/// # Errors
/// Why not.
pub(in crate::engine::backend) fn check_endpoint(endpoint: &str) -> Result<(), String> {
    let uri: http::Uri = endpoint.parse().map_err(|_| "it is not a URL".to_owned())?;
    let authority = uri.authority().ok_or("it is not an absolute URL such as https://iam.example.com")?;
    if authority.as_str().contains('@') {
        return Err("a URL with a user in it".to_owned());
    }
    if uri.query().is_some() {
        return Err("a URL with a query".to_owned());
    }
    let host =
        authority.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok().map(|address: IpAddr| address.to_canonical());
    let is_loopback =
        address.map_or_else(|| host == "localhost" || host.ends_with(".localhost"), |address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if is_loopback => {}
        Some("http") => return Err("plain http is allowed on loopback only; use https".to_owned()),
        _ => return Err("its scheme is not https".to_owned()),
    }
    let forbidden = match address {
        Some(IpAddr::V4(v4)) => v4.is_link_local() || v4.is_unspecified() || v4.is_broadcast() || v4.is_multicast(),
        // fd00:ec2::254 is the instance metadata service of EC2.
        Some(IpAddr::V6(v6)) => {
            v6.is_unicast_link_local()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
        }
        // A name of digits and dots, or in hex, is an address in one of inet_aton's other spellings.
        None => {
            host == "metadata.google.internal"
                || host == "instance-data"
                || host.starts_with("0x")
                || host.chars().all(|c| c.is_ascii_digit() || c == '.')
        }
    };
    if forbidden {
        return Err("link-local, metadata and unspecified addresses are not allowed".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_endpoint;

    #[test]
    fn endpoints_are_https_or_loopback_and_never_metadata() {
        for endpoint in [
            "https://iam.amazonaws.com",
            "https://iam.cn-north-1.amazonaws.com.cn/",
            "https://10.0.0.5:8443",
            "http://127.0.0.1:5000",
            "http://[::1]:5000",
            "http://localhost:5000",
        ] {
            assert_eq!(check_endpoint(endpoint), Ok(()), "{endpoint}");
        }
        for endpoint in [
            "http://iam.amazonaws.com",
            "https://169.254.169.254",
            "https://[::ffff:169.254.169.254]/",
            "https://[fd00:ec2::254]",
            "https://[fe80::1]",
            "https://0.0.0.0",
            "https://2852039166",
            "https://0xa9fea9fe",
            "https://metadata.google.internal.",
            "https://user@iam.amazonaws.com",
            "https://iam.amazonaws.com/?x=1",
            "ftp://iam.amazonaws.com",
            "iam.amazonaws.com",
            "",
            "http://127.0.0.1@evil.example",
        ] {
            assert!(check_endpoint(endpoint).is_err(), "{endpoint}");
        }
    }
}
