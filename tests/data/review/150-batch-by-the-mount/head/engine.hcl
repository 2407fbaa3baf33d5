environment "prod" {
  address = "https://vault.example.com:8200"

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

auth "approle" {
  token_type = "default-batch"
}
