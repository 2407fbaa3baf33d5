app "site" {
  owner    = "team-web"
  policies = ["team"]

  login "approle" {
    role_id   = "site-role"
    token_ttl = "1h"
  }
}
