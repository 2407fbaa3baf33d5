app "ci" {
  owner = "team-ci"

  role "ci-deploy" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Deploy" {
      actions = ["lambda:CreateFunction", "lambda:InvokeFunction"]
      resources = ["arn:aws:lambda:eu-west-1:111122223333:function:ci-*"]
    }
  }

  role "ci-read" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Read" {
      actions = ["lambda:GetFunction"]
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
