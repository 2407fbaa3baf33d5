auth "cert" {}
