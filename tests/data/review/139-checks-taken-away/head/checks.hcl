app "checked" {
  role "checked" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Read" {
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::checked/*"]
    }
  }
}

test "one request" {
  app   = "checked"
  allow {
    action = "s3:GetObject"
    resource = "arn:aws:s3:::checked/a"
  }
}

object "sys/config/ui/headers/X-Frame-Options" {
  data {
    values = ["DENY"]
  }
  ignore = ["values"]
  delete = "keep"
}
