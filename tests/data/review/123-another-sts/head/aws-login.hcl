auth "aws" {
  config {
    sts_endpoint = "https://sts.proxy.example.com"
  }
}
