quota "logins" {
  rate = 5
  path = "auth/approle"
}

quota "login" {
  rate = 100000
  path = "auth/approle/login"
}
