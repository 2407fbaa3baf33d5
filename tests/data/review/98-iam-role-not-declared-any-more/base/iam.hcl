iam_role "deploy" {
  arn   = "arn:aws:iam::${var.account}:role/deploy"

  statement "All" {
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]
  }
}
