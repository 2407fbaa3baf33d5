auth "jwt" {
  config {
    oidc_discovery_url = "https://gitlab.example.com"
  }
}
