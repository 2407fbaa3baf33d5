role "ops" {
  mount           = "aws"
  credential_type = "iam_user"

  statement "Logs" {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::logs/*"]
  }
}

policy "operators" {
  path "secret/data/ops" {
    capabilities = ["read"]
  }
}

auth "oidc" {}

user "ann" {}

user "bob" {
  disabled = true
}

group "ops" {
  policies = ["operators"]
  members  = ["ann", "bob"]
}

group "contractors" {
  policies = ["operators"]
  alias    = { oidc = "contractors" }
}
