# What `leasehold trail`, `trail follow` and `trail verify` need of an engine of leasehold's, and nothing else: its trail
# tells who asked for what, so that it is for auditors. Secrets are hashed in it.
path "sys/leasehold/trail" {
  capabilities = ["read", "sudo"]
}

# A run that logs in for itself.
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
