app "batch" {
  owner = "team-batch"

  role "batch" {
    mount             = "aws"
    credential_type   = "session_token"
    mfa_serial_number = "arn:aws:iam::${var.account}:mfa/engine"
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
