environment "prod" {
  address = "https://vault.example.com:8200"

  var {
    account = "111122223333"
  }
}

aws "aws" {
  principal_arn = "arn:aws:iam::${var.account}:user/engine"

  lease {
    default = "1h"
    max     = "2h"
  }
}

auth "approle" {}
