policy "operators" {
  path "secret/data/ops/*" {
    capabilities = ["read", "update"]
  }
}

auth "oidc" {
  config {
    oidc_discovery_url = "https://id.example.com"
    oidc_client_id     = "another"
    oidc_client_secret = "secret:env:OTHER_CLIENT_SECRET"
  }
}

login "oidc" "people" {
  policies              = ["operators"]
  allowed_redirect_uris = ["http://localhost:8250/oidc/callback", "https://tool.example.com/callback"]
  oidc_scopes           = ["email", "groups"]
  bound_claims          = { hd = ["example.com", "example.org"] }
  groups_claim          = "groups"
  token_ttl             = "1h"
  token_max_ttl         = "8h"
}
