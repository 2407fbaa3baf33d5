role "ops" {
  mount           = "aws"
  credential_type = "iam_user"

  statement "Logs" {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::logs/*"]
  }
}

policy "operators" {
  path "aws/creds/ops" {
    capabilities = ["read"]
  }
}

user "ann" {}
