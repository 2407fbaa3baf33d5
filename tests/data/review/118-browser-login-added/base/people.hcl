policy "operators" {
  path "secret/data/ops/*" {
    capabilities = ["read", "update"]
  }
}

auth "oidc" {
  config {
    oidc_discovery_url = "https://id.example.com"
  }
}
