managed_policy "apps-edge" {
  arn = "arn:aws:iam::111122223333:policy/apps-edge"

  statement "Edge" {
    actions = ["s3:*", "dynamodb:*"]
    resources = ["*"]
  }
}
