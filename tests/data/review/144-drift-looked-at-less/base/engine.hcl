environment "prod" {
  address = "https://vault.example.com:8200"

  drift {
    ignore "aws/roles/old-*" {
      reason = "goes in spring"
    }

    severity "sys/policies/acl/*" {
      level = "warning"
    }

    severity "aws/roles/batch" {
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
