path "store/data/keys/*" {
  capabilities = ["read"]
}
