app "sub" {
  owner = "team-web"

  role "sub" {
    statement "Read" {
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::sub/*"]
    }
  }

  login "jwt" {
    bound_audiences = ["https://vault.example.com"]
    token_ttl       = "1h"
    token_max_ttl   = "1h"

    bound_subject = "repo:octo/sub:ref:refs/heads/main"

    bound_claims = {
      repository = "octo/sub"
    }
  }
}
