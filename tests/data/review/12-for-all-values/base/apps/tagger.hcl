app "tagger" {
  owner = "team-tagger"

  role "tagger" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Tag" {
      actions = ["ec2:CreateTags"]
      resources = ["*"]

      condition = {
        "ForAnyValue:StringEquals" = {
          "aws:TagKeys" = ["team", "stage"]
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
