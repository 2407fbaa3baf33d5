iam_user "engine" {
  arn = "arn:aws:iam::${var.account}:user/engine"

  statement "All" {
    actions   = ["s3:*", "sts:GetFederationToken"]
    resources = ["*"]
  }
}
