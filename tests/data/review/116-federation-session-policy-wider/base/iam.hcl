managed_policy "readers" {
  arn = "arn:aws:iam::${var.account}:policy/readers"

  statement "Read" {
    actions   = ["s3:Get*", "s3:List*"]
    resources = ["*"]
  }
}
iam_user "engine" {
  arn = "arn:aws:iam::${var.account}:user/engine"

  statement "All" {
    actions   = ["s3:*", "sts:GetFederationToken"]
    resources = ["*"]
  }
}
