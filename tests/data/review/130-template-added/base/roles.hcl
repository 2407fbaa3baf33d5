role "web" {
  mount           = "aws"
  credential_type = "iam_user"
  statement "Read" {
    effect    = "Allow"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::web/*"]
  }
}

role "site" {
  mount           = "aws"
  credential_type = "iam_user"
  statement "Read" {
    effect    = "Allow"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::site/*"]
  }
}
