app "web" {
  owner = "team-web"

  role "web" {
    statement "Read" {
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::web/*"]
    }
  }

  login "cert" {
    certificate = <<-EOT
      -----BEGIN CERTIFICATE-----
      MIIBMDCB46ADAgECAhQlFyKkMJ+iJrjuhCyANJfBCLv67TAFBgMrZXAwDjEMMAoG
      A1UEAwwDY2ExMB4XDTI2MTEyOTA4MjI0NVoXDTM2MTEyNjA4MjI0NVowDjEMMAoG
      A1UEAwwDY2ExMCowBQYDK2VwAyEAlIDlbkkfPuANg5wJ59Bb+QzUW+Y64EnNTh0I
      BnNLP7ijUzBRMB0GA1UdDgQWBBRfJqkjCWUWods2UR9PvsCql4qrPjAfBgNVHSME
      GDAWgBRfJqkjCWUWods2UR9PvsCql4qrPjAPBgNVHRMBAf8EBTADAQH/MAUGAytl
      cANBAEKGJSp+MB5BCpY2pPyitjZ4iDrmJ6kR4aT+2umTQUzfwkn1t3DIEuOq3pRL
      V1apbHhmEUTeYKVvNfUhRj6/fws=
      -----END CERTIFICATE-----
    EOT
    common_names = ["web-*"]
    token_ttl     = "1h"
    token_max_ttl = "1h"
  }
}
