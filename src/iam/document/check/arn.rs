//! What is wrong with a resource that begins like an ARN.
//!
//! Sources: IAM's own refusals, as `moto` (Apache-2.0) collected them in its tests; IAM User Guide, "IAM JSON
//! policy elements: Resource" and "Access Analyzer policy check reference".

use crate::iam::pattern::{Place, places};

/// A problem of one resource.
pub(super) struct Problem {
    pub(super) code: &'static str,
    pub(super) what: String,
    pub(super) hint: Option<&'static str>,
    pub(super) fatal: bool,
}

/// What the resource part of an ARN of IAM starts with; `root` alone is the account, as AWS's own policies name it.
const IAM_PATHS: &[&str] = &[
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

const SHAPE: &str = "an ARN is arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE";

fn problem_of(code: &'static str, what: String, hint: &'static str, fatal: bool) -> Option<Problem> {
    Some(Problem { code, what, hint: Some(hint), fatal })
}

/// The problem of a resource, if it has one. Short forms that IAM takes, such as `arn:aws:*`, have none.
pub(super) fn problem(text: &str) -> Option<Problem> {
    let plain = colons_of_variables_hidden(text);
    let rest = plain.strip_prefix("arn:")?;
    let (partition, rest) = rest.split_once(':').unwrap_or((rest, ""));
    if partition != "*" && partition != "aws" && !partition.starts_with("aws-") {
        let what = format!("`{partition}` is not a partition of AWS in `{text}`");
        return problem_of("INVALID_PARTITION", what, "it is `aws`, `aws-cn`, `aws-us-gov` or `*`", true);
    }
    let mut segments = rest.splitn(4, ':');
    let service = segments.next().unwrap_or_default();
    if service.is_empty() {
        return problem_of("MISSING_ARN_FIELD", format!("`{text}` names no service"), SHAPE, true);
    }
    let region = segments.next();
    let (_, resource) = (segments.next(), segments.next());
    if resource.is_none() && text.contains("::") {
        return problem_of("MISSING_ARN_FIELD", format!("`{text}` has too few fields"), SHAPE, true);
    }
    if service != "*" && service.contains(['*', '?']) {
        let what = format!("the service of `{text}` has a wildcard: it does not match as one would think");
        return problem_of("INVALID_SERVICE_IN_ARN", what, "name the service in full", false);
    }
    if service.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let what = format!("the service `{service}` of an ARN is written in lower case");
        return problem_of("INVALID_ARN_SERVICE_CASE", what, "write it in lower case", false);
    }
    let (region, resource) = (region.unwrap_or_default(), resource?);
    let shown = &text[text.len() - resource.len()..];
    regional(text, service, region, resource).or_else(|| iam_path(service, resource, shown))
}

/// The same text of the same length, in which a variable has no colon: it does not cut an ARN.
fn colons_of_variables_hidden(text: &str) -> String {
    let (mut plain, mut from) = (String::with_capacity(text.len()), 0);
    for Place { at, inside } in places(text) {
        let end = inside.map_or(text.len(), |inside| at + "${".len() + inside.len());
        plain.push_str(&text[from..at]);
        plain.push_str(&text[at..end].replace(':', "."));
        from = end;
    }
    plain + &text[from..]
}

/// Services that are the same in all regions.
fn regional(text: &str, service: &str, region: &str, resource: &str) -> Option<Problem> {
    let bucket =
        || !resource.contains(':') && !resource.split_once('/').is_some_and(|(kind, _)| S3_TYPES.contains(&kind));
    let refused = !region.is_empty() && (service == "iam" || service == "s3" && bucket());
    if !refused {
        return None;
    }
    let what = format!("`{text}` names a region, but what it names has none");
    // A wildcard matches the empty region.
    problem_of("ARN_REGION_NOT_ALLOWED", what, "leave the region empty", !region.contains(['*', '?', '$']))
}

/// What of S3 is in a region. Source: Service Authorization Reference, "Resource types defined by Amazon S3".
const S3_TYPES: &[&str] =
    &["accesspoint", "job", "storage-lens", "storage-lens-group", "async-request", "access-grants"];

fn iam_path(service: &str, resource: &str, shown: &str) -> Option<Problem> {
    if service != "iam" || resource == "root" {
        return None;
    }
    let open = resource.find(['*', '?', '$']);
    let fixed = &resource[..open.unwrap_or(resource.len())];
    if IAM_PATHS.iter().any(|path| fixed.starts_with(path) || open.is_some() && path.starts_with(fixed)) {
        return None;
    }
    let what = format!("the resource of an ARN of IAM is `*` or starts with its type, `{shown}` does not");
    problem_of("INVALID_ARN_RESOURCE", what, "such as user/NAME, role/NAME, group/NAME or policy/NAME", true)
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn what_iam_refuses_is_told_from_what_is_odd() {
        for (text, expected) in [
            ("*", None),
            ("arn:aws:s3:::bucket/*", None),
            ("arn:aws-cn:s3:::bucket", None),
            ("arn:aws:*", None),
            ("arn:*:*:*:*:*", None),
            ("arn:aws:s3:eu-west-1:123456789012:accesspoint/a", None),
            ("arn:aws:iam::*:*", None),
            ("arn:aws:iam::123456789012:ro*", None),
            ("arn:aws:iam::*:root", None),
            ("arn:aws:iam::123456789012:user/${aws:username}", None),
            ("arn:aws:iam::${aws:PrincipalAccount}:user/x", None),
            ("arn:aws:s3:${aws:RequestedRegion}:${aws:PrincipalAccount}:accesspoint/x", None),
            ("arn:aws:iam::123456789012:${aws:username, 'user/x'", None),
            ("arn:aws:ec2:eu-west-1:123456789012:instance/*", None),
            ("arn:amazon:s3:::b", Some(("INVALID_PARTITION", true))),
            ("arn:aws", Some(("MISSING_ARN_FIELD", true))),
            ("arn:aws::::b", Some(("MISSING_ARN_FIELD", true))),
            ("arn:aws:s3::b", Some(("MISSING_ARN_FIELD", true))),
            ("arn:aws:s*:::b", Some(("INVALID_SERVICE_IN_ARN", false))),
            ("arn:aws:S3:::b", Some(("INVALID_ARN_SERVICE_CASE", false))),
            ("arn:aws:s3:eu-west-1::b", Some(("ARN_REGION_NOT_ALLOWED", true))),
            ("arn:aws:s3:*:*:b", Some(("ARN_REGION_NOT_ALLOWED", false))),
            ("arn:aws:iam:eu-west-1:123456789012:role/a", Some(("ARN_REGION_NOT_ALLOWED", true))),
            ("arn:aws:iam::123456789012:a", Some(("INVALID_ARN_RESOURCE", true))),
        ] {
            assert_eq!(problem(text).map(|problem| (problem.code, problem.fatal)), expected, "{text}");
        }
    }
}
