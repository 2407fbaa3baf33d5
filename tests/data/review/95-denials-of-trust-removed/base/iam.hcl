iam_role "deploy" {
  arn   = "arn:aws:iam::${var.account}:role/deploy"
  trust = "file:deploy.json"

  statement "All" {
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]
  }
}

iam_role "fed" {
  arn   = "arn:aws:iam::${var.account}:role/fed"
  trust = "file:fed.json"

  statement "All" {
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]
  }
}

iam_role "fn" {
  arn   = "arn:aws:iam::${var.account}:role/fn"
  trust = "file:fn.json"

  statement "All" {
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]
  }
}
