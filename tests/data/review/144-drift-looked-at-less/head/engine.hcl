environment "prod" {
  address = "https://vault.example.com:8200"

  drift {
    ignore "aws/roles/*" {
      kind   = "aws role"
      reason = "somebody else's"
    }

    severity "sys/policies/acl/*" {
      level = "note"
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
