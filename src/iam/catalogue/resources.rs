//! Which resources the actions of a service can have, by the shapes of their ARNs.
//!
//! Source: Service Authorization Reference, "The actions table": an action without a resource type has `*` alone,
//! and one whose type is not required may also have it. Read only when a service is asked about.

use std::collections::{HashMap, HashSet};

use super::shape::{Shape, signs};
use super::{CODES, Catalogue};
use crate::iam::pattern::{Pattern, Syntax};
use crate::iam::request::Request;
use crate::iam::scope::Scope;

/// Bytes of an ARN's shape: some twice the longest.
const ARN_MAX: usize = 512;

/// ARNs and sets of one service, as far as two digits can number them.
const LISTED_MAX: usize = CODES.len() * CODES.len();

/// Whether something can be, as far as a catalogue knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fit {
    /// It can.
    Yes,
    /// No action that the catalogue has can.
    No,
    /// The catalogue does not know.
    Unknown,
}

/// The resources of one service.
#[derive(Debug)]
pub(super) struct Resources {
    shapes: Vec<Shape>,
    sets: Vec<Set>,
    /// The set of each action, in the order of their lower-case names.
    of_action: Vec<usize>,
}

#[derive(Debug)]
struct Set {
    required: bool,
    shapes: Vec<usize>,
}

impl Resources {
    /// Reads the line of a service with so many actions.
    pub(super) fn parse(service: &str, line: &str, actions: usize) -> Result<Self, String> {
        if line.is_empty() {
            let none = Set { required: false, shapes: Vec::new() };
            return Ok(Self { shapes: Vec::new(), sets: vec![none], of_action: vec![0; actions] });
        }
        let [arns, sets, codes] = line.split('|').collect::<Vec<_>>()[..] else {
            return Err("resources have three fields".to_owned());
        };
        let shapes = shapes(service, arns)?;
        let sets: Vec<Set> = sets.split(',').map(|text| set(text, shapes.len())).collect::<Result<_, _>>()?;
        if sets.len() > LISTED_MAX {
            return Err(format!("more than {LISTED_MAX} sets of resources"));
        }
        let width = if sets.len() <= CODES.len() { 1 } else { 2 };
        let of_action = numbers(codes, width)?;
        if of_action.len() != actions {
            return Err(format!("{} actions have resources, of {actions}", of_action.len()));
        }
        match of_action.iter().find(|set| **set >= sets.len()) {
            Some(set) => Err(format!("there is no set {set} of resources")),
            None => Ok(Self { shapes, sets, of_action }),
        }
    }

    fn set(&self, action: usize) -> Option<&Set> {
        self.sets.get(*self.of_action.get(action)?)
    }
}

fn shapes(service: &str, text: &str) -> Result<Vec<Shape>, String> {
    let (mut before, mut shapes) = (format!("arn:*:{service}:*:*:"), Vec::new());
    for entry in text.split(' ').filter(|entry| !entry.is_empty()) {
        let failed = || format!("`{entry}` is not an ARN");
        let shared = entry.chars().next().and_then(|code| CODES.find(code)).ok_or_else(failed)?;
        let kept = before.get(..shared).ok_or_else(failed)?;
        let arn = format!("{kept}{}", entry.get(1..).unwrap_or_default());
        if arn.len() > ARN_MAX || arn.split(':').count() < 6 || !arn.starts_with("arn:") {
            return Err(failed());
        }
        if shapes.len() == LISTED_MAX {
            return Err(format!("more than {LISTED_MAX} ARNs"));
        }
        shapes.push(Shape::new(&arn));
        before = arn;
    }
    Ok(shapes)
}

fn set(text: &str, shapes: usize) -> Result<Set, String> {
    let (required, places) = text.strip_prefix('!').map_or((false, text), |places| (true, places));
    let places = numbers(places, 2)?;
    match places.iter().all(|place| *place < shapes) {
        true => Ok(Set { required, shapes: places }),
        false => Err(format!("`{text}` is not a set of these ARNs")),
    }
}

/// Numbers of so many digits each.
fn numbers(text: &str, width: usize) -> Result<Vec<usize>, String> {
    let failed = || format!("`{text}` are not numbers of {width} digits");
    let digits: Vec<usize> = text.chars().map(|c| CODES.find(c)).collect::<Option<_>>().ok_or_else(failed)?;
    if !digits.len().is_multiple_of(width) {
        return Err(failed());
    }
    Ok(digits.chunks(width).map(|chunk| chunk.iter().fold(0, |number, digit| number * CODES.len() + digit)).collect())
}

/// The resources of an action, ready to be asked about.
struct Takes<'c> {
    service: &'c str,
    resources: &'c Resources,
    set: &'c Set,
}

impl Takes<'_> {
    fn has(&self, pattern: &Pattern) -> bool {
        let signs = signs(pattern, &|_| None);
        let meets = |text: &str| Shape::new(text).meets(&signs);
        if meets_star(pattern) {
            return true;
        }
        if self.set.shapes.is_empty() {
            // `arn:aws:s3:::*` for s3:ListAllMyBuckets stood in AWS's own examples.
            let service = self.service;
            return meets(&format!("arn:aws:{service}:us-east-1:111122223333:\u{1}"))
                || meets(&format!("arn:aws:{service}:::\u{1}"));
        }
        self.set.shapes.iter().filter_map(|index| self.resources.shapes.get(*index)).any(|shape| shape.meets(&signs))
    }
}

fn meets_star(pattern: &Pattern) -> bool {
    pattern.matches("*", &Request::default())
}

impl Catalogue {
    fn takes(&self, action: &str) -> Option<Takes<'_>> {
        let key = action.to_ascii_lowercase();
        let service = self.service(key.split_once(':')?.0)?;
        let index = service.actions().binary_search_by(|entry| (*entry.key).cmp(&key)).ok()?;
        let resources = service.resources()?;
        Some(Takes { service: &service.name, resources, set: resources.set(index)? })
    }

    /// Whether an action can have a resource that a pattern matches; in doubt it can.
    pub fn fits(&self, action: &str, resource: &Pattern) -> Fit {
        match self.takes(action) {
            Some(takes) if takes.has(resource) => Fit::Yes,
            Some(_) => Fit::No,
            None => Fit::Unknown,
        }
    }

    /// Whether a request could be made: whether its action can have its resource.
    pub fn possible(&self, request: &Request) -> Fit {
        let Some(takes) = self.takes(&request.action) else { return Fit::Unknown };
        let literal = Pattern::new(&request.resource, Syntax { wildcards: false, variables: false });
        let signs = signs(&literal, &|_| None);
        let shapes = takes.set.shapes.iter().filter_map(|index| takes.resources.shapes.get(*index));
        let possible = match request.resource.as_str() {
            "*" => !takes.set.required,
            _ => shapes.into_iter().any(|shape| shape.meets(&signs)),
        };
        if possible { Fit::Yes } else { Fit::No }
    }

    /// Which of these actions can have which of these resources: for each action, each resource in its place.
    /// [`Fit::Unknown`] is of a pattern that covers nothing that the catalogue has.
    pub fn fitting(&self, actions: &[Pattern], resources: &[Pattern]) -> Vec<Vec<Fit>> {
        // Many actions of a service have the same resources.
        let mut known: HashMap<(*const Set, &str), Vec<bool>> = HashMap::new();
        let mut row = |pattern: &Pattern| {
            let scope = Scope { negated: false, patterns: vec![pattern.clone()] };
            let found: Vec<Takes<'_>> = match pattern.literal() {
                Some(action) => self.takes(action).into_iter().collect(),
                None => self.matching(&scope).filter_map(|action| self.takes(&action.to_string())).collect(),
            };
            if found.is_empty() {
                return vec![Fit::Unknown; resources.len()];
            }
            let mut fits = vec![Fit::No; resources.len()];
            for takes in found {
                let key = (std::ptr::from_ref(takes.set), takes.service);
                let has = known.entry(key).or_insert_with(|| resources.iter().map(|one| takes.has(one)).collect());
                fits.iter_mut().zip(has).filter(|(_, has)| **has).for_each(|(fit, _)| *fit = Fit::Yes);
                if !fits.contains(&Fit::No) {
                    break;
                }
            }
            fits
        };
        actions.iter().map(&mut row).collect()
    }

    /// Whether an ARN is of a form that some action of its service has, as far as the catalogue says.
    pub fn knows_form(&self, resource: &Pattern) -> bool {
        let service = resource.text.split(':').nth(2).and_then(|name| self.service(name));
        let signs = signs(resource, &|_| None);
        let resources = service.and_then(|service| service.resources());
        resources.is_some_and(|resources| resources.shapes.iter().any(|shape| shape.meets(&signs)))
    }

    /// Whether an action has no resource that could be named.
    pub fn names_nothing(&self, action: &str) -> bool {
        self.takes(action).is_some_and(|takes| takes.set.shapes.is_empty())
    }

    /// Whether any of these actions can have any of these resources; no action that the catalogue does not have can.
    pub fn any_fits(&self, actions: &Scope, resources: &Scope) -> bool {
        if resources.negated {
            return self.matching(actions).next().is_some();
        }
        let mut known = HashSet::new();
        self.matching(actions).filter_map(|action| self.takes(&action.to_string())).any(|takes| {
            known.insert((std::ptr::from_ref(takes.set), takes.service))
                && resources.patterns.iter().any(|pattern| takes.has(pattern))
        })
    }

    /// Texts that an action can have as a resource and that the pattern matches, the likeliest first: `name` stands
    /// where both leave a name open, `value` is what a variable stands for.
    pub fn examples<'c>(
        &'c self,
        action: &str,
        resource: &Pattern,
        name: &'c str,
        value: &dyn Fn(&str) -> Option<String>,
    ) -> impl Iterator<Item = String> + use<'c> {
        let takes = self.takes(action);
        let signs = signs(resource, value);
        let star = takes.as_ref().is_some_and(|takes| !takes.set.required) && meets_star(resource);
        let shapes = takes
            .into_iter()
            .flat_map(|takes| takes.set.shapes.iter().filter_map(move |index| takes.resources.shapes.get(*index)));
        shapes.filter_map(move |shape| shape.example(&signs, name)).chain(star.then(|| "*".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Catalogue, Fit, Resources};
    use crate::iam::pattern::{Pattern, Syntax};
    use crate::iam::request::Request;

    #[test]
    fn an_action_has_the_resources_of_its_types() {
        let catalogue = Catalogue::built_in();
        for (action, resource, fit) in [
            ("s3:GetObject", "arn:aws:s3:::bucket1:*", Fit::No),
            ("s3:GetObject", "arn:aws:s3:::bucket1/*", Fit::Yes),
            ("s3:GetObject", "arn:aws:s3:::bucket1*", Fit::Yes),
            ("s3:ListBucket", "arn:aws:s3:::bucket1/*", Fit::No),
            ("s3:ListBucket", "arn:aws:s3:::bucket1", Fit::Yes),
            ("S3:putobject", "arn:aws:s3:::bucket1", Fit::No),
            ("ec2:DescribeInstances", "arn:aws:ec2:eu-west-1:111122223333:instance/*", Fit::No),
            ("ec2:DescribeInstances", "*", Fit::Yes),
            ("ec2:DescribeInstances", "?", Fit::Yes),
            ("ec2:DescribeInstances", "arn:aws:ec2:*:*:*", Fit::Yes),
            ("s3:ListAllMyBuckets", "arn:aws:s3:::*", Fit::Yes),
            ("s3:ListAllMyBuckets", "arn:aws:s3:::b*", Fit::No),
            ("s3:ListAllMyBuckets", "${aws:PrincipalTag/buckets}", Fit::Yes),
            ("iam:PassRole", "arn:aws:iam::*:user/*", Fit::No),
            ("iam:PassRole", "arn:aws:iam::*", Fit::Yes),
            ("s3:GetObjekt", "*", Fit::Unknown),
            ("s33:GetObject", "*", Fit::Unknown),
        ] {
            let pattern = Pattern::new(resource, Syntax { wildcards: true, variables: true });
            assert_eq!(catalogue.fits(action, &pattern), fit, "{action} {resource}");
        }
    }

    #[test]
    fn a_request_could_be_made_or_not() {
        let catalogue = Catalogue::built_in();
        for (action, resource, possible) in [
            ("s3:GetObject", "arn:aws:s3:::b/k", Fit::Yes),
            ("s3:GetObject", "arn:aws:s3:::b", Fit::No),
            ("s3:ListBucket", "*", Fit::Yes),
            ("iam:CreateUser", "*", Fit::No),
            ("s3:ListAllMyBuckets", "*", Fit::Yes),
            ("s3:ListAllMyBuckets", "arn:aws:s3:::b", Fit::No),
            ("iam:CreateUser", "arn:aws:iam::111122223333:user/x/y", Fit::Yes),
            ("iam:CreateUser", "arn:aws:iam::111122223333:role/x", Fit::No),
            ("iam:CreateUsr", "*", Fit::Unknown),
        ] {
            let request = Request { action: action.to_owned(), resource: resource.to_owned(), ..Request::default() };
            assert_eq!(catalogue.possible(&request), possible, "{action} {resource}");
        }
    }

    #[test]
    fn every_service_says_what_its_actions_have() {
        let catalogue = Catalogue::built_in();
        let silent: Vec<&str> =
            catalogue.services.iter().filter(|one| one.resources().is_none()).map(|one| one.name.as_str()).collect();
        assert!(silent.is_empty(), "{silent:?}");
    }

    #[test]
    fn a_line_that_can_not_be_read_is_told() {
        for (line, why) in [
            ("XX", "resources have three fields"),
            ("Zx|AA|A", "`Zx` is not an ARN"),
            ("AbB|AA|A", "`AbB` is not an ARN"),
            ("Nx|AB|A", "`AB` is not a set of these ARNs"),
            ("Nx|A|A", "`A` are not numbers of 2 digits"),
            ("Nx|AA|B", "there is no set 1 of resources"),
            ("Nx|AA|AA", "2 actions have resources, of 1"),
        ] {
            assert_eq!(Resources::parse("s3", line, 1).map(|_| ()), Err(why.to_owned()), "{line}");
        }
    }
}
