role "passer" {
  mount           = "aws"
  credential_type = "iam_user"

  statement "Pass" {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}

role "builder" {
  mount           = "aws"
  credential_type = "iam_user"

  statement "Build" {
    actions   = ["lambda:CreateFunction", "lambda:InvokeFunction"]
    resources = ["*"]
  }
}

policy "passers" {
  path "aws/creds/passer" {
    capabilities = ["read"]
  }
}

policy "builders" {
  path "aws/creds/builder" {
    capabilities = ["read"]
  }
}

group "ops" {
  policies = ["passers"]
}
