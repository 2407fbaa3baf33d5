app "audit" {
  owner = "team-audit"

  role "audit" {
    mount           = "aws"
    credential_type = "iam_user"
    policy_arns     = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]

    statement "Own" {
      actions = ["s3:ListAllMyBuckets"]
      resources = ["*"]
    }

    statement "NotTheSecrets" {
      effect = "Deny"
      actions = ["secretsmanager:GetSecretValue"]
      resources = ["*"]
    }
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
