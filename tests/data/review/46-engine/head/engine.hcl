environment "prod" {
  address = "https://vault.example.com:8200"

  var {
    account = "111122223333"
  }
}

aws "aws" {
  iam_endpoint = "https://iam.example.com"

  lease {
    default = "1h"
    max     = "2h"
  }
}

auth "approle" {}
