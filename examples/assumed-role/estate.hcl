# An app that works as a role of the AWS account, for an hour at a time, and may do less than the role.
aws "aws" {
  region = "eu-west-1"
}

auth "approle" {}

# What the role may do is written down once, for AWS and for reviews: nothing here changes the role.
iam_role "deploy" {
  arn             = "arn:aws:iam::${var.account}:role/deploy"
  policy_document = "file:iam/deploy.json"
}

app "site" {
  owner = "team-web"

  role "site" {
    mount     = "aws"
    role_arns = ["arn:aws:iam::${var.account}:role/deploy"]

    default_sts_ttl = "1h"

    # A session policy: of what the role may do, no more than this.
    statement "Upload" {
      actions   = ["s3:PutObject"]
      resources = ["arn:aws:s3:::example-site/*"]
    }
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}

test "a deploy of the site uploads, and deletes nothing" {
  app = "site"

  allow {
    action   = "s3:PutObject"
    resource = "arn:aws:s3:::example-site/index.html"
  }
  never {
    actions = ["s3:Delete*"]
  }
}

# The embedded engine, and a simulated AWS account instead of a real one.
environment "local" {
  engine = "embedded"
  aws    = "sandbox"

  var {
    account = "123456789012"
  }
}
