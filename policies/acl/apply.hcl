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
  capabilities = ["create", "update", "delete"]
}

path "sys/mounts/aws/tune" {
  capabilities = ["update"]
}

path "sys/mounts/leasehold" {
  capabilities = ["create", "update"]
}

path "sys/auth" {
  capabilities = ["read"]
}

path "sys/audit" {
  capabilities = ["read", "sudo"]
}

# Whether the server takes audit devices by its API, or from its configuration alone.
path "sys/config/state/sanitized" {
  capabilities = ["read"]
}

path "sys/audit/*" {
  capabilities = ["create", "update", "delete", "sudo"]
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

path "leasehold/data/*" {
  capabilities = ["create", "update", "read"]
}

path "leasehold/metadata/*" {
  capabilities = ["list", "read", "delete"]
}

# What follows is for what not every estate has: take out what yours has not.
#
# AppRole methods: enabled, tuned, with their logins.
path "sys/auth/approle" {
  capabilities = ["create", "update", "delete", "sudo"]
}

path "sys/auth/approle/tune" {
  capabilities = ["update", "sudo"]
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

# Methods of the other types, as they are mounted: enabled, tuned, configured, with their logins.
path "sys/auth/userpass" {
  capabilities = ["create", "update", "delete", "sudo"]
}

path "sys/auth/userpass/tune" {
  capabilities = ["update", "sudo"]
}

path "sys/auth/jwt" {
  capabilities = ["create", "update", "delete", "sudo"]
}

path "sys/auth/jwt/tune" {
  capabilities = ["update", "sudo"]
}

path "sys/auth/oidc" {
  capabilities = ["create", "update", "delete", "sudo"]
}

path "sys/auth/oidc/tune" {
  capabilities = ["update", "sudo"]
}

path "sys/auth/kubernetes" {
  capabilities = ["create", "update", "delete", "sudo"]
}

path "sys/auth/kubernetes/tune" {
  capabilities = ["update", "sudo"]
}

path "sys/auth/cert" {
  capabilities = ["create", "update", "delete", "sudo"]
}

path "sys/auth/cert/tune" {
  capabilities = ["update", "sudo"]
}

path "sys/auth/aws" {
  capabilities = ["create", "update", "delete", "sudo"]
}

path "sys/auth/aws/tune" {
  capabilities = ["update", "sudo"]
}

path "auth/userpass/users" {
  capabilities = ["list"]
}

path "auth/userpass/users/+" {
  capabilities = ["create", "update", "delete", "read"]
}

path "auth/jwt/config" {
  capabilities = ["update", "read"]
}

path "auth/jwt/role" {
  capabilities = ["list"]
}

path "auth/jwt/role/+" {
  capabilities = ["create", "update", "delete", "read"]
}

path "auth/oidc/config" {
  capabilities = ["update", "read"]
}

path "auth/oidc/role" {
  capabilities = ["list"]
}

path "auth/oidc/role/+" {
  capabilities = ["create", "update", "delete", "read"]
}

path "auth/kubernetes/config" {
  capabilities = ["update", "read"]
}

path "auth/kubernetes/role" {
  capabilities = ["list"]
}

path "auth/kubernetes/role/+" {
  capabilities = ["create", "update", "delete", "read"]
}

path "auth/cert/config" {
  capabilities = ["update", "read"]
}

path "auth/cert/certs" {
  capabilities = ["list"]
}

path "auth/cert/certs/+" {
  capabilities = ["create", "update", "delete", "read"]
}

path "auth/aws/config/client" {
  capabilities = ["create", "update", "read"]
}

path "auth/aws/config/identity" {
  capabilities = ["update", "read"]
}

path "auth/aws/config/sts" {
  capabilities = ["list"]
}

path "auth/aws/config/sts/+" {
  capabilities = ["create", "update", "delete", "read"]
}

path "auth/aws/role" {
  capabilities = ["list"]
}

path "auth/aws/role/+" {
  capabilities = ["create", "update", "delete", "read"]
}

# Key-value and transit engines: their settings and keys, and no secret. `keys/+/config` takes no export.
path "sys/mounts/kv" {
  capabilities = ["create", "update", "delete"]
}

path "sys/mounts/kv/tune" {
  capabilities = ["update"]
}

path "sys/mounts/transit" {
  capabilities = ["create", "update", "delete"]
}

path "sys/mounts/transit/tune" {
  capabilities = ["update"]
}

# What goes along with a key-value engine that is deleted: its names, and no secret.
path "kv/metadata" {
  capabilities = ["list"]
}

path "kv/config" {
  capabilities = ["update", "read"]
}

path "transit/keys" {
  capabilities = ["list"]
}

path "transit/keys/+" {
  capabilities = ["create", "update", "delete", "read"]
}

path "transit/keys/+/config" {
  capabilities = ["update"]
}

# The leases of a role with on_change = "revoke", once it is changed.
path "sys/leases/revoke-prefix/aws/*" {
  capabilities = ["update", "sudo"]
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
  capabilities = ["create", "update", "delete", "read"]
}

path "sys/policies/password/+" {
  capabilities = ["create", "update", "delete", "read"]
}
