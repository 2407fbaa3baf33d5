app "analytics" {
  owner = "team-data"

  role "analytics" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "ReadAndListObjects" {
      actions   = ["s3:GetObject", "s3:ListBucket"]
      resources = ["arn:aws:s3:::example-analytics", "arn:aws:s3:::example-analytics/*"]
    }

    # CloudWatch metrics have no ARNs of their own.
    statement "ReadMetrics" {
      actions   = ["cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics"]
      resources = ["*"]
    }

    iam_tags = {
      team = "data"
    }
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
