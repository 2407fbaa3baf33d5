//! The review as one HTML file: no scripts, nothing loaded, readable on paper.

use super::section::{self, SECTIONS};
use crate::guardrail::Judged;
use crate::guardrail::Severity;
use crate::review::escape::html as safe;
use crate::review::finding::Finding;
use crate::review::report::{Environment, Review};

const STYLE: &str = "\
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.2rem;margin-top:2.5rem;border-bottom:1px solid #8886}h3{font-size:1rem;margin-bottom:.3rem}
p.verdict{font-weight:600}code{font:.9em ui-monospace,monospace;overflow-wrap:anywhere}
ul{margin:.2rem 0;padding-left:1.4rem}li{margin:.15rem 0}
.finding{border-left:.3rem solid #8886;padding:.1rem .8rem;margin:.6rem 0;break-inside:avoid}
.gain{border-color:#b26a00}.stop{border-color:#b3261e}.who{font-weight:600}.place,.details{font-size:.9em;opacity:.85}
.tag{font-size:.8em;border:1px solid #8888;border-radius:.3rem;padding:0 .35rem;margin-right:.4rem}
@media print{body{max-width:none;margin:0;font-size:11px}h2{break-after:avoid}h3{break-after:avoid}}
";

impl Review {
    /// The review as HTML.
    pub fn html(&self) -> String {
        let title = safe(&format!("Policy review of {} .. {}", self.before.label(), self.after.label()));
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        );
        out.push_str(&format!("<p class=\"verdict\">{}</p>\n", safe(&section::verdict(self))));
        for (names, environment) in section::groups(self) {
            self.environment(&names, environment, &mut out);
        }
        out.push_str(&format!(
            "<p class=\"details\">Catalogue of actions {}. Report <code>{}</code>.</p>\n</body>\n</html>\n",
            safe(&self.catalogue),
            self.digest()
        ));
        out
    }

    fn environment(&self, names: &[&str], environment: &Environment, out: &mut String) {
        out.push_str(&format!("<h2>Environment {}</h2>\n", safe(&names.join(", "))));
        if environment.findings.is_empty() && environment.violations.is_empty() {
            out.push_str("<p>Nothing changes.</p>\n");
        }
        if !environment.violations.is_empty() {
            out.push_str("<h3>Guardrails</h3>\n");
            environment.violations.iter().for_each(|judged| violation(judged, out));
        }
        for section in SECTIONS {
            let findings = section.findings(environment);
            if findings.is_empty() {
                continue;
            }
            out.push_str(&format!("<h3>{}</h3>\n", section.title));
            findings.into_iter().for_each(|one| finding(one, out));
        }
        out.push_str("<h3>Not evaluated</h3>\n<ul>\n");
        for what in &environment.not_evaluated {
            out.push_str(&format!("<li>{}</li>\n", safe(what)));
        }
        out.push_str("</ul>\n");
    }
}

fn finding(finding: &Finding, out: &mut String) {
    let class = if finding.gains { "finding gain" } else { "finding" };
    out.push_str(&format!(
        "<div class=\"{class}\"><span class=\"tag\">{}</span><span class=\"who\">{}</span>: <code>{}</code>",
        finding.verb(),
        safe(&super::text::title(finding)),
        safe(&finding.what)
    ));
    if let Some(access) = &finding.access {
        out.push_str(&format!(" ({})", safe(&access.level_words())));
    }
    if let Some(place) = &finding.place {
        out.push_str(&format!(" <span class=\"place\">{}</span>", safe(&section::place_words(place))));
    }
    list(&finding.details(), out);
    out.push_str("</div>\n");
}

fn violation(judged: &Judged, out: &mut String) {
    let violation = &judged.violation;
    let (class, tag) = match violation.severity {
        Severity::Deny => ("finding stop", "deny"),
        Severity::Warn => ("finding gain", "warn"),
        Severity::Low => ("finding", "low"),
    };
    let old = if judged.introduced { "" } else { " (not by this change)" };
    out.push_str(&format!(
        "<div class=\"{class}\"><span class=\"tag\">{tag}</span><span class=\"who\">{}</span>: {}: {}{old}",
        safe(&violation.guardrail),
        safe(&violation.subject.to_string()),
        safe(&violation.what)
    ));
    if let Some(place) = &violation.place {
        out.push_str(&format!(" <span class=\"place\">{}</span>", safe(place)));
    }
    let witness = violation.witness.as_ref().map(|witness| format!("example: {}", section::request(witness)));
    let lines: Vec<String> = witness.into_iter().chain(violation.fix.clone()).collect();
    list(&lines, out);
    out.push_str("</div>\n");
}

fn list(lines: &[String], out: &mut String) {
    if lines.is_empty() {
        return;
    }
    out.push_str("<ul class=\"details\">\n");
    for line in lines {
        out.push_str(&format!("<li>{}</li>\n", safe(line)));
    }
    out.push_str("</ul>\n");
}
