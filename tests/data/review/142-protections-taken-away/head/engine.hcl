environment "prod" {
  address     = "https://vault.example.com:8200"
  max_deletes = 100

  var {
    account = "111122223333"
  }

  require {
    branch = "release"
  }
}

aws "aws" {
  lease {
    default = "1h"
    max     = "2h"
  }
}

auth "approle" {}
