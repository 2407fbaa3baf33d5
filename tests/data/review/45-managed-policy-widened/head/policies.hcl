managed_policy "apps" {
  arn = "arn:aws:iam::111122223333:policy/apps"

  statement "Apps" {
    actions   = ["sqs:ReceiveMessage", "sqs:SendMessage"]
    resources = ["*"]
  }
}
