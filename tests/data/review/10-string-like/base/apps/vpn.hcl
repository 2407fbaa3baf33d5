app "vpn" {
  owner = "team-vpn"

  role "vpn" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Decrypt" {
      actions = ["kms:Decrypt"]
      resources = ["arn:aws:kms:eu-west-1:111122223333:key/*"]

      condition = {
        "StringEquals" = {
          "aws:SourceVpce" = "vpce-0a1b2c3d"
        }
      }
    }
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
