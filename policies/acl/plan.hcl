# What `leasehold plan` needs: to read what an estate declares, and the ledger. It can change nothing, and it
# can read no credential.

# Whether the token has ended, and what it may do: without `default`, a token may not ask that itself.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}

# That `leasehold watch` keeps the token alive that it speaks with.
path "auth/token/renew-self" {
  capabilities = ["update"]
}

path "sys/mounts" {
  capabilities = ["read"]
}

path "sys/auth" {
  capabilities = ["read"]
}

# The list of audit devices is protected, so reading it takes sudo as well.
path "sys/audit" {
  capabilities = ["read", "sudo"]
}

path "sys/policies/acl" {
  capabilities = ["list"]
}

path "sys/policies/acl/*" {
  capabilities = ["read"]
}

# Where an estate declares token roles.
path "auth/token/roles" {
  capabilities = ["list"]
}

path "auth/token/roles/*" {
  capabilities = ["read"]
}

# Where an estate declares users and groups: whose the ids are that an engine tells.
path "identity/group/name" {
  capabilities = ["list"]
}

path "identity/+/name/*" {
  capabilities = ["read"]
}

path "identity/+/id/*" {
  capabilities = ["read"]
}

# One block of this sort for each mounted AWS engine. The secret key is never told.
path "aws/config/root" {
  capabilities = ["read"]
}

path "aws/config/lease" {
  capabilities = ["read"]
}

path "aws/roles" {
  capabilities = ["list"]
}

path "aws/roles/*" {
  capabilities = ["read"]
}

path "aws/static-roles" {
  capabilities = ["list"]
}

path "aws/static-roles/*" {
  capabilities = ["read"]
}

# One block of this sort for each AppRole method.
path "auth/approle/role" {
  capabilities = ["list"]
}

path "auth/approle/role/+" {
  capabilities = ["read"]
}

# The half of a login that is no secret, where an app declares it.
path "auth/approle/role/+/role-id" {
  capabilities = ["read"]
}

# The ledger of what is ours, but for its key: with that, secrets could be guessed from their digests. A plan without it
# says that secrets are not checked.
path "leasehold/data/+/objects/*" {
  capabilities = ["read"]
}

# Who applied what: `leasehold history`.
path "leasehold/data/+/history/*" {
  capabilities = ["read"]
}

path "leasehold/metadata/*" {
  capabilities = ["list", "read"]
}
