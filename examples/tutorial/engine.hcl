# The engine that issues: leases of one hour, renewable up to two.
aws "aws" {
  description = "Dynamic AWS credentials"
  region      = "eu-west-1"

  lease {
    default = "1h"
    max     = "2h"
  }
}

# How apps prove who they are.
auth "approle" {
  description = "Logins of apps"
}
