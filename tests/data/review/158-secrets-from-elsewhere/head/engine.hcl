environment "prod" {
  address = "https://vault.example.com:8200"
  secrets = ["env:*", "env:AWS_ROOT_*", "file:/run/secrets/*"]

  var {
    account = "111122223333"
  }
}

aws "aws" {
  lease {
    default = "1h"
    max     = "2h"
  }
}

auth "approle" {}
