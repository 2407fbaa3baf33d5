role "nobody" {
  mount           = "aws"
  credential_type = "iam_user"

  statement "Read" {
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::old/*"]
  }
}
