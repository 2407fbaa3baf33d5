auth "jwt" {
  config {
    oidc_discovery_url = "https://token.actions.githubusercontent.com"
  }
}
