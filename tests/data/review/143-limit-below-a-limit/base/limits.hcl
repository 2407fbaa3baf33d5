quota "logins" {
  rate = 5
  path = "auth/approle"
}
