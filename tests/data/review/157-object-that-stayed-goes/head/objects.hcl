object "sys/config/ui/headers/X-Frame-Options" {
  data {
    values = ["DENY"]
  }
}
