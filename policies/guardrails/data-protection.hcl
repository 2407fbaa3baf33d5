# Secrets and keys are named one by one. AWS counts reading a secret as a read like any other.
guardrail "data-protection" {
  severity = "deny"

  deny {
    actions = [
      "secretsmanager:GetSecretValue",
      "secretsmanager:BatchGetSecretValue",
      "ssm:GetParameter",
      "ssm:GetParameters",
      "ssm:GetParametersByPath",
      "ssm:GetParameterHistory",
      "kms:Decrypt",
    ]
    wildcards = ["resource"]
  }

  deny {
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    wildcards = ["resource"]
  }

  # Who reads the data must not be able to hide it from those who look.
  deny {
    actions = ["cloudtrail:StopLogging", "cloudtrail:DeleteTrail", "cloudtrail:UpdateTrail", "cloudtrail:PutEventSelectors"]
  }
}
