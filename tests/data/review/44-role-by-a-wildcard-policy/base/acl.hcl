policy "operators" {
  path "aws/creds/*" {
    capabilities = ["read"]
  }
}
