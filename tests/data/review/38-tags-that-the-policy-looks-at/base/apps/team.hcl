app "team" {
  owner = "team-team"

  role "team" {
    mount           = "aws"
    credential_type = "iam_user"
    iam_tags        = { team = "data" }

    statement "Stop" {
      actions = ["ec2:StopInstances"]
      resources = ["*"]

      condition = {
        "StringEquals" = {
          "aws:PrincipalTag/team" = "web"
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
