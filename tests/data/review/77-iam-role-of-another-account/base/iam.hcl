iam_role "deploy" {
  arn = "arn:aws:iam::${var.account}:role/deploy"

  statement "All" {
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]
  }
}

iam_role "deploy2" {
  arn = "arn:aws:iam::444455556666:role/deploy2"

  statement "All" {
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]
  }
}
