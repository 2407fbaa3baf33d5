app "batch" {
  owner = "team-batch"

  role "batch" {
    mount           = "aws"
    credential_type = "session_token"
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
