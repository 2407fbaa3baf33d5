//! JUnit XML, which CI systems show as tests: the only writer of it.
//!
//! There is no standard of it; what is written is what those that show it read: suites with properties, cases, failures, what
//! was skipped, and what a case has to say besides.

use super::escape::xml;
use crate::object::Place;

/// What is tested together.
#[derive(Debug)]
pub(crate) struct Suite {
    /// Its name.
    pub(crate) name: String,
    /// What else is known of it.
    pub(crate) properties: Vec<(&'static str, String)>,
    /// Its cases.
    pub(crate) cases: Vec<Case>,
}

/// One thing that is as it should be, or is not.
#[derive(Debug)]
pub(crate) struct Case {
    /// What sort of thing it is.
    pub(crate) class: String,
    /// Which.
    pub(crate) name: String,
    /// Where it is declared. What no file declares has no line.
    pub(crate) place: Option<Place>,
    /// What is found.
    pub(crate) verdict: Verdict,
}

/// What is found of a case; each with lines that say more.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is as it should be.
    Passed(Vec<String>),
    /// It is not, with the reason in a line.
    Failed(String, Vec<String>),
    /// Nobody has to look, with the reason in a line.
    Skipped(String, Vec<String>),
}

/// The suites as one document, of a command of `leasehold`.
pub(crate) fn document(command: &str, suites: &[Suite]) -> String {
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\">\n",
        xml(&format!("leasehold {command}"))
    );
    suites.iter().for_each(|suite| suite.write(&mut out));
    out + "</testsuites>\n"
}

impl Suite {
    fn write(&self, out: &mut String) {
        let count = |is: fn(&Verdict) -> bool| self.cases.iter().filter(|case| is(&case.verdict)).count();
        out.push_str(&format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n",
            xml(&self.name),
            self.cases.len(),
            count(|verdict| matches!(verdict, Verdict::Failed(..))),
            count(|verdict| matches!(verdict, Verdict::Skipped(..)))
        ));
        if !self.properties.is_empty() {
            out.push_str("    <properties>\n");
            for (name, value) in &self.properties {
                out.push_str(&format!("      <property name=\"{}\" value=\"{}\"/>\n", xml(name), xml(value)));
            }
            out.push_str("    </properties>\n");
        }
        self.cases.iter().for_each(|case| case.write(out));
        out.push_str("  </testsuite>\n");
    }
}

impl Case {
    fn write(&self, out: &mut String) {
        let place = self.place.as_ref().filter(|place| place.line > 0);
        let place = place.map(|place| format!(" file=\"{}\" line=\"{}\"", xml(&place.file), place.line));
        out.push_str(&format!(
            "    <testcase classname=\"{}\" name=\"{}\"{}",
            xml(&self.class),
            xml(&self.name),
            place.unwrap_or_default()
        ));
        let inner = match &self.verdict {
            Verdict::Passed(more) if more.is_empty() => return out.push_str("/>\n"),
            Verdict::Passed(more) => format!("<system-out>{}</system-out>", text(more)),
            Verdict::Failed(why, more) => format!("<failure message=\"{}\">{}</failure>", xml(why), text(more)),
            Verdict::Skipped(why, more) => format!("<skipped message=\"{}\">{}</skipped>", xml(why), text(more)),
        };
        out.push_str(&format!(">\n      {inner}\n    </testcase>\n"));
    }
}

/// Lines, in which a line feed of their own would be no end of one.
fn text(lines: &[String]) -> String {
    lines.iter().map(|line| xml(line)).collect::<Vec<_>>().join("\n")
}
