app "shop" {
  owner = "team-shop"

  role "shop" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Read" {
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::shop-000-example-bucket/*", "arn:aws:s3:::shop-001-example-bucket/*", "arn:aws:s3:::shop-002-example-bucket/*", "arn:aws:s3:::shop-003-example-bucket/*", "arn:aws:s3:::shop-004-example-bucket/*", "arn:aws:s3:::shop-005-example-bucket/*", "arn:aws:s3:::shop-006-example-bucket/*", "arn:aws:s3:::shop-007-example-bucket/*", "arn:aws:s3:::shop-008-example-bucket/*", "arn:aws:s3:::shop-009-example-bucket/*", "arn:aws:s3:::shop-010-example-bucket/*", "arn:aws:s3:::shop-011-example-bucket/*", "arn:aws:s3:::shop-012-example-bucket/*", "arn:aws:s3:::shop-013-example-bucket/*", "arn:aws:s3:::shop-014-example-bucket/*", "arn:aws:s3:::shop-015-example-bucket/*", "arn:aws:s3:::shop-016-example-bucket/*", "arn:aws:s3:::shop-017-example-bucket/*", "arn:aws:s3:::shop-018-example-bucket/*", "arn:aws:s3:::shop-019-example-bucket/*", "arn:aws:s3:::shop-020-example-bucket/*", "arn:aws:s3:::shop-021-example-bucket/*", "arn:aws:s3:::shop-022-example-bucket/*", "arn:aws:s3:::shop-023-example-bucket/*", "arn:aws:s3:::shop-024-example-bucket/*", "arn:aws:s3:::shop-025-example-bucket/*", "arn:aws:s3:::shop-026-example-bucket/*", "arn:aws:s3:::shop-027-example-bucket/*", "arn:aws:s3:::shop-028-example-bucket/*", "arn:aws:s3:::shop-029-example-bucket/*", "arn:aws:s3:::shop-030-example-bucket/*", "arn:aws:s3:::shop-031-example-bucket/*", "arn:aws:s3:::shop-032-example-bucket/*", "arn:aws:s3:::shop-033-example-bucket/*", "arn:aws:s3:::shop-034-example-bucket/*", "arn:aws:s3:::shop-035-example-bucket/*", "arn:aws:s3:::shop-036-example-bucket/*", "arn:aws:s3:::shop-037-example-bucket/*", "arn:aws:s3:::shop-038-example-bucket/*", "arn:aws:s3:::shop-039-example-bucket/*", "arn:aws:s3:::shop-040-example-bucket/*", "arn:aws:s3:::shop-041-example-bucket/*", "arn:aws:s3:::shop-042-example-bucket/*", "arn:aws:s3:::shop-043-example-bucket/*", "arn:aws:s3:::shop-044-example-bucket/*", "arn:aws:s3:::shop-045-example-bucket/*"]
    }
  }

  login "approle" {
    secret_id_ttl      = "24h"
    secret_id_num_uses = 10
    token_ttl          = "2h"
    token_max_ttl      = "2h"
  }
}
