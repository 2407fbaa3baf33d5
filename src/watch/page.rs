//! A loop's page: plain HTML without scripts, in which nothing of what an engine or a file says acts.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::finding::Finding;
use super::held::HeldOf;
use super::memory::{At, Run};
use super::moment::Moment;
use super::outcome::{Mode, Outcome};
use super::round::told;
use super::shown::Shown;
use crate::review::escape::html as safe;
use crate::text::count;
use crate::units::duration;

/// Roles whose leases are listed.
const HELD_SHOWN_MAX: usize = 200;

const STYLE: &str = "\
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}
h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #8886}
code,pre{font:.9em ui-monospace,monospace;overflow-wrap:anywhere;white-space:pre-wrap;margin:.2rem 0}
.verdict{font-weight:600;border-left:.4rem solid #2e7d32;padding:.2rem .8rem}
.verdict.look{border-color:#b26a00}.verdict.bad{border-color:#b3261e}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{opacity:.75}dd{margin:0}
@media(max-width:40rem){dl{display:block}dd{margin:0 0 .5rem}table{display:block;overflow-x:auto}}
li{margin:.5rem 0}.small{font-size:.9em;opacity:.85}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25rem .6rem;border-bottom:1px solid #8884}
";

/// What a page may load: its own style, known by its digest, and nothing else.
pub(super) fn policy() -> String {
    let digest = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

impl Shown {
    /// The page.
    pub fn page(&self, now: Moment) -> String {
        let title = safe(&format!("leasehold watch: {}", self.state.environment));
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"refresh\" content=\"30\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        );
        let (class, verdict) = self.verdict(now);
        out += &format!("<p class=\"verdict {class}\">{}</p>\n", safe(&verdict));
        self.facts(&mut out);
        self.findings(&mut out);
        self.held(&mut out);
        self.rounds(&mut out);
        out += &format!("<p class=\"small\">As of {now}.</p>\n</body>\n</html>\n");
        out
    }

    /// All of it in a line, the worst first.
    fn verdict(&self, now: Moment) -> (&'static str, String) {
        if let Err(why) = self.health(now) {
            return ("bad", format!("Not well: {why}."));
        }
        if let Some(suspended) = &self.suspended {
            return ("look", format!("It is {suspended}."));
        }
        let last = self.state.runs.front().map(|run| run.outcome);
        match (last, &self.state.standing) {
            (Some(Outcome::Failed | Outcome::Incomplete), _) => {
                ("bad", format!("The last {} failed.", count(self.state.failures as usize, "round")))
            }
            (Some(Outcome::Refused), _) => ("bad", "What there is to do is refused: somebody has to look.".to_owned()),
            (_, None) => ("look", "Nothing has been looked at yet.".to_owned()),
            (_, Some(standing)) => match (standing.drift_since, standing.pending) {
                (Some(since), _) => ("bad", format!("Drift, since {since}.")),
                (None, 0) => ("", "The engine is as the files say.".to_owned()),
                (None, pending) => ("look", format!("{} not yet applied.", count(pending, "object"))),
            },
        }
    }

    fn facts(&self, out: &mut String) {
        let at = |at: &Option<At>| match at {
            None => "none yet".to_owned(),
            Some(At { commit: None, at }) => format!("files without a commit, since {at}"),
            Some(At { commit: Some(commit), at }) => format!("<code>{}</code>, since {at}", safe(commit)),
        };
        let mode = match self.mode {
            Mode::Report => "it reports, and writes nothing",
            Mode::Apply => "it applies what the commit says",
        };
        let interval = i64::try_from(self.interval.as_secs()).unwrap_or(i64::MAX);
        let facts = [
            ("Environment", safe(&self.state.environment)),
            ("Files", safe(&self.state.source)),
            ("Mode", mode.to_owned()),
            ("A round", format!("every {}", duration::shown(interval))),
            ("Commit read last", at(&self.state.seen)),
            ("Commit held whole by the engine last", at(&self.state.applied)),
            ("Suspended", self.suspended.as_deref().map_or_else(|| "no".to_owned(), safe)),
        ];
        *out += "<dl>\n";
        for (name, value) in facts {
            *out += &format!("<dt>{name}</dt><dd>{value}</dd>\n");
        }
        *out += "</dl>\n";
    }

    fn findings(&self, out: &mut String) {
        *out += "<h2>Drift now</h2>\n";
        let Some(standing) = &self.state.standing else {
            *out += "<p>Nothing has been looked at yet.</p>\n";
            return;
        };
        *out += &format!(
            "<p>{} changed behind our back, {} not ours, {} not yet applied, as of {}.</p>\n",
            standing.changed, standing.not_ours, standing.pending, standing.at
        );
        if !standing.refusals.is_empty() {
            *out += "<p>An apply of these files is refused:</p>\n<ul>\n";
            standing.refusals.iter().for_each(|refusal| *out += &format!("<li>{}</li>\n", safe(refusal)));
            *out += "</ul>\n";
        }
        if !standing.findings.is_empty() {
            *out += "<ul>\n";
            standing.findings.iter().for_each(|one| finding(one, out));
            *out += "</ul>\n";
        }
        let all = standing.changed + standing.not_ours + standing.pending;
        if all > standing.findings.len() {
            *out += &format!(
                "<p>And {} more: <code>leasehold drift --verbose</code>.</p>\n",
                all - standing.findings.len()
            );
        }
    }

    fn held(&self, out: &mut String) {
        *out += "<h2>Credentials outstanding</h2>\n";
        let Some(held) = &self.state.held else {
            *out += "<p>Nothing has been looked at yet.</p>\n";
            return;
        };
        *out += &format!("<p>{}, as of {}.</p>\n", safe(&held.words()), held.at);
        let all = held.roles.as_deref().unwrap_or_default();
        if all.is_empty() {
            return;
        }
        *out += "<table>\n<tr><th>app</th><th>role</th><th>leases</th></tr>\n";
        for HeldOf { app, role, leases } in all.iter().take(HELD_SHOWN_MAX) {
            let app = app.as_deref().map_or_else(|| "shared".to_owned(), safe);
            *out += &format!("<tr><td>{app}</td><td><code>{}</code></td><td>{leases}</td></tr>\n", safe(role));
        }
        *out += "</table>\n";
        if let Some(more) = all.len().checked_sub(HELD_SHOWN_MAX).filter(|more| *more > 0) {
            *out += &format!("<p>And those of {} more.</p>\n", count(more, "role"));
        }
    }

    fn rounds(&self, out: &mut String) {
        *out += "<h2>Last rounds</h2>\n<table>\n<tr><th>began</th><th>outcome</th><th>commit</th><th>what</th></tr>\n";
        self.state.runs.iter().for_each(|one| run(one, out));
        *out += "</table>\n";
    }
}

fn finding(finding: &Finding, out: &mut String) {
    let declared = finding.declared.as_ref().map(|at| format!(" ({})", safe(at))).unwrap_or_default();
    *out += &format!(
        "<li><code>{}</code>: {}{declared}, since {}",
        safe(&finding.path),
        safe(&finding.what),
        finding.since
    );
    if !finding.more.is_empty() {
        let lines: Vec<String> = finding.more.iter().map(|line| safe(line)).collect();
        *out += &format!("\n<pre>{}</pre>", lines.join("\n"));
    }
    *out += "</li>\n";
}

fn run(run: &Run, out: &mut String) {
    let commit = run.commit.as_deref().map(|commit| safe(commit.get(..12).unwrap_or(commit))).unwrap_or_default();
    let what = told([run.changed, run.not_ours, run.pending], run.made);
    let why =
        run.why.as_ref().map(|why| format!("<pre>{}</pre>", why.lines().map(safe).collect::<Vec<_>>().join("\n")));
    *out += &format!(
        "<tr><td>{}</td><td>{}</td><td><code>{commit}</code></td><td>{}{}</td></tr>\n",
        run.began,
        run.outcome.word(),
        what.join(", "),
        why.unwrap_or_default()
    );
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::OffsetDateTime;

    use super::{Finding, HeldOf, Mode, Moment, Shown};
    use crate::watch::held::Held;
    use crate::watch::memory::{Memory, Standing};

    #[test]
    fn nothing_of_what_an_engine_says_acts_on_the_page() {
        let now = Moment::of(OffsetDateTime::UNIX_EPOCH);
        let evil = "<script>alert(1)</script>\"'&\u{202e}";
        let mut state = Memory::new(evil, evil);
        state.standing = Some(Standing {
            at: now,
            drift_since: Some(now),
            changed: 2,
            not_ours: 0,
            pending: 0,
            findings: vec![Finding {
                rule: evil.to_owned(),
                path: evil.to_owned(),
                what: evil.to_owned(),
                more: vec![evil.to_owned()],
                declared: Some(evil.to_owned()),
                since: now,
                calls: true,
            }],
            refusals: vec![evil.to_owned()],
        });
        state.held = Some(Held {
            at: now,
            roles: Some(vec![HeldOf { app: Some(evil.to_owned()), role: evil.to_owned(), leases: 7 }]),
        });
        let shown = Shown {
            state,
            mode: Mode::Apply,
            interval: Duration::from_secs(300),
            started: now,
            suspended: Some(evil.to_owned()),
            unkept: None,
            undelivered: 0,
        };
        let page = shown.page(now);
        assert!(!page.contains("<script") && !page.contains('\u{202e}'), "{page}");
        assert!(page.contains("&lt;script&gt;") && page.contains("every 5m") && page.contains("And 1 more"), "{page}");
        assert!(page.contains("<p>7 leases, as of "), "{page}");
        let metrics = shown.metrics();
        assert!(
            metrics.lines().all(|line| line.starts_with("# ") || line.starts_with("leasehold_watch_")),
            "{metrics}"
        );
    }
}
