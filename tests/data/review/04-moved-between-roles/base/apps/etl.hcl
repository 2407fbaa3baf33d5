app "etl" {
  owner = "team-etl"

  role "etl-read" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Read" {
      actions = ["s3:GetObject"]
      resources = ["arn:aws:s3:::etl-in/*"]
    }
  }

  role "etl-write" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Write" {
      actions = ["s3:PutObject"]
      resources = ["arn:aws:s3:::etl-out/*"]
    }

    statement "Notify" {
      actions = ["sns:Publish"]
      resources = ["arn:aws:sns:eu-west-1:111122223333:etl"]
    }
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
