# How apps prove who they are.
guardrail "logins" {
  severity = "deny"

  require {
    bind_secret_id    = true
    max_secret_id_ttl = "720h"
    max_token_ttl     = "24h"
    bound_audiences   = true
    exact_bindings    = true
  }
}
