policy "team" {
  path "kv/data/site" {
    capabilities = ["read"]
  }
  path "aws/creds/{{identity.entity.aliases.auth_approle_1a2b3c4d.metadata.role_name}}" {
    capabilities = ["read"]
  }
}
