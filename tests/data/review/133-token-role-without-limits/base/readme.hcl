policy "deploy" {
  path "kv/data/deploy" {
    capabilities = ["read"]
  }
}
