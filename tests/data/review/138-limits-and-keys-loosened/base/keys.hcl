transit "transit" {
  key "orders" {
    min_decryption_version = 3
    auto_rotate_period     = "720h"
  }
}

quota "logins" {
  rate = 10
  path = "auth/approle"
}

quota "all" {
  rate = 100
}

password_policy "db" {
  policy = <<-EOT
    length = 20
    rule "charset" {
      charset = "abcdefghijklmnopqrstuvwxyz"
    }
  EOT
}
