//! How long a lease or a token lasts: one calculation for both, at issue and at renewal.

use crate::engine::wire::error::Error;
use crate::units::duration::short_go_string as human;

/// What a TTL is computed from. All in seconds; 0 is "not set".
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terms {
    /// What the request asks for, counted from now.
    pub(crate) increment: i64,
    /// What the backend gives when the request asks for nothing: `config/lease`, `token_ttl`.
    pub(crate) backend_ttl: i64,
    /// The backend's own maximum: `lease_max`, `token_max_ttl`.
    pub(crate) backend_max: i64,
    /// The period of a periodic token.
    pub(crate) period: i64,
    /// A hard end after issue.
    pub(crate) explicit_max: i64,
    /// When it was issued (Unix seconds): maxima count from there.
    pub(crate) issue_time: i64,
    /// The mount's effective default.
    pub(crate) mount_default: i64,
    /// The mount's effective maximum.
    pub(crate) mount_max: i64,
}

/// The TTL from `now` (Unix seconds), always more than 0, and the warnings for what was cut short.
///
/// # Errors
/// `past the max TTL, cannot renew`, when nothing is left. Never a TTL of 0, which elsewhere means
/// "for ever" (CVE-2021-32923).
pub(crate) fn ttl(terms: &Terms, now: i64) -> Result<(i64, Vec<String>), Error> {
    let mut warnings = Vec::new();
    let smaller = |max: i64, other: i64| if other > 0 && other < max { other } else { max };
    let max = smaller(smaller(terms.mount_max, terms.backend_max), terms.explicit_max);
    let (ttl, deadline) = if terms.period > 0 {
        if terms.period > max {
            warnings.push(format!(
                "period of {:?} exceeded the effective max_ttl of {:?}; period value is capped accordingly",
                human(terms.period),
                human(max)
            ));
        }
        let deadline = (terms.explicit_max > 0).then(|| terms.issue_time.saturating_add(terms.explicit_max));
        (terms.period.min(max), deadline)
    } else {
        let wanted = [terms.increment, terms.backend_ttl, terms.mount_default];
        let ttl = wanted.into_iter().find(|&seconds| seconds > 0).unwrap_or(max);
        (ttl, Some(terms.issue_time.saturating_add(max)))
    };
    let remaining = deadline.map_or(i64::MAX, |deadline| deadline.saturating_sub(now));
    if remaining <= 0 {
        return Err(Error::Invalid("past the max TTL, cannot renew".to_owned()));
    }
    if ttl > remaining {
        warnings.push(format!(
            "TTL of {:?} exceeded the effective max_ttl of {:?}; TTL value is capped accordingly",
            human(ttl),
            human(remaining)
        ));
    }
    let ttl = ttl.min(remaining);
    if ttl <= 0 {
        return Err(Error::Internal("a TTL came out as nothing: the mount's maximum is not set".to_owned()));
    }
    Ok((ttl, warnings))
}

#[cfg(test)]
mod tests {
    use super::{Terms, ttl};

    const SYSTEM: Terms = Terms {
        increment: 0,
        backend_ttl: 0,
        backend_max: 0,
        period: 0,
        explicit_max: 0,
        issue_time: 1000,
        mount_default: 2_764_800,
        mount_max: 2_764_800,
    };

    #[test]
    fn the_nearest_wish_wins_and_the_smallest_maximum_caps() {
        let aws = Terms { backend_ttl: 1800, backend_max: 43_200, ..SYSTEM };
        for (terms, now, expected) in [
            (SYSTEM, 1000, 2_764_800),
            (aws, 1000, 1800),
            (Terms { mount_max: 600, ..aws }, 1000, 600),
            (Terms { increment: 3600, ..aws }, 1600, 3600),
            (Terms { increment: 60, ..aws }, 1600, 60),
            (Terms { increment: 3600, ..aws }, 1000 + 42_300, 900),
            (Terms { increment: 1800, explicit_max: 300, ..SYSTEM }, 1000, 300),
            (Terms { period: 1800, ..SYSTEM }, 9_999_999, 1800),
            (Terms { period: 1800, explicit_max: 2000, ..SYSTEM }, 1000, 1800),
            (Terms { period: 1800, explicit_max: 2000, ..SYSTEM }, 1900, 1100),
            (Terms { period: 1800, mount_max: 600, ..SYSTEM }, 1000, 600),
            (Terms { mount_max: 5_000_000, increment: 4_000_000, ..SYSTEM }, 1000, 4_000_000),
        ] {
            assert_eq!(ttl(&terms, now).map(|(ttl, _)| ttl).ok(), Some(expected), "{terms:?}");
        }
    }

    #[test]
    fn at_the_maximum_there_is_an_error_and_never_a_ttl_of_zero() {
        let terms = Terms { increment: i64::MAX, explicit_max: 100, ..SYSTEM };
        for (now, expected) in [(1099, Some(1)), (1100, None), (1101, None), (i64::MAX, None)] {
            assert_eq!(ttl(&terms, now).ok().map(|(ttl, _)| ttl), expected, "{now}");
        }
        assert_eq!(ttl(&terms, 1100).unwrap_err().to_string(), "past the max TTL, cannot renew");
    }

    #[test]
    fn what_is_cut_short_is_said() {
        let warn = |terms: Terms| ttl(&terms, 1000).unwrap().1;
        assert_eq!(
            warn(Terms { backend_ttl: 1800, mount_max: 600, ..SYSTEM }),
            ["TTL of \"30m\" exceeded the effective max_ttl of \"10m\"; TTL value is capped accordingly"]
        );
        assert_eq!(
            warn(Terms { period: 7200, mount_max: 5400, ..SYSTEM }),
            ["period of \"2h\" exceeded the effective max_ttl of \"1h30m\"; period value is capped accordingly"]
        );
        assert!(warn(SYSTEM).is_empty());
    }
}
