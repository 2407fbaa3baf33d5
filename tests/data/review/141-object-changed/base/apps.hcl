app "webapp" {
  owner = "team-web"

  role "webapp" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Read" {
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::data/*"]
    }
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
