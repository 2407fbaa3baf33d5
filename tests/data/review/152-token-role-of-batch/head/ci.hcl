token_role "ci" {
  allowed_policies = ["deploy"]
  orphan           = true
  renewable        = false
  token_type       = "batch"
}
