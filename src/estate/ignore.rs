//! `.leaseholdignore`: files beside an estate that are none of it, such as `docker-compose.yml`.
//!
//! One pattern a line, as git's ignore files have them: a name matches at any depth, a path is one from the estate's
//! directory, a `/` at the end is for directories, `*` and `?` stay within a name, `**` is any number of directories.
//! What git has beyond that is refused, not passed over. Source: gitignore(5).

use super::problem::Problem;

/// The name of the file, in the estate's directory.
pub(crate) const NAME: &str = ".leaseholdignore";

const PATTERNS_MAX: usize = 1_000;
const PATTERN_BYTES_MAX: usize = 256;

/// What is left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ignore(Vec<Pattern>);

#[derive(Clone, Debug)]
struct Pattern {
    /// Names of directories and of the last part; `**` is any number of them.
    parts: Vec<String>,
    directories_only: bool,
}

impl Ignore {
    /// Reads the file. What can't be understood in it is told.
    pub(crate) fn parse(text: &str, problems: &mut Vec<Problem>) -> Self {
        let mut patterns = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match pattern(line) {
                _ if patterns.len() == PATTERNS_MAX => {
                    problems.push(Problem::with_file(NAME, format!("this file has more than {PATTERNS_MAX} patterns")));
                    break;
                }
                Ok(pattern) => patterns.push(pattern),
                Err(what) => problems.push(Problem::with_line(NAME, index as u32 + 1, what)),
            }
        }
        Self(patterns)
    }

    /// Whether a file or directory is left out, by its path from the estate's directory.
    pub(crate) fn matches(&self, path: &str, is_directory: bool) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let path: Vec<&str> = path.split('/').collect();
        self.0.iter().any(|pattern| (is_directory || !pattern.directories_only) && fits(&pattern.parts, &path))
    }
}

fn pattern(line: &str) -> Result<Pattern, String> {
    if line.len() > PATTERN_BYTES_MAX {
        return Err(format!("a pattern has at most {PATTERN_BYTES_MAX} bytes"));
    }
    if line.starts_with('!') {
        return Err("a pattern can't take back what another leaves out: write narrower ones".to_owned());
    }
    if line.contains(['[', ']', '\\']) {
        return Err("a pattern has no `[`, `]` and `\\`: write `*` or `?`".to_owned());
    }
    let (line, directories_only) = match line.strip_suffix('/') {
        Some(rest) => (rest, true),
        None => (line, false),
    };
    let anchored = line.contains('/');
    let mut parts: Vec<String> = line.strip_prefix('/').unwrap_or(line).split('/').map(str::to_owned).collect();
    if parts.iter().any(|part| part.is_empty() || part == "." || part == "..") {
        return Err("a pattern is a name, or a path from the estate's directory".to_owned());
    }
    if parts.iter().any(|part| part != "**" && part.contains("**")) {
        return Err("`**` stands for directories, between `/`".to_owned());
    }
    if !anchored {
        parts.insert(0, "**".to_owned());
    }
    parts.dedup_by(|a, b| a == "**" && b == "**");
    Ok(Pattern { parts, directories_only })
}

/// Whether a path is one of a pattern's. As many steps as there are pairs of a part and a name.
fn fits(parts: &[String], path: &[&str]) -> bool {
    // reached[at]: whether the parts so far fit the first `at` names.
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    for part in parts {
        let mut next = vec![false; path.len() + 1];
        for at in 0..=path.len() {
            next[at] = match part.as_str() {
                "**" => reached[at] || at > 0 && next[at - 1],
                part => at > 0 && reached[at - 1] && names(part, path[at - 1]),
            };
        }
        reached = next;
    }
    reached[path.len()]
}

/// Whether a name fits one part, in which `*` is anything and `?` one character.
fn names(part: &str, name: &str) -> bool {
    let part: Vec<char> = part.chars().collect();
    let mut reached = vec![false; part.len() + 1];
    let stars = |reached: &mut Vec<bool>| {
        for at in 0..part.len() {
            reached[at + 1] |= reached[at] && part[at] == '*';
        }
    };
    reached[0] = true;
    stars(&mut reached);
    for c in name.chars() {
        let mut next = vec![false; part.len() + 1];
        for at in 0..part.len() {
            next[at + 1] = reached[at] && (part[at] == '?' || part[at] == c && c != '*');
            next[at] |= reached[at] && part[at] == '*';
        }
        reached = next;
        stars(&mut reached);
    }
    reached[part.len()]
}

#[cfg(test)]
mod tests {
    use super::Ignore;

    #[test]
    fn patterns_are_those_of_git() {
        for (pattern, path, is_directory, left_out) in [
            ("docker-compose.yml", "docker-compose.yml", false, true),
            ("docker-compose.yml", "deploy/docker-compose.yml", false, true),
            ("docker-compose.yml", "docker-compose.yml.hcl", false, false),
            ("/docker-compose.yml", "deploy/docker-compose.yml", false, false),
            ("/docker-compose.yml", "docker-compose.yml", false, true),
            ("deploy/*.yml", "deploy/a.yml", false, true),
            ("deploy/*.yml", "deploy/x/a.yml", false, false),
            ("deploy/**/*.yml", "deploy/x/y/a.yml", false, true),
            ("deploy/**/*.yml", "deploy/a.yml", false, true),
            ("**/charts", "a/b/charts", true, true),
            ("charts/", "a/charts", true, true),
            ("charts/", "a/charts", false, false),
            ("*.tf.hcl", "main.tf.hcl", false, true),
            ("?.hcl", "a.hcl", false, true),
            ("?.hcl", "ab.hcl", false, false),
            ("a*b*c", "axxbyyc", false, true),
            ("a*b*c", "axxbyy", false, false),
            ("*", "anything", false, true),
            ("# docker-compose.yml", "docker-compose.yml", false, false),
        ] {
            let mut problems = Vec::new();
            let ignore = Ignore::parse(&format!("\n{pattern}\n"), &mut problems);
            assert_eq!(ignore.matches(path, is_directory), left_out, "{pattern} {path}");
            assert!(problems.is_empty(), "{problems:?}");
        }
    }

    #[test]
    fn what_is_not_understood_is_told_with_its_line() {
        for line in ["!a.hcl", "[ab].hcl", "a\\b", "../a", "a//b", "/", "a**b"] {
            let mut problems = Vec::new();
            let ignore = Ignore::parse(&format!("x.hcl\n{line}\n"), &mut problems);
            assert_eq!(problems.iter().map(|problem| problem.labels[0].line).collect::<Vec<_>>(), [2], "{line}");
            assert!(ignore.matches("x.hcl", false));
        }
    }

    #[test]
    fn hostile_patterns_take_no_longer() {
        let ignore = Ignore::parse(&format!("{}c", "a*".repeat(120)), &mut Vec::new());
        assert!(!ignore.matches(&"a".repeat(250), false));
        assert!(ignore.matches(&format!("{}c", "a".repeat(250)), false));
    }
}
