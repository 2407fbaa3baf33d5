role "ops" {
  mount           = "aws"
  credential_type = "iam_user"

  statement "Logs" {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::logs/*"]
  }
}

policy "all" {
  path "aws/creds/*" {
    capabilities = ["read"]
  }
}

policy "not-ops" {
  path "aws/creds/ops" {
    capabilities = ["deny"]
  }
}

user "ann" {
  policies = ["all"]
}

group "trainees" {
  policies = ["not-ops"]
}
