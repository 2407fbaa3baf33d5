policy "operators" {
  path "secret/data/ops/*" {
    capabilities = ["read", "update"]
  }
}

auth "oidc" {
  config {
    oidc_discovery_url = "https://id.example.com"
    oidc_client_id     = "engine"
    oidc_client_secret = "secret:env:OIDC_CLIENT_SECRET"
  }
}

login "oidc" "people" {
  policies              = ["operators"]
  allowed_redirect_uris = ["http://localhost:8250/oidc/callback"]
  oidc_scopes           = ["email"]
  bound_claims          = { hd = "example.com" }
  max_age               = "12h"
  token_ttl             = "1h"
  token_max_ttl         = "8h"
}
