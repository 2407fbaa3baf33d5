transit "transit" {
  key "orders" {
    exportable             = true
    allow_plaintext_backup = true
    deletion_allowed       = true
  }
  key "more" {
    type = "ed25519"
  }
}

quota "logins" {
  rate     = 50
  interval = "10s"
  path     = "auth/approle"
}

password_policy "db" {
  policy = <<-EOT
    length = 5
    rule "charset" {
      charset = "abcdefghijklmnopqrstuvwxyz"
    }
  EOT
}
