resource "vault_auth_backend" "approle" {
  type = "approle"

  tune {
    max_lease_ttl = "24h"
  }
}

resource "vault_policy" "app" {
  for_each = local.owners
  name     = each.value
  policy   = <<EOT
path "${vault_aws_secret_backend.aws.path}/creds/${each.value}" {
  capabilities = ["read"]
}
%{if each.value == "etl"~}
path "aws/creds/reader" {
  capabilities = ["read", "update"]
}
%{endif~}
EOT
}

resource "vault_policy" "operators" {
  name   = "operators"
  policy = templatefile("${path.module}/policies/operators.hcl.tftpl", { paths = ["sys/*", "aws/*"] })
}

resource "vault_policy" "keys" {
  name   = "keys"
  policy = file("policies/keys.hcl")
}

data "vault_policy_document" "own" {
  rule {
    path         = "store/data/{{identity.entity.name}}/*"
    capabilities = ["read", "list"]
    description  = "What is one's own"
  }
}

resource "vault_policy" "own" {
  name   = "own"
  policy = data.vault_policy_document.own.hcl
}

resource "vault_approle_auth_backend_role" "app" {
  for_each       = { for name, app in var.apps : name => app if app.ttl > 0 }
  backend        = vault_auth_backend.approle.path
  role_name      = each.key
  token_policies = each.key == "etl" ? [vault_policy.app[each.key].name, vault_policy.keys.name] : [each.key]
  token_ttl      = each.value.ttl
  secret_id_ttl  = 86400
}

resource "vault_approle_auth_backend_role" "operator" {
  backend           = vault_auth_backend.approle.path
  role_name         = "operator"
  role_id           = "operator-of-engines"
  token_policies    = [vault_policy.operators.name]
  token_bound_cidrs = ["10.0.0.0/8"]
}

resource "vault_auth_backend" "people" {
  type = "userpass"
  path = "people"
}

resource "vault_userpass_auth_backend_user" "ann" {
  mount               = vault_auth_backend.people.path
  username            = "ann"
  password_wo         = var.secret_key
  password_wo_version = 1
  token_policies      = [vault_policy.own.name]
}

resource "vault_jwt_auth_backend" "ci" {
  path                   = "ci"
  description            = "Pipelines"
  jwt_validation_pubkeys = [file("ci.pem")]
  bound_issuer           = "https://ci.example.com"
}

resource "vault_jwt_auth_backend_role" "reports" {
  backend         = vault_jwt_auth_backend.ci.path
  role_name       = "reports"
  role_type       = "jwt"
  user_claim      = "sub"
  bound_audiences = [local.trust.audience]
  bound_claims    = { for name, values in local.trust.claims : name => join(",", values) }
  token_policies  = ["reports"]
}

resource "vault_policy" "reports" {
  name   = "reports"
  policy = "path \"aws/creds/reports\" {\n  capabilities = [\"read\"]\n}\n"
}

resource "vault_auth_backend" "kubernetes" {
  type = "kubernetes"
}

resource "vault_kubernetes_auth_backend_config" "kubernetes" {
  backend              = vault_auth_backend.kubernetes.path
  kubernetes_host      = "https://k8s.example.com:6443"
  kubernetes_ca_cert   = file("k8s.pem")
  token_reviewer_jwt   = var.secret_key
  disable_local_ca_jwt = true
}

resource "vault_kubernetes_auth_backend_role" "web" {
  backend                          = vault_auth_backend.kubernetes.path
  role_name                        = "web"
  bound_service_account_names      = ["web"]
  bound_service_account_namespaces = ["web", "web-next"]
  token_policies                   = ["web"]
}

resource "vault_auth_backend" "aws" {
  type = "aws"
}

resource "vault_aws_auth_backend_client" "aws" {
  backend                    = vault_auth_backend.aws.path
  access_key                 = var.access_key
  secret_key                 = var.secret_key
  iam_server_id_header_value = "bao.example.com"
}

resource "vault_aws_auth_backend_role" "batch" {
  backend                  = vault_auth_backend.aws.path
  role                     = "batch"
  auth_type                = "iam"
  bound_iam_principal_arns = ["arn:aws:iam::111122223333:role/batch"]
  resolve_aws_unique_ids   = false
  token_policies           = ["etl"]
}

resource "vault_identity_entity" "ann" {
  name     = "ann"
  policies = ["own"]
  metadata = { desk = "7" }
}

resource "vault_identity_entity_alias" "ann" {
  name           = vault_userpass_auth_backend_user.ann.username
  mount_accessor = vault_auth_backend.people.accessor
  canonical_id   = vault_identity_entity.ann.id
}

resource "vault_identity_group" "readers" {
  name              = "readers"
  policies          = ["keys"]
  member_entity_ids = [vault_identity_entity.ann.id]
}
