//! A simulated AWS account: IAM and STS over their wire protocol.
