object "db/roles/reader" {
  data {
    db_name             = "main"
    creation_statements = ["GRANT ALL ON orders TO \"{{name}}\""]
    default_ttl         = "1h"
  }
}
