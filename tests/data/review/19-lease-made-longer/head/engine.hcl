environment "prod" {
  address = "https://vault.example.com:8200"

  var {
    account = "111122223333"
  }
}

aws "aws" {
  lease {
    default = "8h"
    max     = "12h"
  }
}

auth "approle" {}
