guardrail "logins" {
  use = "pack:logins"
}

policy "operators" {
  path "secret/data/ops/*" {
    capabilities = ["read", "update"]
  }
}

auth "people" {
  type = "userpass"
}

login "people" "ann" {
  password = "secret:env:ANN"
  policies = ["operators"]
}
