token_role "ci" {
  allowed_policies       = ["deploy", "operate"]
  token_explicit_max_ttl = "12h"
}
