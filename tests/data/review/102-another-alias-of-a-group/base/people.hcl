policy "operators" {
  path "secret/data/ops/*" {
    capabilities = ["read", "update"]
  }
}

auth "people" {
  type = "userpass"
}

group "ops" {
  policies = ["operators"]
  alias    = { people = "operators" }
}
