app "queue" {
  owner = "team-queue"

  role "queue" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Send" {
      actions = ["sqs:SendMessage"]
      resources = ["arn:aws:sqs:*:${var.account}:jobs"]
    }
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
