# Short-lived means short-lived.
guardrail "leases" {
  severity = "deny"

  require {
    max_ttl = "12h"
  }
}
