app "backup" {
  owner = "team-infra"

  role "backup" {
    mount           = "aws"
    credential_type = "iam_user"
    policy_document = "file:iam/backup.json"

    iam_tags = {
      team = "infra"
    }
  }

  # Runs once a night: one login for each secret id.
  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 1
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
