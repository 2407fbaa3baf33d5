auth "jwt" {
  config {
    oidc_discovery_url = "https://token.actions.githubusercontent.com"
    bound_issuer       = "https://token.actions.githubusercontent.com"
    jwt_supported_algs = ["RS256"]
  }
}
