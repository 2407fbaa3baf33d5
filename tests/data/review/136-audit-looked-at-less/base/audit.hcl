audit "file" {
  type      = "file"
  file_path = "/var/log/vault/audit.log"
  mode      = "0600"
}

audit "copy" {
  type      = "file"
  file_path = "/mnt/copy/audit.log"
}
