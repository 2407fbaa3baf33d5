policy "operators" {
  path "aws/creds/billing-reader" {
    capabilities = ["read", "list"]
  }

  path "sys/leases/lookup/aws/*" {
    capabilities = ["update"]
  }
}
