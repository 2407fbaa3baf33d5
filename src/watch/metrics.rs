//! A loop's numbers, for Prometheus.

use super::outcome::{Mode, Outcome};
use super::shown::Shown;
use crate::drift::Rule;
use crate::text::metrics::{MetricType, Metrics};

impl Shown {
    /// The numbers, in the text form of Prometheus.
    pub fn metrics(&self) -> String {
        let mut out = Metrics::default();
        let mode = match self.mode {
            Mode::Report => "report",
            Mode::Apply => "apply",
        };
        let (name, help) = ("leasehold_watch_info", "Which environment is watched, and whether it is applied to.");
        out.family(MetricType::Gauge, name, help);
        out.number(name, &[("environment", &self.state.environment), ("mode", mode)], 1);
        let (name, help) = ("leasehold_watch_rounds_total", "Rounds by what they came to, also before restarts.");
        out.family(MetricType::Counter, name, help);
        for outcome in Outcome::ALL {
            let rounds = self.state.rounds.get(&outcome).copied().unwrap_or(0);
            out.number(name, &[("outcome", outcome.word())], rounds);
        }
        self.rounds_in_time(&mut out);
        self.as_looked(&mut out);
        self.commits(&mut out);
        self.leases(&mut out);
        out.text()
    }

    fn rounds_in_time(&self, out: &mut Metrics) {
        let mut gauge = |name: &str, help: &str, value: f64| {
            out.single(MetricType::Gauge, &format!("leasehold_watch_{name}"), help, value);
        };
        gauge("interval_seconds", "How long from one round to the next.", self.interval.as_secs_f64());
        if let Some(run) = self.state.runs.front() {
            gauge("round_seconds", "How long the last round took.", run.seconds);
            gauge("round_timestamp_seconds", "When the last round began.", seconds(run.began.unix()));
        }
        if let Some(success) = self.state.last_success {
            let help = "When the last round ended that did not fail.";
            gauge("success_timestamp_seconds", help, seconds(success.unix()));
        }
        gauge("failures", "How many rounds in a row have failed.", f64::from(self.state.failures));
        gauge("suspended", "Whether no rounds are made.", f64::from(u8::from(self.suspended.is_some())));
        let help = "Messages that could not be delivered, since it runs.";
        out.single(MetricType::Counter, "leasehold_watch_undelivered_total", help, self.undelivered);
    }

    fn as_looked(&self, out: &mut Metrics) {
        let Some(standing) = &self.state.standing else { return };
        let (name, help) = ("leasehold_watch_findings", "Objects that are not as they should be, as of the last look.");
        out.family(MetricType::Gauge, name, help);
        for (rule, count) in
            [(Rule::Changed, standing.changed), (Rule::NotOurs, standing.not_ours), (Rule::Pending, standing.pending)]
        {
            out.number(name, &[("rule", rule.id())], count);
        }
        let help = "Reasons why an apply is refused.";
        out.single(MetricType::Gauge, "leasehold_watch_refusals", help, standing.refusals.len());
        if let Some(since) = standing.drift_since {
            let help = "Since when there is drift; absent while there is none.";
            out.single(MetricType::Gauge, "leasehold_watch_drift_timestamp_seconds", help, since.unix());
        }
    }

    fn leases(&self, out: &mut Metrics) {
        let Some(roles) = self.state.held.as_ref().and_then(|held| held.roles.as_ref()) else { return };
        let (name, help) = ("leasehold_watch_leases", "Leases that are out under a role, as of the last look.");
        out.family(MetricType::Gauge, name, help);
        for held in roles {
            out.number(name, &[("app", held.app.as_deref().unwrap_or_default()), ("role", &held.role)], held.leases);
        }
    }

    fn commits(&self, out: &mut Metrics) {
        let (name, help) = ("leasehold_watch_commit_info", "The commit that was read, and the last one held whole.");
        let commits = [("seen", &self.state.seen), ("applied", &self.state.applied)];
        out.family(MetricType::Gauge, name, help);
        for (is, at) in commits {
            if let Some(commit) = at.as_ref().and_then(|at| at.commit.as_deref()) {
                out.number(name, &[("is", is), ("commit", commit)], 1);
            }
        }
    }
}

/// Seconds since 1970, which fit.
fn seconds(unix: i64) -> f64 {
    unix as f64
}
