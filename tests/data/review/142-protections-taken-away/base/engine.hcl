environment "prod" {
  address     = "https://vault.example.com:8200"
  max_deletes = 1

  var {
    account = "111122223333"
  }

  require {
    clean  = true
    branch = "main"
  }

  limit "aws role" {
    deletes = 0
  }
}

aws "aws" {
  lease {
    default = "1h"
    max     = "2h"
  }

  protect = true
}

auth "approle" {}
