app "shop" {
  owner = "team-shop"

  role "shop" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Read" {
      actions = ["s3:GetObject"]
      resources = ["arn:aws:s3:::shop/*"]
    }
  }

  login "approle" {
    bind_secret_id    = false
    secret_id_ttl     = "24h"
    token_bound_cidrs = ["10.0.0.0/8"]
    token_ttl         = "2h"
    token_max_ttl     = "2h"
  }
}
