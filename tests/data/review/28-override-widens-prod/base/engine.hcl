environment "dev" {
  engine = "embedded"
}

environment "prod" {
  address = "https://vault.example.com:8200"
}

aws "aws" {
  lease {
    default = "1h"
    max     = "2h"
  }
}

auth "approle" {}
