policy "operators" {
  path "secret/data/ops/*" {
    capabilities = ["read", "update"]
  }
}

auth "people" {
  type = "userpass"
}

user "ann" {
  policies = ["operators"]
  aliases  = { people = "ann" }
}
