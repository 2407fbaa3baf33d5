apps = {
  web = { prefix = "web", ttl = 1200 }
  etl = { prefix = "etl", ttl = 3600 }
}
