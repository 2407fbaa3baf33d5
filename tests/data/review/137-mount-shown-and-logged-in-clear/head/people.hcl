auth "userpass" {
  listing_visibility           = "unauth"
  audit_non_hmac_response_keys = ["client_token"]

  lockout {
    threshold = 300
    duration  = "5m"
  }
}

auth "people" {
  type = "userpass"

  lockout {
    disable = true
  }
}
