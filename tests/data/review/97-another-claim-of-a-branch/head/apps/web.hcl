app "web" {
  owner = "team-web"

  role "web" {
    statement "Read" {
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::web/*"]
    }
  }

  login "jwt" {
    bound_audiences = ["https://vault.example.com"]
    token_ttl       = "1h"
    token_max_ttl   = "1h"

    bound_claims = {
      repository = "octo/web"
      ref_path = "refs/heads/main"
    }
  }
}
