iam_user "legacy-app" {
  arn = "arn:aws:iam::${var.account}:user/apps/legacy-app"

  statement "Read" {
    actions   = ["s3:GetObject", "s3:ListBucket"]
    resources = ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]
  }
}
