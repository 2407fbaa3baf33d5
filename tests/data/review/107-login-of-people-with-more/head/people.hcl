policy "operators" {
  path "secret/data/ops/*" {
    capabilities = ["read", "update"]
  }
}

role "deploy" {
  credential_type = "iam_user"
  statement "Deploy" {
    actions   = ["lambda:UpdateFunctionCode"]
    resources = ["*"]
  }
}

policy "deployers" {
  path "aws/creds/deploy" {
    capabilities = ["read"]
  }
}

auth "oidc" {
  type = "jwt"
  config {
    oidc_discovery_url = "https://id.example.com"
  }
}

login "oidc" "people" {
  policies        = ["deployers", "operators"]
  bound_audiences = ["leasehold"]
  bound_claims    = { groups = ["web"] }
  token_ttl       = "1h"
  token_max_ttl   = "8h"
}
