# What most teams want of every role.
guardrail "baseline" {
  severity = "deny"

  # Everything that AWS adds tomorrow would be allowed today.
  deny {
    wildcards = ["not_action"]
  }

  deny {
    actions   = ["*"]
    wildcards = ["action", "resource"]
  }

  deny {
    levels    = ["permissions-management"]
    wildcards = ["resource"]
  }
}
