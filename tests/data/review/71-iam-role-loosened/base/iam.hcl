iam_role "deploy" {
  arn = "arn:aws:iam::${var.account}:role/deploy"

  statement "Read" {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::data/*"]
  }
}
