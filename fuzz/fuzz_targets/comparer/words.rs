//! The words that policies and requests are made of: few, so that they meet, and on all sides of where they differ.

/// A key, the operators that it is mostly asked with, and their values.
pub struct Family {
    pub key: &'static str,
    pub operators: &'static [&'static str],
    pub values: &'static [&'static str],
    /// Values of which no page of AWS says what they do with these operators.
    pub odd: &'static [&'static str],
    /// What requests send: each value, what lies between two of them, and what lies beyond all.
    pub sent: &'static [&'static str],
}

pub const ACTIONS: &[&str] =
    &["*", "s3:*", "*", "s3:GetObject", "s3:Get*", "iam:PassRole", "s3:?etObject", "S3:PUTOBJECT"];
pub const ASKED_ACTIONS: &[&str] = &["s3:getobject", "s3:getacl", "s3:putobject", "iam:passrole", "ec2:runinstances"];
pub const RESOURCES: &[&str] = &[
    "*",
    "*",
    "*",
    "arn:aws:s3:::a/*",
    "arn:aws:s3:::a",
    "arn:aws:s3:::*",
    "arn:aws:s3:::${aws:username}/*",
    "arn:aws:s3:::a/${aws:username",
    "arn:aws:iam::1:role/?",
    "arn:aws:s3:::${aws:username}",
    "arn:aws:s3:*/x",
    "arn:aws:s3:::bob/x",
    "arn:aws:s3:::a*b",
    "arn:aws:s3::${aws:username}:a",
];
pub const ASKED_RESOURCES: &[&str] = &[
    "*",
    "arn:aws:s3:::a/b",
    "arn:aws:s3:::a",
    "arn:aws:s3:::bob/x",
    "arn:aws:s3:::bob",
    "arn:aws:iam::1:role/x",
    "arn:aws:iam::1:role/:",
    "arn:aws:s3:::a:b",
];
pub const PREFIXES: &[&str] = &["ForAnyValue:", "ForAllValues:"];

/// The keys of variables, and what requests send for them.
pub const NAMED: &[(&str, &[&str])] =
    &[("aws:username", &["bob", "bob", "a", "", "a:b"]), ("aws:principaltag/t", &["ab"])];

pub const FAMILIES: &[Family] = &[
    Family {
        key: "s3:prefix",
        operators: &[
            "StringEquals",
            "StringNotEquals",
            "StringLike",
            "StringNotLike",
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
        ],
        values: TEXTS,
        odd: ODD_TEXTS,
        sent: &["a", "ab", "A", "bob", "b", "BOB", "", "É", "aé"],
    },
    Family {
        key: "aws:TagKeys",
        operators: &["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"],
        values: TEXTS,
        odd: ODD_TEXTS,
        sent: &["a", "ab", "b", "bob", ""],
    },
    Family {
        key: "s3:max-keys",
        operators: &[
            "NumericEquals",
            "NumericNotEquals",
            "NumericLessThan",
            "NumericLessThanEquals",
            "NumericGreaterThan",
            "NumericGreaterThanEquals",
        ],
        values: &["5", "5.00000000000000001", "5.00000000000000003", "-1", "6"],
        odd: &["1e3", "ten", "${aws:username}", ".5", "+5"],
        sent: &["5", "5.00000000000000001", "5.00000000000000002", "4", "5.5", "6", "7", "-1", "-2", "1000", "x"],
    },
    Family {
        key: "aws:CurrentTime",
        operators: &[
            "DateEquals",
            "DateNotEquals",
            "DateLessThan",
            "DateLessThanEquals",
            "DateGreaterThan",
            "DateGreaterThanEquals",
        ],
        values: &[
            "2030-01-01T00:00:00.1Z",
            "2030-01-01T00:00:00.3Z",
            "2030-01-01T00:00:00.3Z",
            "2030-01-01T00:00:00.1Z",
            "1893456001",
            "2030-01-01",
            "9999-12-31T23:59:59Z",
            "0000-01-01",
        ],
        odd: &[
            "2030-01-01T00:00:00",
            "2030-1-1",
            "2030-01-01t00:00:00z",
            "2030-01-01T00:00",
            "2030-01-01T",
            "99999-01-01T00:00:00Z",
            "2030",
        ],
        sent: &[
            "2030-01-01T00:00:00.2Z",
            "2030-01-01T00:00:00.5Z",
            "2030-01-01",
            "2030-01-01T00:00:00.1Z",
            "1893456002",
            "2029-12-31T23:59:59Z",
            "9999-12-31T23:59:59.5Z",
            "0000-01-01",
            "x",
        ],
    },
    Family {
        key: "aws:SecureTransport",
        operators: &["Bool"],
        values: &["true", "false"],
        odd: &["${aws:username}", "yes", "TRUE"],
        sent: &["true", "false", "yes"],
    },
    Family {
        key: "aws:SourceIp",
        operators: &["IpAddress", "NotIpAddress"],
        values: &[
            "203.0.113.0/24",
            "203.0.113.128/25",
            "203.0.113.0/25",
            "2001:db8::/32",
            "203.0.113.7",
            "0.0.0.0/0",
            "128.0.0.0/1",
        ],
        odd: &["203.0.113.0/33", "203.0.113", "${aws:username}"],
        sent: &["203.0.113.1", "203.0.113.200", "203.0.113.7", "192.0.2.1", "2001:db8::1", "::", "1.1.1.1", "x"],
    },
    Family {
        key: "aws:PrincipalArn",
        operators: &["ArnLike", "ArnNotLike", "ArnEquals", "ArnNotEquals"],
        values: &[
            "arn:aws:iam::1:role/*",
            "arn:aws:iam::*:role/a",
            "arn:aws:iam::1:*/a",
            "arn:*:*:*:*:*",
            "arn:aws:iam::1:role/${aws:username}",
            "arn:aws:iam::${aws:username}:role/a",
        ],
        odd: &["arn:aws:iam:1:role/a", "*"],
        sent: &[
            "arn:aws:iam::1:role/a",
            "arn:aws:iam::2:role/a",
            "arn:aws:iam::1:user/a:b",
            "arn:aws:iam::1:role/a:b",
            "arn:aws:iam::a:role/a",
            "a",
        ],
    },
    Family {
        key: "k:b",
        operators: &["BinaryEquals"],
        values: &["eA==", "eHg=", ""],
        odd: &["eA", "a b="],
        sent: &["eA==", "eHg=", "eQ==", "", "a b="],
    },
];

const TEXTS: &[&str] =
    &["a", "ab", "a*", "${aws:username}", "${aws:PrincipalTag/t, 'a'}", "b", "?", "é", "", "${aws:TagKeys}"];
const ODD_TEXTS: &[&str] = &["${aws:username", "a${}", "${ aws:username}", "${aws:username,'a'}"];
