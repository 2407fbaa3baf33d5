environment "prod" {
  address = "https://vault.example.com:8200"
  secrets = ["env:AWS_ROOT_*"]

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
