policy "operators" {
  path "secret/data/ops/*" {
    capabilities = ["read", "update"]
  }
}

auth "oidc" {
  type = "jwt"
  config {
    oidc_discovery_url = "https://id.example.com"
  }
}

login "oidc" "people" {
  policies        = ["operators"]
  bound_audiences = ["leasehold"]
  bound_claims    = { groups = ["web", "mobile"] }
  token_ttl       = "1h"
  token_max_ttl   = "8h"
}
