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

test "reads only" {
  app   = "checked"
  never {
    actions = ["s3:Delete*"]
    resources = ["*"]
  }
}

test "one request" {
  app   = "checked"
  allow {
    action = "s3:GetObject"
    resource = "arn:aws:s3:::checked/a"
  }
  deny {
    action = "s3:PutObject"
    resource = "arn:aws:s3:::checked/a"
  }
}

object "sys/config/ui/headers/X-Frame-Options" {
  data {
    values = ["DENY"]
  }
}
