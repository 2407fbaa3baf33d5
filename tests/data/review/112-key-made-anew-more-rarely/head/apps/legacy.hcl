app "legacy" {
  owner = "team-legacy"

  static_role "legacy" {
    mount           = "aws"
    username        = "legacy-app"
    rotation_period = "720h"
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
