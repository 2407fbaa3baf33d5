app "legacy" {
  owner = "team-legacy"

  role "own" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Narrow" {
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::data/*"]
    }
  }

  static_role "legacy" {
    mount           = "aws"
    username        = "legacy-app"
    rotation_period = "24h"
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
