policy "operators" {
  path "aws/creds/*" {
    capabilities = ["read"]
  }

  path "sys/leases/lookup/aws/*" {
    capabilities = ["update", "list"]
  }
}
