app "web" {
  owner = "team-web"

  role "web" {
    statement "Read" {
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::web/*"]
    }
  }

  login "aws" {
    token_ttl     = "1h"
    token_max_ttl = "1h"
    principals         = ["arn:aws:iam::123456789012:role/web"]
    resolve_unique_ids = false
  }
}
