# What a team may want of a plan or a review besides guardrails. Reads `leasehold plan --json` and
# `leasehold review --format json`; the fields are described in README.md beside this file.
package main

import rego.v1

# Apps whose access may grow without a second look.
trusted := {"sandbox"}

# A plan holds one review, a review one for each environment.
reviews contains review if some review in input.environments

reviews contains input.review if input.review

deny contains message if {
	some change in input.changes
	change.action == "delete"
	change.kind == "aws role"
	message := sprintf("%s would be deleted (%s:%d)", [change.path, change.declared.file, change.declared.line])
}

deny contains message if {
	some review in reviews
	some finding in review.findings
	finding.gains
	not finding.subject.name in trusted
	finding.access.levels.permissions_management > 0
	message := sprintf("%s %s gains permissions management: %s", [finding.subject.type, finding.subject.name, finding.what])
}

deny contains message if {
	some review in reviews
	some violation in review.violations
	violation.introduced
	violation.severity == "deny"
	message := sprintf("guardrail %s: %s: %s", [violation.guardrail, violation.subject, violation.what])
}

warn contains message if {
	some review in reviews
	some finding in review.findings
	finding.gains
	finding.cannot_tell
	message := sprintf("%s %s may gain access that can't be told: %s", [finding.subject.type, finding.subject.name, finding.what])
}
