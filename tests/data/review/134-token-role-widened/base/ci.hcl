token_role "ci" {
  allowed_policies       = ["deploy"]
  token_explicit_max_ttl = "1h"
  token_bound_cidrs      = ["10.0.0.0/8"]
  token_num_uses         = 5
}
