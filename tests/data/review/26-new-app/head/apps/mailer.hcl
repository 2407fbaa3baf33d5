app "mailer" {
  owner = "team-mailer"

  role "mailer" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Send" {
      actions = ["ses:SendEmail", "ses:SendRawEmail"]
      resources = ["arn:aws:ses:eu-west-1:111122223333:identity/example.com"]
    }
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
