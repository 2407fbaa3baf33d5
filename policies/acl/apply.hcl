# What `leasehold apply` needs: all that `plan` reads, and to write it. It can issue no credential itself, but it
# writes policies and logins, so whoever holds it can give himself any access: keep it to the job that applies
# reviewed changes.

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

# The engines it may mount, tune and unmount, the ledger's among them.
path "sys/mounts/aws" {
  capabilities = ["create", "update", "delete", "read"]
}

path "sys/mounts/aws/tune" {
  capabilities = ["update", "read"]
}

path "sys/mounts/leasehold" {
  capabilities = ["create", "update", "read"]
}

path "sys/auth" {
  capabilities = ["read"]
}

path "sys/auth/approle" {
  capabilities = ["create", "update", "delete", "read", "sudo"]
}

path "sys/auth/approle/tune" {
  capabilities = ["update", "read", "sudo"]
}

path "sys/audit" {
  capabilities = ["read", "sudo"]
}

path "sys/audit/*" {
  capabilities = ["create", "update", "delete", "read", "sudo"]
}

# To say which commit a change comes from, and what a role is judged by.
path "sys/leasehold/estate" {
  capabilities = ["update"]
}

path "sys/policies/acl" {
  capabilities = ["list"]
}

path "sys/policies/acl/*" {
  capabilities = ["create", "update", "delete", "read"]
}

# Where an estate declares token roles.
path "auth/token/roles" {
  capabilities = ["list"]
}

path "auth/token/roles/*" {
  capabilities = ["create", "update", "delete", "read"]
}

# Where an estate declares users and groups: whose the ids are that an engine tells.
path "identity/group/name" {
  capabilities = ["list"]
}

path "identity/+/name/*" {
  capabilities = ["create", "update", "delete", "read"]
}

path "identity/+/id/*" {
  capabilities = ["read"]
}

path "identity/entity-alias" {
  capabilities = ["create", "update"]
}

path "identity/entity-alias/id/*" {
  capabilities = ["delete"]
}

path "identity/group-alias" {
  capabilities = ["create", "update"]
}

path "identity/group-alias/id/*" {
  capabilities = ["delete"]
}

path "aws/config/root" {
  capabilities = ["update", "read"]
}

path "aws/config/lease" {
  capabilities = ["update", "read"]
}

path "aws/roles" {
  capabilities = ["list"]
}

path "aws/roles/*" {
  capabilities = ["update", "delete", "read"]
}

path "aws/static-roles" {
  capabilities = ["list"]
}

path "aws/static-roles/*" {
  capabilities = ["update", "delete", "read"]
}

path "auth/approle/role" {
  capabilities = ["list"]
}

# `+` and not `*`: below a role are its secret ids, which apply has no business with.
path "auth/approle/role/+" {
  capabilities = ["create", "update", "delete", "read"]
}

# The half of a login that is no secret, where an app declares it.
path "auth/approle/role/+/role-id" {
  capabilities = ["read"]
}

path "leasehold/data/*" {
  capabilities = ["create", "update", "read"]
}

path "leasehold/metadata/*" {
  capabilities = ["list", "read", "delete"]
}
