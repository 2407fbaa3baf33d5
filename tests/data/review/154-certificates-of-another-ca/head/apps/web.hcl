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
      MIIBMDCB46ADAgECAhR90qey4ioQGr1PVg8rklyuIl5czzAFBgMrZXAwDjEMMAoG
      A1UEAwwDY2EyMB4XDTI2MTEyOTA4MjI0NVoXDTM2MTEyNjA4MjI0NVowDjEMMAoG
      A1UEAwwDY2EyMCowBQYDK2VwAyEAOMus33pdK5zdAWfXwynHFJrEXNzmxDV+E6B9
      /VP6ihCjUzBRMB0GA1UdDgQWBBSz25/kxGAhqLJ9H0N7UXNAdiICVDAfBgNVHSME
      GDAWgBSz25/kxGAhqLJ9H0N7UXNAdiICVDAPBgNVHRMBAf8EBTADAQH/MAUGAytl
      cANBAMaZAU3Sz5T97m03s1FUcFJF+tu1zSknt0g9yFw7LL9IPA9zSXUtlHRBNtnQ
      VEVuwPhJr+YOTs3PJ4NPm2wfPQg=
      -----END CERTIFICATE-----
    EOT
    common_names = ["web-1", "web-2"]
    uris         = ["spiffe://octo.example/web"]
    token_ttl     = "1h"
    token_max_ttl = "1h"
  }
}
