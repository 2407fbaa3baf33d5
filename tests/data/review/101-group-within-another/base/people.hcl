policy "operators" {
  path "secret/data/ops/*" {
    capabilities = ["read", "update"]
  }
}

user "ann" {}

group "dev" {
  members = ["ann"]
}

group "ops" {
  policies = ["operators"]
}
