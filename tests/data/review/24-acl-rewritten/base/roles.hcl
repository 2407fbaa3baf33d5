role "billing-reader" {
  mount           = "aws"
  credential_type = "iam_user"

  statement "Read" {
    actions = ["s3:GetObject", "s3:ListBucket"]
    resources = ["arn:aws:s3:::billing", "arn:aws:s3:::billing/*"]
  }
}
