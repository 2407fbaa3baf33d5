app "ops" {
  owner = "team-ops"

  role "ops" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Operate" {
      not_actions = ["iam:*", "organizations:*"]
      resources = ["*"]
    }
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
