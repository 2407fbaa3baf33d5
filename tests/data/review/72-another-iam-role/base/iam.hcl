iam_role "deploy" {
  arn = "arn:aws:iam::${var.account}:role/deploy"

  statement "Read" {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::data/*"]
  }
}

iam_role "admin" {
  arn = "arn:aws:iam::${var.account}:role/admin"

  statement "Write" {
    actions   = ["s3:PutObject"]
    resources = ["arn:aws:s3:::data/*"]
  }
}
