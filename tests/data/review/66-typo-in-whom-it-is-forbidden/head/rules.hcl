guardrail "no-mail" {
  deny {
    actions = ["ses:SendEmail"]
  }

  apps = ["shpo"]
}
