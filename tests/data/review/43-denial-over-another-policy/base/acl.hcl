policy "wide" {
  path "secret/*" {
    capabilities = ["read"]
  }
}

policy "narrow" {
  path "secret/payroll/*" {
    capabilities = ["deny"]
  }

  path "secret/desk/*" {
    capabilities = ["read"]
  }
}
