app "report" {
  owner = "team-report"

  role "report" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "List" {
      actions = ["s3:ListBucket"]
      resources = ["arn:aws:s3:::reports"]
    }

    statement "Get" {
      actions = ["s3:GetObject"]
      resources = ["arn:aws:s3:::reports/*"]
    }

    statement "Put" {
      actions = ["s3:PutObject"]
      resources = ["arn:aws:s3:::reports/*"]
    }
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
