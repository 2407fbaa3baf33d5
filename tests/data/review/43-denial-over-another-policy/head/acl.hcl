policy "wide" {
  path "secret/*" {
    capabilities = ["read"]
  }
}

policy "narrow" {
  path "secret/desk/*" {
    capabilities = ["read"]
  }
}
