//! News as receivers read them: JSON of our own, and what Slack takes.

use serde_json::{Value, json};

use super::edges::{Event, News, Of};
use super::finding::cut;
use super::round::Round;
use crate::text::{count, one_line};

/// Findings that a message names; the rest is counted.
const FINDINGS_MAX: usize = 20;

/// Characters of why something is so, and of a line of text: what there is too much of is in the log.
const WHY_CHARS_MAX: usize = 2_000;
const LINE_CHARS_MAX: usize = 300;

/// The form of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// One JSON object of our own.
    Json,
    /// A text for a channel (Slack, "Sending messages using incoming webhooks").
    Slack,
    /// A comment on an issue or a pull request (GitHub REST API, "Create an issue comment").
    Github,
}

impl Form {
    /// Its name, by which the state knows the receiver.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Slack => "slack",
            Self::Github => "github",
        }
    }

    /// The message.
    pub fn message(self, environment: &str, source: &str, round: &Round, news: &News<'_>) -> Value {
        match self {
            Self::Json => of_our_own(environment, source, round, news),
            Self::Slack => json!({ "text": slack(&text(environment, source, round, news)) }),
            Self::Github => json!({ "body": fenced(&text(environment, source, round, news)) }),
        }
    }
}

fn of_our_own(environment: &str, source: &str, round: &Round, news: &News<'_>) -> Value {
    let (event, of) = match news.event {
        Event::Drift => ("drift", None),
        Event::Refused => ("refused", None),
        Event::Failure => ("failure", None),
        Event::Recovery(of) => ("recovery", Some(of)),
    };
    let findings = news.findings.iter().take(FINDINGS_MAX).map(|finding| {
        json!({
            "rule": finding.rule,
            "path": finding.path,
            "what": finding.what,
            "declared": finding.declared,
            "since": finding.since,
        })
    });
    json!({
        "format_version": 1,
        "event": event,
        "of": of,
        "environment": environment,
        "source": source,
        "commit": round.commit,
        "at": round.ended,
        "outcome": round.outcome.word(),
        "summary": summary(environment, news),
        "why": news.why.map(|why| cut(why, WHY_CHARS_MAX)),
        "findings": findings.collect::<Vec<_>>(),
        "findings_total": news.findings.len(),
        "taken_back": news.taken_back,
    })
}

/// In a line.
fn summary(environment: &str, news: &News<'_>) -> String {
    let what = match news.event {
        Event::Drift if news.taken_back => {
            format!("{} drifted and was taken back", count(news.findings.len(), "object"))
        }
        Event::Drift => format!("{} drifted", count(news.findings.len(), "object")),
        Event::Refused => "what there is to do is refused".to_owned(),
        Event::Failure => "rounds fail".to_owned(),
        Event::Recovery(Of::Drift) => "there is no drift any more".to_owned(),
        Event::Recovery(Of::Refused) => "nothing is refused any more".to_owned(),
        Event::Recovery(Of::Failure) => "rounds end well again".to_owned(),
    };
    format!("leasehold, environment {environment}: {what}")
}

/// In a few.
fn text(environment: &str, source: &str, round: &Round, news: &News<'_>) -> String {
    let mut lines = vec![format!("{}.", summary(environment, news))];
    for finding in news.findings.iter().take(FINDINGS_MAX) {
        lines.push(format!("- {}: {}", finding.path, finding.what));
    }
    if news.findings.len() > FINDINGS_MAX {
        lines.push(format!("and {} more", news.findings.len() - FINDINGS_MAX));
    }
    lines.extend(news.why.into_iter().flat_map(str::lines).take(FINDINGS_MAX).map(str::to_owned));
    let commit = round.commit.as_deref().map(|commit| format!(" at {commit}")).unwrap_or_default();
    lines.push(format!("{source}{commit}"));
    lines.iter().map(|line| cut(&one_line(line), LINE_CHARS_MAX)).collect::<Vec<_>>().join("\n")
}

/// A text in Markdown in which nothing is a link or calls somebody.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}")
}

/// A text in which nothing is a link or calls somebody.
///
/// # Source
/// Slack, "Formatting text for app surfaces": what is to be escaped are these three.
fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::{Event, Form, News, Of};
    use crate::watch::finding::Finding;
    use crate::watch::moment::Moment;
    use crate::watch::outcome::{Mode, Outcome};
    use crate::watch::round::{Made, Round};

    #[test]
    fn a_message_says_what_where_and_why_and_calls_nobody() {
        let round = Round {
            began: Moment::EPOCH,
            ended: Moment::EPOCH,
            seconds: 0.0,
            mode: Mode::Report,
            commit: Some("abc".to_owned()),
            read: true,
            plan: None,
            outcome: Outcome::Drift,
            why: None,
            found: None,
            left: None,
            made: Made::default(),
            held: None,
        };
        let finding = Finding {
            rule: "not-ours".to_owned(),
            path: "sys/policies/acl/<!channel>\n".to_owned(),
            what: "the policy is not ours".to_owned(),
            more: Vec::new(),
            declared: None,
            since: Moment::EPOCH,
            calls: true,
        };
        let news = News { event: Event::Drift, findings: vec![&finding; 21], taken_back: false, why: None };
        let message = Form::Slack.message("prod", "here", &round, &news);
        let text = message["text"].as_str().unwrap();
        assert!(text.starts_with("leasehold, environment prod: 21 objects drifted.\n"), "{text}");
        assert!(!text.contains('<') && text.contains("&lt;!channel&gt;\\n: the policy"), "{text}");
        assert!(text.contains("\nand 1 more\nhere at abc"), "{text}");
        let message = Form::Json.message("prod", "here", &round, &news);
        assert_eq!((&message["event"], &message["findings_total"]), (&"drift".into(), &21.into()));
        assert_eq!(message["findings"].as_array().map(Vec::len), Some(20));
        // What it says can't end the block that it stands in.
        let escapes = Finding { path: "a```` @ann".to_owned(), ..finding.clone() };
        let news = News { event: Event::Drift, findings: vec![&escapes], taken_back: false, why: None };
        let message = Form::Github.message("prod", "here", &round, &news);
        let text = message["body"].as_str().unwrap();
        assert!(text.starts_with("`````text\nleasehold,") && text.ends_with("\nhere at abc\n`````"), "{text}");
        let over = News { event: Event::Recovery(Of::Failure), findings: Vec::new(), taken_back: false, why: None };
        let message = Form::Json.message("prod", "here", &round, &over);
        assert_eq!((&message["event"], &message["of"]), (&"recovery".into(), &"failure".into()));
    }
}
