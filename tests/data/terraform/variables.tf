variable "bucket" {
  type    = string
  default = "acme"
}

variable "apps" {
  type = map(object({
    prefix = string
    ttl    = number
  }))
}

variable "access_key" {
  type      = string
  sensitive = true
}

variable "secret_key" {
  type      = string
  sensitive = true
}

locals {
  arn    = "arn:aws:s3:::${var.bucket}"
  owners = toset(["web", "etl"])
  trust = {
    audience = "https://bao.example.com"
    claims   = { ref = ["refs/heads/main", "refs/heads/next"], repository = ["acme/reports"] }
  }
}
