app "webapp" {
  owner = "team-webapp"

  role "webapp" {
    mount           = "aws"
    credential_type = "iam_user"
    policy_document = "file:iam/webapp.json"
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
