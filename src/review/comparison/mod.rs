//! Two sides compared: which objects differ, whom that concerns, and what it means for them.
//!
//! Only apps whose roles, logins or policies differ are looked at, so that ten changed roles among ten
//! thousand take no time.

mod access;
mod acl;
mod blocked;
mod checks;
mod ending;
mod held;
mod lease;
mod login;
mod people;
mod rights;
mod rules;
mod sessions;
mod standing;
mod trust;
mod unknown;
mod user;
mod within;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use self::access::Principal;
use self::held::Held;
use crate::estate::ManagedPolicy;
use crate::guardrail::Who;
use crate::iam;
use crate::object::home::{ENGINES, Home};
use crate::object::review::{Remarks, Said, Values, Way};
use crate::object::{Place, Reviewed, terms_of};
use crate::review::finding::{Finding, Subject, Topic};
use crate::review::state::{App, Fields, Role, Side, SideObject, Via};
use crate::review::words;
use crate::spread;

/// What no review without AWS can look at.
const NEVER_EVALUATED: &str =
    "resource policies, service and resource control policies, and what services decide by themselves";

/// What differs between two sides.
pub(in crate::review) struct Changed<'s> {
    /// Paths of objects that differ or that one side lacks.
    pub(in crate::review) paths: BTreeSet<&'s str>,
    /// Paths of roles that differ, also by the document of a managed policy.
    pub(in crate::review) roles: BTreeSet<&'s str>,
}

impl Changed<'_> {
    /// Whether a role, or the terms on which it is leased, differ.
    pub(in crate::review) fn role(&self, role: &Role<'_>) -> bool {
        let mut terms = terms_of(role.at.mount).chain([ENGINES.entry(role.at.mount)]);
        self.roles.contains(role.object.path) || terms.any(|path| self.paths.contains(path.as_str()))
    }

    /// Whether anything of an app differs.
    pub(in crate::review) fn app(&self, app: &App<'_, '_>) -> bool {
        app.is_concerned(self) || app.roles().iter().any(|(role, _)| self.role(role))
    }
}

/// The names of the apps and logins of either side, of what was renamed the new one. People log in by any of these.
fn logging_in<'a>(before: &Side<'a>, after: &Side<'a>, renamed: &BTreeMap<&str, &str>) -> BTreeSet<&'a str> {
    let gone: BTreeSet<&str> = renamed.values().copied().collect();
    let all = [before, after].into_iter().flat_map(|side| side.apps());
    all.filter(|app| !app.who().is_person()).map(|app| app.name).filter(|name| !gone.contains(name)).collect()
}

/// How many apps and logins, or roles of nobody, are worth a processor of their own.
const NAMES_EACH: usize = 64;

/// What a change does, and what was not looked at.
pub(in crate::review) fn findings(before: &Side<'_>, after: &Side<'_>) -> (Vec<Finding>, Vec<String>) {
    let changed = changed(before, after);
    let mut findings = lease::mounts(before, after);
    let renamed = renamed(before, after);
    let mut told: BTreeSet<String> = BTreeSet::new();
    let names: Vec<&str> = logging_in(before, after, &renamed).into_iter().collect();
    let of_name = |name: &&str| -> Option<(Vec<String>, Vec<Finding>)> {
        let name = *name;
        let old = before.app(renamed.get(name).copied().unwrap_or(name));
        let new = after.app(name);
        let concerned = [&old, &new].into_iter().flatten().any(|app| app.is_concerned(&changed))
            || login::mounts_differ((before, &old), (after, &new));
        if !concerned && old.is_some() && new.is_some() && !renamed.contains_key(name) && !grants_differ(&old, &new) {
            return None;
        }
        let principal = principal(name, before, &old, after, &new);
        let held = principal
            .before
            .iter()
            .map(|held| held.object.path)
            .chain(principal.after.iter().map(|held| held.object.path));
        let held = held.map(str::to_owned).collect();
        let mut found = Vec::new();
        app(&principal.subject, (before, &old), (after, &new), &mut found);
        found.extend(principal.findings());
        Some((held, found))
    };
    for (held, found) in spread::each(&names, NAMES_EACH, of_name).into_iter().flatten() {
        told.extend(held);
        findings.extend(found);
    }
    people::changes(before, after, &changed, &mut told, &mut findings);
    findings.extend(orphans(&changed, &told, before, after));
    acl::changes(before, after, &changed, &renamed, &mut findings);
    engine(before, after, &changed, &mut findings);
    trust::changes(before, after, &mut findings);
    rights::changes(before, after, &changed, &mut findings);
    rules::changes(before, after, &mut findings);
    checks::changes(before, after, &mut findings);
    ending::changes(before, after, &mut findings);
    findings.sort_by(|a, b| (a.topic, &a.subject, &a.role).cmp(&(b.topic, &b.subject, &b.role)));
    (findings, not_evaluated(after))
}

/// Adds the files that differ and that no finding is about: they have no effect here.
pub(in crate::review) fn untouched(files: &[String], findings: &mut Vec<Finding>) {
    let places = |finding: &Finding| {
        let also = finding.also.iter().map(|(_, place)| place.file.clone());
        finding.place.iter().map(|place| place.file.clone()).chain(also).collect::<Vec<_>>()
    };
    let told: BTreeSet<_> = findings.iter().flat_map(places).collect();
    for file in files.iter().filter(|file| !told.contains(file.as_str())) {
        let what = "its text differs, nothing in effect does";
        findings.push(Finding::new(Topic::TextOnly, &Subject::File(file.clone()), what));
    }
}

/// What differs between two sides.
pub(in crate::review) fn changed<'s>(before: &'s Side<'_>, after: &'s Side<'_>) -> Changed<'s> {
    let mut paths = BTreeSet::new();
    for object in after.objects() {
        if before.object(object.path).is_none_or(|old| !old.differing(object).is_empty()) {
            paths.insert(object.path);
        }
    }
    paths.extend(before.objects().map(|object| object.path).filter(|path| after.object(path).is_none()));
    let documents = documents(before, after);
    let users: Vec<&str> = documents.iter().filter_map(|arn| arn.split_once(":user/")?.1.rsplit('/').next()).collect();
    let mut roles: BTreeSet<&str> = BTreeSet::new();
    for side in [before, after] {
        roles.extend(
            side.roles()
                .filter(|role| {
                    let (object, fields) = (role.object, role.access_fields);
                    paths.contains(object.path)
                        || role.way().is_some_and(|way| matches!(way, Way::Federated | Way::OwnSession))
                            && before.principal(role.at.mount) != after.principal(role.at.mount)
                        || !documents.is_empty()
                            && (documents.contains(object.text(fields.boundary).as_ref())
                                || object
                                    .texts(fields.sessions.roles)
                                    .iter()
                                    .any(|arn| documents.contains(arn.as_str()))
                                || object.texts(fields.policies).iter().any(|arn| documents.contains(arn.as_str()))
                                || role.way().is_some_and(|way| matches!(way, Way::Federated | Way::OwnSession))
                                    && side.principal(role.at.mount).is_some_and(|arn| documents.contains(arn))
                                || users.contains(&object.text(fields.standing.user).as_ref()))
                })
                .map(|role| role.object.path),
        );
    }
    Changed { paths, roles }
}

/// The ARNs of managed policies whose documents differ, or that only one side declares, and of IAM roles and users that
/// may do something else.
fn documents<'s>(before: &'s Side<'_>, after: &'s Side<'_>) -> BTreeSet<&'s str> {
    let same = |one: &ManagedPolicy, other: &ManagedPolicy| {
        let facts =
            |policy: &ManagedPolicy| -> Vec<String> { policy.policy.statements.iter().map(statement_facts).collect() };
        facts(one) == facts(other)
    };
    let mut arns: BTreeSet<&str> = BTreeSet::new();
    for policy in after.managed_policies() {
        if before.managed_policy(&policy.arn).is_none_or(|old| !same(old, policy)) {
            arns.insert(&policy.arn);
        }
    }
    arns.extend(
        before.managed_policies().map(|policy| policy.arn.as_str()).filter(|arn| after.managed_policy(arn).is_none()),
    );
    let principals = sessions::principals(before, after, &arns);
    arns.extend(principals);
    arns
}

/// What a statement says, wherever it is written.
fn statement_facts(statement: &iam::policy::Statement<Place>) -> String {
    let iam::policy::Statement { effect, actions, resources, conditions, .. } = statement;
    format!("{effect:?} {actions:?} {resources:?} {conditions:?}")
}

fn principal<'b, 'a>(
    name: &str,
    before: &Side<'b>,
    old: &Option<App<'_, 'b>>,
    after: &Side<'a>,
    new: &Option<App<'_, 'a>>,
) -> Principal<'b, 'a> {
    Principal {
        subject: new
            .as_ref()
            .map(App::subject)
            .or_else(|| old.as_ref().map(App::subject))
            .unwrap_or_else(|| Subject::App(name.to_owned())),
        before: held(before, old),
        after: held(after, new),
        place: new.as_ref().and_then(|app| app.place().cloned()),
    }
}

fn held<'a>(side: &Side<'a>, app: &Option<App<'_, 'a>>) -> Vec<Held<'a>> {
    let roles = app.iter().flat_map(|app| app.roles());
    roles.map(|(role, via)| Held::new(side, role, via)).collect()
}

/// The fields of an object that is not there.
static NONE: BTreeMap<&'static str, crate::object::Leaf> = BTreeMap::new();

/// What is told of an app besides its access.
fn app(
    subject: &Subject,
    before: (&Side<'_>, &Option<App<'_, '_>>),
    after: (&Side<'_>, &Option<App<'_, '_>>),
    findings: &mut Vec<Finding>,
) {
    match (before.1, after.1) {
        (None, Some(new)) if new.who() == Who::Login => {
            findings.extend(new.logins().map(|object| login::added(subject, after.0, object)));
        }
        (Some(old), None) if old.who() == Who::Login => {
            findings.extend(old.logins().map(|object| login::gone(subject, object)));
        }
        (None, Some(new)) => {
            let owner = new.owner().map_or(String::new(), |owner| format!(", owned by {owner}"));
            let mut finding = Finding::new(Topic::AppAdded, subject, format!("a new app{owner}"));
            finding.place = new.place().cloned();
            findings.push(finding);
            findings.extend(new.logins().map(|object| login::added(subject, after.0, object)));
        }
        (Some(old), None) => {
            let mut finding = Finding::new(Topic::AppRemoved, subject, after.0.absence());
            finding.place = old.place().cloned();
            findings.push(finding);
        }
        (Some(old), Some(new)) if old.name != new.name => {
            let what = format!("the app {} is now called {}", old.name, new.name);
            let mut finding = Finding::new(Topic::AppRenamed, subject, what)
                .note("secret ids of the old name are of no use to the new one");
            finding.place = new.place().cloned();
            finding.also.extend(old.place().map(|place| ("called so before".to_owned(), place.clone())));
            findings.push(finding);
        }
        (Some(old), Some(new)) => {
            findings.extend(login::changes((before.0, old), (after.0, new)));
            findings.extend(lease::app((before.0, old), (after.0, new)));
        }
        (None, None) => {}
    }
}

fn grants_differ(old: &Option<App<'_, '_>>, new: &Option<App<'_, '_>>) -> bool {
    let [old, new] = [old, new].map(|app| app.as_ref().map(|app| app.grants().collect::<BTreeSet<_>>()));
    old != new
}

/// New apps that are old ones by another name, with the old name.
fn renamed<'n>(before: &'n Side<'_>, after: &'n Side<'_>) -> BTreeMap<&'n str, &'n str> {
    let mut gone: HashMap<String, Vec<&str>> = HashMap::new();
    for app in before.apps().filter(|app| app.who() == Who::App && after.app(app.name).is_none()) {
        gone.entry(nameless(&app)).or_default().push(app.name);
    }
    let mut renamed = BTreeMap::new();
    if gone.is_empty() {
        return renamed;
    }
    let is_new = |app: &App<'_, '_>| app.who() == Who::App && before.app(app.name).is_none();
    for app in after.apps().filter(|app| is_new(app) && !app.roles().is_empty()) {
        if let Some(old) = gone.get_mut(&nameless(&app)).and_then(Vec::pop) {
            renamed.insert(app.name, old);
        }
    }
    renamed
}

/// An app's roles and logins without the names that follow from its own.
fn nameless(app: &App<'_, '_>) -> String {
    let fields = |object: &SideObject<'_>| {
        let fields = object.kind.fields.iter().filter(|field| field.name != "token_policies");
        fields.map(|field| object.value(field.name).to_string()).collect::<Vec<_>>().join(" ")
    };
    let roles = app.roles().into_iter().map(|(role, via)| {
        let own = via == Via::Own;
        format!("{} {own} {}", role.at.mount, fields(&role.object))
    });
    let logins = app
        .logins()
        .map(|login| format!("{} {}", login.kind.mount_prefix(login.path).unwrap_or_default(), fields(login)));
    let mut facts: Vec<String> = roles.chain(logins).collect();
    facts.sort_unstable();
    facts.join("\n")
}

/// Roles that differ and that no app may have.
fn orphans(changed: &Changed<'_>, told: &BTreeSet<String>, before: &Side<'_>, after: &Side<'_>) -> Vec<Finding> {
    let paths: Vec<&str> = changed.roles.iter().copied().filter(|path| !told.contains(*path)).collect();
    let of_path = |path: &&str| {
        let (old, new) = (before.role(path), after.role(path));
        let label = new.or(old).map(|role| role.label()).unwrap_or_default();
        let principal = Principal {
            subject: Subject::Role(label),
            before: old.map(|role| Held::new(before, role, Via::Own)).into_iter().collect(),
            after: new.map(|role| Held::new(after, role, Via::Own)).into_iter().collect(),
            place: None,
        };
        principal.findings()
    };
    spread::each(&paths, NAMES_EACH, of_path).into_iter().flatten().collect()
}

/// What changes in the engine besides apps: mounts, root configuration, audit devices.
fn engine(before: &Side<'_>, after: &Side<'_>, changed: &Changed<'_>, findings: &mut Vec<Finding>) {
    for path in &changed.paths {
        let (old, new) = (before.object(path), after.object(path));
        let Some(object) = new.or(old) else { continue };
        // What is of another sort is told elsewhere.
        let Reviewed::Fields(remarks) = object.kind.reviewed else { continue };
        let subject = Subject::Engine(object.path.to_owned());
        let nothing = SideObject {
            kind: object.kind,
            path: object.path,
            app: None,
            place: None,
            expires: None,
            fields: Fields::Declared(&NONE),
            rewritten: None,
        };
        let guarded = guarded(&subject, (old, new), remarks, findings);
        let mount = object.kind.mount_path(object.path);
        let mounted = mount.is_some_and(|mount| before.object(&mount).is_some() && after.object(&mount).is_some());
        let mut about = None;
        let finding = match (old, new) {
            // Where a mount had no configuration, it had the defaults of one.
            (None, Some(object)) | (Some(object), None) if mounted && is_setting(object, remarks) => {
                let fields: Vec<&str> =
                    nothing.differing(object).into_iter().filter(|field| !guarded.contains(field)).collect();
                about = fields.first().copied();
                let limited = old.is_none();
                changed_engine(&subject, object, remarks, &fields, limited.then_some(&nothing), after)
            }
            (None, _) => Finding::new(Topic::Engine, &subject, format!("a new {}", object.kind.name)),
            (_, None) => Finding::new(Topic::Engine, &subject, format!("the {} {}", object.kind.name, after.absence())),
            (Some(old), Some(new)) => {
                let terms = remarks.terms.map(|terms| [terms.default, terms.max]);
                let told = |field: &&str| !terms.is_some_and(|terms| terms.contains(field)) && !guarded.contains(field);
                let fields: Vec<&str> = old.differing(new).into_iter().filter(told).collect();
                if fields.is_empty() {
                    continue;
                }
                // One that is written where it can be, else what was set before is left out now.
                about = fields.iter().copied().find(|field| new.is_written(field)).or(fields.first().copied());
                changed_engine(&subject, object, remarks, &fields, Some(old), after)
            }
        };
        let finding = match remarks.unknown {
            Some(why) => finding.cannot_tell(why),
            None => finding,
        };
        findings.push(finding.at(about.map_or_else(|| object.declared_at(), |field| object.place_of(field))));
    }
}

/// Whether an object is a setting of its mount, which has one whether or not it is declared.
fn is_setting(object: &SideObject<'_>, remarks: &Remarks) -> bool {
    !matches!(object.kind.home, Home::Below { .. }) || !remarks.vouching.is_empty()
}

/// What an object holds back or lets see, where that is another than it was; the fields that are told by it.
fn guarded(
    subject: &Subject,
    (old, new): (Option<&SideObject<'_>>, Option<&SideObject<'_>>),
    remarks: &Remarks,
    findings: &mut Vec<Finding>,
) -> BTreeSet<&'static str> {
    let [before, after] = [old, new].map(|side| side.map(|object| object as &dyn Values));
    let mut told = BTreeSet::new();
    for Said { now, was, gains, field } in (remarks.guards)(before, after) {
        told.insert(field);
        let written = new.filter(|new| new.is_written(field));
        let place = written.map(|new| new.place_of(field));
        let place = place.or_else(|| new.or(old).map(SideObject::declared_at));
        let mut finding = Finding::new(Topic::Engine, subject, now).gains(gains);
        finding.was = (!was.is_empty()).then_some(was);
        finding.place = place;
        findings.push(finding);
    }
    told
}

fn changed_engine(
    subject: &Subject,
    object: &SideObject<'_>,
    remarks: &Remarks,
    fields: &[&str],
    old: Option<&SideObject<'_>>,
    after: &Side<'_>,
) -> Finding {
    let finding =
        Finding::new(Topic::Engine, subject, format!("{} of the {} changed", words::listed(fields), object.kind.name));
    if fields.iter().any(|field| remarks.account.contains(field)) {
        return finding.cannot_tell("credentials may come from another account, in which the same ARNs are others");
    }
    let only_limits = |field: &str| {
        let is_empty = |value: &serde_json::Value| *value == "" || value.as_array().is_some_and(Vec::is_empty);
        remarks.limiting.contains(&field) && old.is_some_and(|old| is_empty(&old.value(field)))
    };
    if fields.iter().any(|field| remarks.vouching.contains(field) && !only_limits(field)) {
        return finding.cannot_tell("whoever signs with the keys that are believed now says who logs in");
    }
    if remarks.user_names.is_some_and(|field| fields.contains(&field)) {
        let mount = object.kind.mount_of(object.path).unwrap_or_default();
        let looking =
            after.roles().find(|role| role.at.mount == mount && user::looks_at_name(&after.role_access(role)));
        return match looking {
            Some(role) => finding.cannot_tell(format!("the policies of {} look at the names of users", role.label())),
            None => finding.note("policies elsewhere may look at the names of users: ${aws:username}"),
        };
    }
    finding
}

/// What was not looked at, in sentences.
fn not_evaluated(side: &Side<'_>) -> Vec<String> {
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    for role in side.roles() {
        let (object, fields) = (&role.object, role.access_fields);
        let boundary = object.text(fields.boundary);
        let arns = object.texts(fields.policies).into_iter().map(|arn| (arn, "managed policy"));
        let arns = arns.chain((!boundary.is_empty()).then(|| (boundary.into_owned(), "permissions boundary")));
        for (arn, word) in arns.filter(|(arn, _)| side.managed_policy(arn).is_none()) {
            *unknown.entry(format!("the {word} {arn}")).or_default() += 1;
        }
        for arn in object.texts(fields.sessions.roles).into_iter().filter(|arn| side.iam_role(arn).is_none()) {
            *unknown.entry(format!("the IAM role {arn}")).or_default() += 1;
        }
        let is_own = role.way().is_some_and(|way| matches!(way, Way::Federated | Way::OwnSession));
        if is_own && side.signer(role.at.mount).is_none() {
            let who = side.principal(role.at.mount).unwrap_or("its key tells nobody here");
            *unknown.entry(format!("whom the engine {} signs as ({who})", role.at.mount)).or_default() += 1;
        }
        let user = object.text(fields.standing.user);
        if !user.is_empty() && side.standing_user(role.at.mount, &user).is_none() {
            *unknown.entry(format!("the IAM user {user}")).or_default() += 1;
        }
        for group in object.texts(fields.groups) {
            *unknown.entry(format!("the group {group}")).or_default() += 1;
        }
    }
    let list = unknown.into_iter().map(|(what, roles)| format!("{what} of {}", words::count(roles, "role")));
    std::iter::once(NEVER_EVALUATED.to_owned()).chain(list).collect()
}
