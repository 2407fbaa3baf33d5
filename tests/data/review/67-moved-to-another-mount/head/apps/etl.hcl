aws "production" {
  lease {
    default = "1h"
    max     = "2h"
  }
}

app "etl" {
  owner = "team-etl"

  role "etl" {
    mount           = "production"
    credential_type = "iam_user"

    statement "Read" {
      actions   = ["s3:GetObject"]
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
