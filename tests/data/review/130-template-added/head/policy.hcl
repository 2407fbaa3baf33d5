policy "team" {
  path "kv/data/site" {
    capabilities = ["read"]
  }
  path "aws/creds/{{identity.entity.metadata.team}}" {
    capabilities = ["read"]
  }
}
