role "nobody" {
  mount           = "aws"
  credential_type = "iam_user"

  statement "Read" {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::old/*"]
  }
}
