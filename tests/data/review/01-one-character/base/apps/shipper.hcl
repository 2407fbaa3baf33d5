app "shipper" {
  owner = "team-shipper"

  role "shipper" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Ship" {
      actions = ["s3:PutObject"]
      resources = ["arn:aws:s3:::logs-*"]
    }
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
