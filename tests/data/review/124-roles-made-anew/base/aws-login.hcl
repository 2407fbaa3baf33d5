auth "aws" {
  config {
    iam_server_id_header_value = "engine.example.com"
  }
}
