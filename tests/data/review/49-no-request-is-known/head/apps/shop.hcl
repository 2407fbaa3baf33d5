app "shop" {
  owner = "team-shop"

  role "shop" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Read" {
      actions = ["s3:GetObject"]
      resources = ["arn:aws:s3:::shop/*"]
    }

    statement "Look" {
      actions = ["ec2:DescribeInstances"]
      resources = ["arn:aws:ec2:eu-west-1:111122223333:instance/*"]
    }

    statement "List" {
      actions = ["s3:ListBucket"]
      resources = ["arn:aws:s3:::shop/*"]
    }
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
