iam_role "deploy" {
  arn = "arn:aws:iam::${var.account}:role/deploy"

  permissions_boundary_arn = "arn:aws:iam::${var.account}:policy/edge"

  statement "All" {
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]
  }
}

managed_policy "edge" {
  arn = "arn:aws:iam::${var.account}:policy/edge"

  statement "Edge" {
    actions   = ["s3:Get*"]
    resources = ["*"]
  }
}
