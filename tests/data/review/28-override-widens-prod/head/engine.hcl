environment "dev" {
  engine = "embedded"
}

environment "prod" {
  address = "https://vault.example.com:8200"

  override {
    app "shop" {
      role "shop" {
        statement "Read" {
          resources = ["arn:aws:s3:::shop/*", "arn:aws:s3:::shop-backups/*"]
        }
      }
    }
  }
}

aws "aws" {
  lease {
    default = "1h"
    max     = "2h"
  }
}

auth "approle" {}
