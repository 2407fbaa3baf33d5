app "webapp" {
  owner = "team-webapp"

  role "webapp" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Assets" {
      actions = ["s3:GetObject", "s3:PutObject"]
      resources = ["arn:aws:s3:::assets/*"]
    }
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
