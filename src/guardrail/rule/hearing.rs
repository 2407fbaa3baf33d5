//! One guardrail and one subject, before and after a change: what rules are judged in.

use crate::guardrail::subject::{Login, Subject, Terms};
use crate::guardrail::violation::{Judged, Severity, Violation};

/// One guardrail and one subject.
pub(in crate::guardrail) struct Hearing<'c, 's, S> {
    /// The guardrail's name.
    pub(in crate::guardrail) guardrail: &'c str,
    /// What breaking it weighs.
    pub(in crate::guardrail) severity: Severity,
    /// The subject before the change, if it was there.
    pub(in crate::guardrail) before: Option<&'c Subject<'s, S>>,
    /// The subject.
    pub(in crate::guardrail) after: &'c Subject<'s, S>,
    /// Where a statement stands.
    pub(in crate::guardrail) place: &'c dyn Fn(&S) -> Option<String>,
}

/// What a login lacks whose tokens may have any `what`, where they have one, or any that is like a pattern.
pub(super) fn open(login: &Login, what: &str, fix: &str) -> Option<Lack> {
    let bound = login.bound.iter().find(|bound| bound.what == what && bound.is_open)?;
    let like = || format!("any {what} like {} may log in", bound.values.join(" or "));
    let told = if bound.values.is_empty() { format!("it is bound to no {what}") } else { like() };
    Some(Lack { what: told, fix: fix.to_owned() })
}

/// What a role or a login lacks, and what to do.
pub(super) struct Lack {
    pub(super) what: String,
    pub(super) fix: String,
}

impl<S> Hearing<'_, '_, S> {
    /// Whether the subject is an app.
    pub(super) fn is_app(&self) -> bool {
        self.after.terms.is_none()
    }

    /// A violation. `rule` tells it from others of the guardrail and the subject.
    pub(super) fn violation(&self, rule: &str, what: String) -> Violation {
        let subject = self.after.violator();
        Violation {
            guardrail: self.guardrail.to_owned(),
            severity: self.severity,
            key: format!("{}|{subject}|{rule}", self.guardrail),
            subject,
            what,
            witness: None,
            fix: None,
            place: self.after.place.clone(),
        }
    }

    /// Judges what a role says. It is introduced unless it was lacking before.
    pub(super) fn terms(&self, rule: &str, lack: impl Fn(&Terms) -> Option<Lack>, judged: &mut Vec<Judged>) {
        let of = |subject: &Subject<'_, S>| subject.terms.as_ref().and_then(&lack);
        let Some(Lack { what, fix }) = of(self.after) else { return };
        let introduced = self.before.is_none_or(|before| of(before).is_none());
        let violation = Violation { fix: Some(fix), ..self.violation(rule, what) };
        judged.push(Judged { violation, introduced });
    }

    /// Judges each login of an app. It is introduced unless the same login lacked it before.
    pub(super) fn logins(&self, rule: &str, lack: impl Fn(&Login) -> Option<Lack>, judged: &mut Vec<Judged>) {
        let old = self.before.map_or(&[][..], |before| &before.logins);
        for login in &self.after.logins {
            let Some(Lack { what, fix }) = lack(login) else { continue };
            let introduced = !old.iter().any(|was| was.path == login.path && lack(was).is_some());
            let mut violation = self.violation(&format!("{rule} {}", login.path), format!("{}: {what}", login.path));
            violation.fix = Some(fix);
            violation.place = login.place.clone().or(violation.place);
            judged.push(Judged { violation, introduced });
        }
    }
}
