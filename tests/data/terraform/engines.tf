terraform {
  required_providers {
    vault = { source = "hashicorp/vault" }
  }
}

provider "vault" {}

resource "vault_aws_secret_backend" "aws" {
  path                      = "aws"
  description               = "For \"apps\""
  access_key                = var.access_key
  secret_key                = var.secret_key
  region                    = "eu-west-1"
  default_lease_ttl_seconds = 60 * 60
  max_lease_ttl_seconds     = 28800
}

resource "vault_mount" "store" {
  path    = "store"
  type    = "kv"
  options = { version = "2" }
}

resource "vault_kv_secret_backend_v2" "store" {
  mount                = vault_mount.store.path
  max_versions         = 5
  cas_required         = true
  delete_version_after = 3600
}

resource "vault_mount" "plain" {
  count       = 1
  path        = "plain"
  type        = "kv-v1"
  description = "Number ${count.index}"
}

resource "vault_aws_secret_backend_role" "app" {
  for_each        = var.apps
  backend         = vault_aws_secret_backend.aws.path
  name            = each.key
  credential_type = "iam_user"
  iam_tags        = { team = each.key }

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["s3:GetObject"], Resource = "${local.arn}/${each.value.prefix}/*" },
    ]
  })
}

data "aws_iam_policy_document" "reader" {
  statement {
    actions   = ["s3:ListBucket", "s3:GetObject"]
    resources = [local.arn, "${local.arn}/&{aws:username}/*"]

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["true"]
    }
  }
}

resource "vault_aws_secret_backend_role" "reader" {
  backend         = vault_aws_secret_backend.aws.path
  name            = "reader"
  credential_type = "iam_user"
  policy_document = data.aws_iam_policy_document.reader.json
}

resource "vault_aws_secret_backend_role" "reports" {
  backend         = vault_aws_secret_backend.aws.path
  name            = "reports"
  credential_type = "iam_user"
  policy_arns     = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
  user_path       = "/reports/"
}

resource "vault_token_auth_backend_role" "cron" {
  role_name        = "cron"
  allowed_policies = [vault_policy.own.name]
  orphan           = true
  token_period     = 3600
}
