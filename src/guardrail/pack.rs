//! The packs that ship, as the texts of their files.

/// Each pack's name and its text, in the estate language.
pub const PACKS: &[(&str, &str)] = &[
    ("baseline", include_str!("../../policies/guardrails/baseline.hcl")),
    ("data-protection", include_str!("../../policies/guardrails/data-protection.hcl")),
    ("leases", include_str!("../../policies/guardrails/leases.hcl")),
    ("logins", include_str!("../../policies/guardrails/logins.hcl")),
];

/// The text of a pack.
pub fn pack(name: &str) -> Option<&'static str> {
    PACKS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
