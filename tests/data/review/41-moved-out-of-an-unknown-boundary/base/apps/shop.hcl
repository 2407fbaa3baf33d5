app "shop" {
  owner = "team-shop"

  role "shop-edge" {
    mount           = "aws"
    credential_type = "iam_user"
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/apps-edge"

    statement "Read" {
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::shop/*"]
    }

    statement "Put" {
      actions   = ["s3:PutObject"]
      resources = ["arn:aws:s3:::shop/*"]
    }
  }

  role "shop-free" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Notify" {
      actions   = ["sns:Publish"]
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
