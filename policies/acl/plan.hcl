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

# Whether the server takes audit devices by its API, or from its configuration alone.
path "sys/config/state/sanitized" {
  capabilities = ["read"]
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
  capabilities = ["list"]
}

# What follows is for what not every estate has: take out what yours has not.
#
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

# Methods of the other types, as they are mounted. No key and no password in them is told.
path "auth/userpass/users" {
  capabilities = ["list"]
}

path "auth/userpass/users/+" {
  capabilities = ["read"]
}

path "auth/jwt/config" {
  capabilities = ["read"]
}

path "auth/jwt/role" {
  capabilities = ["list"]
}

path "auth/jwt/role/+" {
  capabilities = ["read"]
}

path "auth/oidc/config" {
  capabilities = ["read"]
}

path "auth/oidc/role" {
  capabilities = ["list"]
}

path "auth/oidc/role/+" {
  capabilities = ["read"]
}

path "auth/kubernetes/config" {
  capabilities = ["read"]
}

path "auth/kubernetes/role" {
  capabilities = ["list"]
}

path "auth/kubernetes/role/+" {
  capabilities = ["read"]
}

path "auth/cert/config" {
  capabilities = ["read"]
}

path "auth/cert/certs" {
  capabilities = ["list"]
}

path "auth/cert/certs/+" {
  capabilities = ["read"]
}

path "auth/aws/config/client" {
  capabilities = ["read"]
}

path "auth/aws/config/identity" {
  capabilities = ["read"]
}

path "auth/aws/config/sts" {
  capabilities = ["list"]
}

path "auth/aws/config/sts/+" {
  capabilities = ["read"]
}

path "auth/aws/role" {
  capabilities = ["list"]
}

path "auth/aws/role/+" {
  capabilities = ["read"]
}

# Key-value and transit engines: their settings, and no secret.
# What goes along with a key-value engine that is deleted: its names, and no secret.
path "kv/metadata" {
  capabilities = ["list"]
}

path "kv/config" {
  capabilities = ["read"]
}

path "transit/keys" {
  capabilities = ["list"]
}

path "transit/keys/+" {
  capabilities = ["read"]
}

# How many leases are out under what changes, and what apps hold. To end or to renew one that it knows by name takes more.
path "sys/leases/lookup/aws/*" {
  capabilities = ["list", "sudo"]
}

# How many logins end with a method, or a login, that goes.
path "sys/leases/lookup/auth/*" {
  capabilities = ["list", "sudo"]
}

# Rate limits and password policies.
path "sys/quotas/rate-limit/+" {
  capabilities = ["read"]
}

path "sys/policies/password/+" {
  capabilities = ["read"]
}
