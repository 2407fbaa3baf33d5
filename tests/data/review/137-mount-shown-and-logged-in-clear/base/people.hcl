auth "userpass" {
  lockout {
    threshold = 3
    duration  = "1h"
  }
}

auth "people" {
  type                        = "userpass"
  audit_non_hmac_request_keys = ["username"]
}
