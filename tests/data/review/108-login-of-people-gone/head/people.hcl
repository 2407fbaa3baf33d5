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

