token_role "ci" {
  allowed_policies_glob = ["*"]
  orphan                = true
  token_period          = "1h"
}
