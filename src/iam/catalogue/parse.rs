//! The text of a catalogue, as `policies/catalogue/make.py` writes it.
//!
//! Nothing that is missing is made up: a file without one of its lines, or with fewer actions than it says, is none.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use super::resources::Resources;
use super::{ACTIONS_MAX, AccessLevel, CODES, Catalogue, Entry, Service};

/// A text that is no catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The line that is not understood; `None` if it is not about one line.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl std::error::Error for Unreadable {}

impl Unreadable {
    fn whole(what: impl Into<String>) -> Self {
        Self { line: None, what: what.into() }
    }
}

impl Catalogue {
    /// Reads a catalogue from the text of a file.
    ///
    /// # Errors
    /// The line that is not understood, or what is missing.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let (catalogue, size) = Self::read(text, Reader { left: Some(ACTIONS_MAX), ..Reader::default() })?;
        for service in &catalogue.services {
            let Some((line, resources)) = &service.line else { continue };
            let read = Resources::parse(&service.name, resources, service.actions().len());
            let read = read.map_err(|what| Unreadable { line: Some(*line), what })?;
            service.resources.get_or_init(|| Some(read));
        }
        match catalogue.size() {
            found if found == size && found.1 > 0 => Ok(catalogue),
            (services, actions) => Err(Unreadable::whole(format!(
                "it has {services} services and {actions} actions, and says that it has {} and {}: a part is missing",
                size.0, size.1
            ))),
        }
    }

    /// As [`Catalogue::parse`], for a text that a test has read: what is about a service is read when it is needed.
    pub(super) fn parse_lazily(text: &str) -> Result<Self, Unreadable> {
        let (catalogue, (services, actions)) = Self::read(text, Reader::default())?;
        match catalogue.services.len() {
            found if found == services && actions > 0 => Ok(catalogue),
            found => Err(Unreadable::whole(format!(
                "it has {found} services, and says that it has {services}, with {actions} actions: a part is missing"
            ))),
        }
    }

    /// A catalogue, and how much it says that it has.
    fn read(text: &str, mut reader: Reader) -> Result<(Self, (usize, usize)), Unreadable> {
        if text.len() > Self::BYTES_MAX {
            return Err(Unreadable::whole(format!("it has more than {} MiB", Self::BYTES_MAX >> 20)));
        }
        for (index, line) in text.lines().enumerate() {
            reader.line(index + 1, line).map_err(|what| Unreadable { line: Some(index + 1), what })?;
        }
        reader.finish().map_err(Unreadable::whole)
    }
}

/// What is read so far.
#[derive(Default)]
struct Reader {
    date: String,
    source: String,
    size: Option<(usize, usize)>,
    verbs: Arc<[(String, AccessLevel)]>,
    globals: Option<Vec<String>>,
    multivalued: Option<HashSet<String>>,
    services: Vec<Service>,
    /// How many more actions there may be; `None` if they are read later.
    left: Option<usize>,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "" | "#" => {}
            "date" => rest.clone_into(&mut self.date),
            "source" => rest.clone_into(&mut self.source),
            "size" => self.size = Some(size(rest).ok_or_else(|| format!("`{rest}` is not how much there is"))?),
            "globals" => self.globals = Some(rest.split(' ').map(str::to_owned).collect()),
            "multivalued" => self.multivalued = Some(rest.split(' ').map(str::to_ascii_lowercase).collect()),
            "verbs" => self.verbs = verbs(rest)?.into(),
            "+" => {
                let service = self.services.last_mut().filter(|service| service.line.is_none());
                let service = service.ok_or_else(|| "these are the resources of no service".to_owned())?;
                service.line = Some((number, rest.into()));
            }
            _ => {
                let service = Service::named(word, rest, &self.verbs)?;
                if let Some(left) = &mut self.left {
                    let read = service.read(left)?;
                    service.actions.get_or_init(|| read);
                }
                self.services.push(service);
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(Catalogue, (usize, usize)), String> {
        let missing = |line: &str| format!("there is no line `{line}`");
        if !is_date(&self.date) {
            return Err(missing("date YYYY-MM-DD"));
        }
        let size = self.size.ok_or_else(|| missing("size SERVICES ACTIONS"))?;
        let globals = self.globals.ok_or_else(|| missing("globals KEY KEY ..."))?;
        let mut multivalued = self.multivalued.ok_or_else(|| missing("multivalued KEY KEY ..."))?;
        let several = globals.iter().filter_map(|key| key.strip_suffix('+'));
        multivalued.extend(several.map(str::to_ascii_lowercase));
        self.services.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(pair) = self.services.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(format!("the service {} stands twice", pair[0].name));
        }
        let catalogue = Catalogue {
            date: self.date,
            source: self.source,
            services: self.services,
            globals: globals.iter().map(|key| key.trim_end_matches('+').to_owned()).collect(),
            multivalued,
        };
        Ok((catalogue, size))
    }
}

fn size(text: &str) -> Option<(usize, usize)> {
    let (services, actions) = text.split_once(' ')?;
    Some((services.parse().ok()?, actions.parse().ok()?))
}

impl Service {
    /// A service whose actions are not read yet.
    fn named(name: &str, text: &str, verbs: &Arc<[(String, AccessLevel)]>) -> Result<Self, String> {
        if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
            return Err(format!("`{name}` is not a service"));
        }
        if name.len() > NAME_MAX {
            return Err(format!("a service has a name of more than {NAME_MAX} bytes"));
        }
        let (actions, resources) = (OnceLock::new(), OnceLock::new());
        let (text, verbs) = (text.into(), Arc::clone(verbs));
        Ok(Self { name: name.to_owned(), text, verbs, actions, line: None, resources })
    }

    /// Reads its actions, of which there may be so many.
    pub(super) fn read(&self, left: &mut usize) -> Result<Vec<Entry>, String> {
        let (name, verbs) = (self.name.as_str(), &self.verbs);
        let mut actions = Vec::new();
        let mut noun = String::new();
        for entry in self.text.split(' ').filter(|entry| !entry.is_empty()) {
            let failed = || format!("`{entry}` is not an entry");
            let (spelt, held) = entry.split_once(':').ok_or_else(failed)?;
            let shared = spelt.chars().next().and_then(|code| CODES.find(code)).ok_or_else(failed)?;
            let kept = noun.get(..shared).ok_or_else(failed)?;
            noun = format!("{kept}{}", spelt.get(1..).unwrap_or_default());
            if !noun.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
                return Err(failed());
            }
            let mut held = held.chars().peekable();
            while let Some(code) = held.next() {
                let sign = held.peek().copied().and_then(level_of_sign);
                if sign.is_some() {
                    held.next();
                }
                let (verb, level) = match (code, sign) {
                    ('-', Some(level)) => ("", level),
                    (code, sign) => {
                        let known = CODES.find(code).and_then(|index| verbs.get(index)).ok_or_else(failed)?;
                        (known.0.as_str(), sign.unwrap_or(known.1))
                    }
                };
                if verb.len() + noun.len() > NAME_MAX {
                    return Err(format!("an action has a name of more than {NAME_MAX} bytes"));
                }
                *left = left.checked_sub(1).ok_or_else(|| format!("more than {ACTIONS_MAX} actions"))?;
                let action = [verb, noun.as_str()].concat();
                let mut key = [name, ":", action.as_str()].concat();
                key.make_ascii_lowercase();
                actions.push(Entry { key: key.into_boxed_str(), name: action.into_boxed_str(), level });
            }
        }
        actions.sort_by(|a, b| a.key.cmp(&b.key));
        actions.dedup_by(|a, b| a.key == b.key);
        Ok(actions)
    }
}

/// Bytes of a service's name, and of an action's: some twice today's. An entry of two bytes can repeat a name, so
/// that without this a small file could ask for all memory.
const NAME_MAX: usize = 128;

fn verbs(text: &str) -> Result<Vec<(String, AccessLevel)>, String> {
    let verb = |text: &str| {
        let (verb, level) = text.split_once(':')?;
        let level = match level {
            "R" => AccessLevel::Read,
            "W" => AccessLevel::Write,
            "L" => AccessLevel::List,
            "T" => AccessLevel::Tagging,
            "P" => AccessLevel::PermissionsManagement,
            _ => return None,
        };
        verb.bytes().all(|byte| byte.is_ascii_alphanumeric()).then(|| (verb.to_owned(), level))
    };
    text.split(' ').map(|text| verb(text).ok_or_else(|| format!("`{text}` is not a verb with its level"))).collect()
}

fn level_of_sign(sign: char) -> Option<AccessLevel> {
    Some(match sign {
        '=' => AccessLevel::Read,
        '!' => AccessLevel::Write,
        '/' => AccessLevel::List,
        '%' => AccessLevel::Tagging,
        '^' => AccessLevel::PermissionsManagement,
        _ => return None,
    })
}

fn is_date(text: &str) -> bool {
    let shape = |(index, byte): (usize, u8)| if matches!(index, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    text.len() == 10 && text.bytes().enumerate().all(shape)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};

    use super::super::{TEXT, TEXT_SHA256};
    use super::{AccessLevel, Catalogue};

    #[test]
    fn a_file_that_is_no_catalogue_is_told_by_its_line() {
        let read = |text: &str| Catalogue::parse(text).map(|catalogue| catalogue.size()).map_err(|bad| bad.to_string());
        for (text, why) in [
            ("", "there is no line `date YYYY-MM-DD`"),
            ("date 2026-01-01\nverbs Get:X\n", "line 2: `Get:X` is not a verb with its level"),
            ("date 2026-01-01\nverbs Get:R\nS3 ABucket:A\n", "line 3: `S3` is not a service"),
            ("date 2026-01-01\nverbs Get:R\ns3 ABucket:B\n", "line 3: `ABucket:B` is not an entry"),
            ("date 2026-01-01\nverbs Get:R\ns3 CBucket:A\n", "line 3: `CBucket:A` is not an entry"),
            ("date 2026-01-01\nverbs Get:R\ns3 A\u{e9}:A\n", "line 3: `A\u{e9}:A` is not an entry"),
            ("date 2026-01-01\nsize 1\n", "line 2: `1` is not how much there is"),
            ("date 2026-01-01\n+ x\n", "line 2: these are the resources of no service"),
            ("date 2026-01-01\ns3\n+\n+\n", "line 4: these are the resources of no service"),
            ("date 2026-01-01\n", "there is no line `size SERVICES ACTIONS`"),
            ("date 2026-01-01\nsize 0 0\n", "there is no line `globals KEY KEY ...`"),
            ("date 2026-01-01\nsize 0 0\nglobals a\n", "there is no line `multivalued KEY KEY ...`"),
        ] {
            assert_eq!(read(text), Err(why.to_owned()), "{text}");
        }
        let whole = |size: &str, rest: &str| {
            format!("date 2026-01-01\nsize {size}\nglobals aws:TagKeys+\nmultivalued x:y\nverbs Get:R\n{rest}")
        };
        for (size, rest, why) in [
            ("2 0", "s3\ns3\n", "the service s3 stands twice"),
            ("0 0", "", "it has 0 services and 0 actions, and says that it has 0 and 0: a part is missing"),
            (
                "2 1",
                "s3 ABucket:A\n",
                "it has 1 services and 1 actions, and says that it has 2 and 1: a part is missing",
            ),
            (
                "1 2",
                "s3 ABucket:A\n",
                "it has 1 services and 1 actions, and says that it has 1 and 2: a part is missing",
            ),
            ("1 1", "s3 ABucket:A\n+ x\n", "line 7: resources have three fields"),
        ] {
            assert_eq!(read(&whole(size, rest)), Err(why.to_owned()), "{rest}");
        }
        let small = Catalogue::parse(&whole("1 3", "s3 ABucket:A GPolicy:A!-^\n")).expect("a catalogue");
        assert!(small.is_multivalued("aws:tagkeys") && small.is_multivalued("x:y"));
        assert_eq!(small.find("s3:GetBucketPolicy").map(|action| action.level), Some(AccessLevel::Write));
    }

    #[test]
    fn a_small_file_asks_for_little_memory() {
        let long = "n".repeat(129);
        let many = "A".repeat(200_000);
        for (line, why) in [
            (format!("x A{long}:A"), "line 3: an action has a name of more than 128 bytes"),
            (format!("x A{}:{many}", "n".repeat(2_000_000)), "line 3: an action has a name of more than 128 bytes"),
            (format!("{long} ABucket:A"), "line 3: a service has a name of more than 128 bytes"),
        ] {
            let read = Catalogue::parse(&format!("date 2026-01-01\nverbs Get:R\n{line}\n"));
            assert_eq!(read.map(|catalogue| catalogue.size()).map_err(|bad| bad.to_string()), Err(why.to_owned()));
        }
    }

    #[test]
    fn the_built_in_one_can_be_read_to_its_end_and_no_part_of_it_alone() {
        assert!(Catalogue::parse(TEXT).is_ok());
        // Whoever makes another text writes here what it came to, once it could be read.
        assert_eq!(hex::encode(digest(&SHA256, TEXT.as_bytes())), TEXT_SHA256);
        assert!(Catalogue::check_built_in().is_ok());
        for part in [TEXT.len() / 2, TEXT.len() * 9 / 10] {
            let cut = TEXT[..part].rfind('\n').expect("lines");
            assert!(Catalogue::parse(&TEXT[..cut]).is_err(), "{part}");
        }
    }
}
