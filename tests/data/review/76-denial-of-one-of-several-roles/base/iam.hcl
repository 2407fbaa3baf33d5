iam_role "deploy" {
  arn = "arn:aws:iam::${var.account}:role/deploy"

  statement "All" {
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]
  }

  statement "NoDelete" {
    effect    = "Deny"
    actions   = ["s3:DeleteObject"]
    resources = ["*"]
  }
}

iam_role "admin" {
  arn = "arn:aws:iam::${var.account}:role/admin"

  statement "Narrow" {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::data/*"]
  }
}
