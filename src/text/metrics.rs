//! Numbers in the text form of Prometheus, as whoever is watched serves them.
//!
//! Source: Prometheus, "Exposition formats", text-based format 0.0.4.

use std::fmt::{Display, Write as _};

/// The form, as an answer's header names it.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether a number goes up and down, or up alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricType {
    /// It goes up and down.
    Gauge,
    /// It goes up alone, but for a restart.
    Counter,
}

/// Numbers, in the order in which they are told.
#[derive(Debug, Default)]
pub struct Metrics(String);

impl Metrics {
    /// Begins the numbers of a name.
    pub fn family(&mut self, of: MetricType, name: &str, help: &str) {
        let of = match of {
            MetricType::Gauge => "gauge",
            MetricType::Counter => "counter",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        // Writing into a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {of}");
    }

    /// Tells one of them, with what it is about.
    pub fn number(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    /// A name with one number.
    pub fn single(&mut self, of: MetricType, name: &str, help: &str, value: impl Display) {
        self.family(of, name, help);
        self.number(name, &[], value);
    }

    /// The text.
    pub fn text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{MetricType, Metrics};

    #[test]
    fn what_a_label_says_stays_in_it() {
        let mut metrics = Metrics::default();
        metrics.family(MetricType::Counter, "a_total", "One\ntwo.");
        metrics.number("a_total", &[("b", "x\"} 1\n\\"), ("c", "")], 2);
        metrics.single(MetricType::Gauge, "d", "Three.", 0.5);
        assert_eq!(
            metrics.text(),
            "# HELP a_total One\\ntwo.\n# TYPE a_total counter\na_total{b=\"x\\\"} 1\\n\\\\\",c=\"\"} 2\n\
             # HELP d Three.\n# TYPE d gauge\nd 0.5\n"
        );
    }
}
