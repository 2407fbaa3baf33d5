app "batch" {
  owner = "team-batch"

  role "batch" {
    mount           = "aws"
    credential_type = "federation_token"
    policy_arns     = ["arn:aws:iam::${var.account}:policy/readers"]
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
