# Everything on this machine: the embedded engine, and a simulated AWS account instead of a real one.
environment "local" {
  engine      = "embedded"
  aws         = "sandbox"
  max_deletes = 5

  var {
    account = "111122223333"
  }
}
