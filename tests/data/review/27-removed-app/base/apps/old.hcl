app "old" {
  owner = "team-old"

  role "old" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Queue" {
      actions = ["sqs:*"]
      resources = ["arn:aws:sqs:eu-west-1:111122223333:old"]
    }
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
