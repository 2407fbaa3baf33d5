iam_role "deploy" {
  arn   = "arn:aws:iam::${var.account}:role/deploy"
  trust = "file:deploy.json"

  statement "All" {
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]
  }
}

iam_role "other" {
  arn   = "arn:aws:iam::${var.account}:role/other"
  trust = "file:other.json"

  statement "All" {
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]
  }
}

iam_role "open" {
  arn   = "arn:aws:iam::${var.account}:role/open"
  trust = "file:open.json"

  statement "All" {
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]
  }
}
