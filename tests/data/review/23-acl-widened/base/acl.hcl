policy "operators" {
  path "aws/creds/billing-reader" {
    capabilities = ["read"]
  }

  path "sys/leases/lookup/aws/*" {
    capabilities = ["update"]
  }
}
