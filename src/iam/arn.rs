//! Names of things of AWS. Source: AWS General Reference, "Amazon Resource Names (ARNs)".

/// The parts of an ARN, as they stand: none of them is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`.
    pub partition: &'a str,
    /// `iam`.
    pub service: &'a str,
    /// Empty of what is in no region.
    pub region: &'a str,
    /// Twelve digits, `aws` of what AWS has itself, or empty.
    pub account: &'a str,
    /// `role/app/web`.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// The parts of a text that has the form of an ARN.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next();
        let ("arn", partition, service, region, account, resource) =
            (next()?, next()?, next()?, next()?, next()?, next()?)
        else {
            return None;
        };
        Some(Self { partition, service, region, account, resource })
    }

    /// The account in an ARN that names one.
    pub fn account_of(text: &'a str) -> Option<&'a str> {
        Self::parse(text).map(|arn| arn.account).filter(|account| !account.is_empty())
    }

    /// Whether it is that of a role of IAM.
    pub fn is_role(&self) -> bool {
        self.service == "iam" && self.resource.strip_prefix("role/").is_some_and(|name| !name.is_empty())
    }
}

/// The partition of a region, which no access key crosses. Source: AWS General Reference, "ARN format".
pub fn partition_of(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// The region where a partition has its IAM. Source: AWS General Reference, "IAM endpoints".
pub fn iam_region_of(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        _ => "us-east-1",
    }
}

/// Whether a text is the number of an AWS account: twelve digits. Source: AWS Account Management, "View AWS account
/// identifiers".
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{Arn, iam_region_of, is_account, partition_of};

    #[test]
    fn an_arn_has_six_parts_of_which_the_last_may_hold_anything() {
        let arn = Arn::parse("arn:aws:iam::111122223333:role/app/web").expect("an ARN");
        assert_eq!((arn.partition, arn.service, arn.region, arn.account), ("aws", "iam", "", "111122223333"));
        assert!(arn.resource == "role/app/web" && arn.is_role());
        assert_eq!(
            Arn::parse("arn:aws:logs:eu-west-1:111122223333:log-group:a:*").expect("an ARN").resource,
            "log-group:a:*"
        );
        for none in ["", "arn", "arn:aws:iam::111122223333", "role/x", "urn:aws:iam::111122223333:role/x"] {
            assert_eq!(Arn::parse(none), None, "{none}");
        }
        for partition in ["aws", "aws-cn", "aws-us-gov"] {
            assert_eq!(partition_of(iam_region_of(partition)), partition);
        }
        assert_eq!(Arn::account_of("arn:aws:s3:::bucket"), None);
        assert!(is_account("111122223333") && !is_account("11112222333") && !is_account("11112222333a"));
    }
}
