guardrail "no-mail" {
  deny {
    actions   = ["ses:SendEmial"]
    resources = ["arn:aws:S3:::data/*"]
    unless    = ["aws:SourceVpcee"]
  }
}

test "shop sends no mail" {
  app = "shop"

  never {
    actions = ["sess:*"]
  }
}
