policy "team" {
  path "kv/data/site" {
    capabilities = ["read"]
  }
}
