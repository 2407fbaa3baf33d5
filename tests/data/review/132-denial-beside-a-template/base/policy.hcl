policy "team" {
  path "kv/data/*" {
    capabilities = ["read"]
  }
  path "kv/data/prod*" {
    capabilities = ["deny"]
  }
  path "kv/data/{{identity.entity.name}}" {
    capabilities = ["read"]
  }
}
