object "sys/config/ui/headers/X-Frame-Options" {
  delete = "keep"

  data {
    values = ["DENY"]
  }
}
