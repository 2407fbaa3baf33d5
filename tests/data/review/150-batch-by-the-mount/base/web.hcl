app "webapp" {
  owner = "team-web"

  role "webapp" {
    statement "read" {
      effect    = "Allow"
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::web/*"]
    }
  }

  login "approle" {
    token_ttl     = "30m"
    token_max_ttl = "1h"
  }
}
