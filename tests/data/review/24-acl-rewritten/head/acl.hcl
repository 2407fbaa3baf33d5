policy "operators" {
  path "sys/leases/lookup/aws/*" {
    capabilities = ["update"]
  }

  path "sys/leases/lookup/aws/billing*" {
    capabilities = ["update"]
  }

  path "aws/creds/billing-reader" {
    capabilities = ["list", "read"]
  }
}
