audit "file" {
  type                  = "file"
  file_path             = "/dev/null"
  mode                  = "0644"
  hmac_accessor         = false
  elide_list_responses  = true
}
