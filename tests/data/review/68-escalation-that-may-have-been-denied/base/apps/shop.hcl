app "shop" {
  owner = "team-shop"

  role "shop" {
    mount           = "aws"
    credential_type = "iam_user"
    policy_document = "file:iam/shop.json"
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
