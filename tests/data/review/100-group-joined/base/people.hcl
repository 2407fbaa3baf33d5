policy "operators" {
  path "secret/data/ops/*" {
    capabilities = ["read", "update"]
  }
}

user "ann" {}

user "bob" {}

group "ops" {
  policies = ["operators"]
  members  = ["ann"]
}
