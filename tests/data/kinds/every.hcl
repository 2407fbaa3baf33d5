# A declaration of each kind that our own engine serves, beside those of the tutorial.
kv "kv" {
  version = 2
  max_versions = 5
}

auth "userpass" {
  lockout {
    threshold = 4
  }
}

auth "jwt" {
  config {
    jwt_validation_pubkeys = [<<-EOT
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMoayFqPAbIHujCif6zt7tqPb/WGI
08Kd56APTslnq/l12NhybT0tusn9NKnczwwjGgjDjShjaIUOsSB5G0eCug==
-----END PUBLIC KEY-----
EOT
    ]
  }
}

auth "kubernetes" {
  config {
    kubernetes_host = "https://192.0.2.1:6443"
    kubernetes_ca_cert = <<-EOT
-----BEGIN CERTIFICATE-----
MIIBsDCCAVagAwIBAgIUB56A/z11fR7aygUQi4bmW9L2uiswCgYIKoZIzj0EAwIw
HTEbMBkGA1UEAwwSZW5naW5lLmV4YW1wbGUuY29tMCAXDTI2MTEzMDEyMDQxM1oY
DzIxMjYxMTA2MTIwNDEzWjAdMRswGQYDVQQDDBJlbmdpbmUuZXhhbXBsZS5jb20w
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQyhrIWo8Bsge6MKJ/rO3u2o9v9YYjT
wp3noA9OyWer+XXY2HJtPS26yf00qdzPDCMaCMONKGNohQ6xIHkbR4K6o3IwcDAd
BgNVHQ4EFgQUtyOA+vhQ5H5t1bhGmoyuWEhBUl4wHwYDVR0jBBgwFoAUtyOA+vhQ
5H5t1bhGmoyuWEhBUl4wDwYDVR0TAQH/BAUwAwEB/zAdBgNVHREEFjAUghJlbmdp
bmUuZXhhbXBsZS5jb20wCgYIKoZIzj0EAwIDSAAwRQIhAJRBgU63tlkkhC+5x9kS
tPt5Ntc5gbvApM8688GVWQ/nAiAWuCy8Msuglm+8mlS/D5gLOG2V4aH9FddybkiI
DMVF5A==
-----END CERTIFICATE-----
EOT

    disable_local_ca_jwt = true
  }
}

auth "cert" {
  config {
    disable_binding = true
  }
}

auth "aws" {
  config {
    access_key = "AKIAIOSFODNN7EXAMPLE"
    secret_key = "secret:env:KEY"
    on_rotate = "keep"
  }
  identity {
    iam_alias = "full_arn"
  }
  account "111122223333" {
    sts_role = "arn:aws:iam::111122223333:role/engine"
  }
}

app "web" {
  role "web" {
    mount = "aws"
    on_change = "revoke"
    statement "Read" {
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::web/*"]
    }
  }
  login "approle" {
    token_ttl = "1h"
  }
}

app "ci" {
  role "ci" {
    mount = "aws"
    statement "Read" {
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::ci/*"]
    }
  }
  login "jwt" {
    bound_audiences = ["engine"]
    bound_claims    = { ref = "refs/heads/main" }
    token_ttl       = "1h"
  }
  login "kubernetes" {
    service_accounts = ["deploy"]
    namespaces       = ["web"]
    token_ttl        = "1h"
  }
  login "aws" {
    principals = ["arn:aws:iam::111122223333:role/deploy"]
    resolve_unique_ids = false
    token_ttl          = "1h"
  }
  login "cert" {
    certificate = <<-EOT
-----BEGIN CERTIFICATE-----
MIIBsDCCAVagAwIBAgIUB56A/z11fR7aygUQi4bmW9L2uiswCgYIKoZIzj0EAwIw
HTEbMBkGA1UEAwwSZW5naW5lLmV4YW1wbGUuY29tMCAXDTI2MTEzMDEyMDQxM1oY
DzIxMjYxMTA2MTIwNDEzWjAdMRswGQYDVQQDDBJlbmdpbmUuZXhhbXBsZS5jb20w
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQyhrIWo8Bsge6MKJ/rO3u2o9v9YYjT
wp3noA9OyWer+XXY2HJtPS26yf00qdzPDCMaCMONKGNohQ6xIHkbR4K6o3IwcDAd
BgNVHQ4EFgQUtyOA+vhQ5H5t1bhGmoyuWEhBUl4wHwYDVR0jBBgwFoAUtyOA+vhQ
5H5t1bhGmoyuWEhBUl4wDwYDVR0TAQH/BAUwAwEB/zAdBgNVHREEFjAUghJlbmdp
bmUuZXhhbXBsZS5jb20wCgYIKoZIzj0EAwIDSAAwRQIhAJRBgU63tlkkhC+5x9kS
tPt5Ntc5gbvApM8688GVWQ/nAiAWuCy8Msuglm+8mlS/D5gLOG2V4aH9FddybkiI
DMVF5A==
-----END CERTIFICATE-----
EOT

  }
}

login "userpass" "ann" {
  password = "secret:env:PASSWORD"
  policies = ["ops"]
  token_ttl = "1h"
}

policy "ops" {
  path "aws/creds/web" {
    capabilities = ["read"]
  }
}

token_role "ci" {
  allowed_policies = ["ops"]
}

user "ann" {
  aliases = { userpass = "ann" }
  policies = ["ops"]
}

group "ops" {
  members = ["ann"]
  policies = ["ops"]
}

transit "transit" {
  key "orders" {}
}
