# What must hold of the apps, whatever else changes: `leasehold test`. `deny`, `never` and `at_most` are about every
# request that matches, not only about an example.
test "webapp serves assets and nothing else" {
  app = "webapp"

  allow {
    action   = "s3:GetObject"
    resource = "arn:aws:s3:::example-webapp/index.html"
  }
  deny {
    action   = "s3:*"
    resource = "arn:aws:s3:::example-backup/*"
  }
  never {
    actions = ["iam:*", "sts:AssumeRole"]
  }
}

test "backups can't be read or deleted by who makes them" {
  app = "backup"

  allow {
    action   = "s3:PutObject"
    resource = "arn:aws:s3:::example-backup/2026/monday.tar"
  }
  allow {
    action   = "rds:CreateDBSnapshot"
    resource = "arn:aws:rds:eu-west-1:${var.account}:db:orders"
  }
  never {
    actions = ["s3:Get*", "s3:Delete*", "rds:Delete*"]
  }
}

test "analytics reads" {
  app = "analytics"

  allow {
    action   = "s3:GetObject"
    resource = "arn:aws:s3:::example-analytics/2026/visits.parquet"
  }
  never {
    actions = ["s3:Put*", "s3:Delete*"]
  }

  # Nobody else's credentials, and nothing else of the engine.
  acl "aws/creds/analytics" {
    capabilities = ["read"]
  }
  acl_only = ["aws/creds/analytics"]
}
