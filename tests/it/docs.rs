//! README and the pages of `docs/` are true: their shell blocks run, in the order of the page, as a reader would run
//! them; their estates are valid; and their links lead somewhere.
//!
//! A block says behind its fence what it is: `sh` is run, line by line, and `hcl` and `yaml` are valid beside the
//! tutorial's estate, or by themselves if they are an `estate`. With `not-run` behind that it is only shown. The lines of
//! a `text output` are printed by the shell block before it, in this order.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::env::{TestEnv, commit_all, git};

/// A README is read in one go.
const README_LINES_MAX: usize = 150;

/// What stands between a line's place and its output.
const MARK: &str = "@@@ ";

struct Block {
    line: usize,
    /// `sh`, `hcl estate`.
    info: String,
    text: String,
}

struct Page {
    name: String,
    text: String,
    blocks: Vec<Block>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<Page> {
    let mut names = vec!["README.md".to_owned()];
    let docs = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    names.extend(docs.map(|name| format!("docs/{}", name.to_str().unwrap())));
    names.sort();
    names.into_iter().map(page).collect()
}

fn page(name: String) -> Page {
    let text = std::fs::read_to_string(root().join(&name)).unwrap();
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(info) if !inside => {
                blocks.push(Block { line: index + 1, info: info.to_owned(), text: String::new() });
                inside = true;
            }
            Some(_) => inside = false,
            None if inside => writeln!(blocks.last_mut().unwrap().text, "{line}").unwrap(),
            None => {}
        }
    }
    assert!(!inside, "{name}: a block has no end");
    Page { name, text, blocks }
}

/// Where a reader is: the project's directory, with the tutorial's estate in it, under version control.
fn project() -> TestEnv {
    let mut env = TestEnv::new();
    for tree in ["examples", "policies"] {
        env.copy_tree(tree, tree);
    }
    let path = env.dir().join("bin");
    std::fs::create_dir(&path).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_leasehold"), path.join("leasehold")).unwrap();
    // It is installed already, and this is one of its tests.
    let cargo = "#!/bin/sh\ncase \"$*\" in 'install --locked --path .' | test) ;; *) exit 1 ;; esac\n";
    let script = env.write("bin/cargo", cargo);
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    env.set("PATH", format!("{}:/usr/bin:/bin", path.display()));
    env.write(".gitignore", ".leasehold/\n/bin/\n");
    git(env.dir(), &["init", "-q", "-b", "main"]);
    commit_all(env.dir());
    git(env.dir(), &["tag", "v1.4"]);
    git(env.dir(), &["update-ref", "refs/remotes/origin/main", "HEAD"]);
    env
}

fn run_shell(env: &TestEnv, dir: &Path, script: &str) -> String {
    let mut shell = env.command(&[]);
    let variables: Vec<(_, _)> =
        shell.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    shell = Command::new("/bin/sh");
    shell.arg("-c").arg(format!("exec 2>&1\n{script}")).current_dir(dir).env_clear().envs(variables);
    String::from_utf8(shell.output().unwrap().stdout).unwrap()
}

/// Runs the shell blocks of a page, and answers what each line printed.
fn run(page: &Page) -> Vec<(usize, String)> {
    let env = project();
    let mut dir = env.dir().to_owned();
    if page.name != "README.md" {
        dir = dir.join("examples/tutorial");
        assert_eq!(env.run(&["-C", "examples/tutorial", "apply", "--auto-approve"]).code, 0);
    }
    let mut script = String::new();
    for block in page.blocks.iter().filter(|block| block.info == "sh") {
        for (index, line) in block.text.lines().enumerate() {
            // What judges says with 2 that there is something to judge.
            let judges = ["plan", "review"].iter().any(|word| line.contains(&format!("leasehold {word}")));
            let good = if judges { "0 | 2" } else { "0" };
            let at = block.line + 1 + index;
            write!(
                script,
                "echo '{MARK}{at}'\n{line}\ncase $? in {good}) ;; *) echo \"{MARK}code $?\"; exit ;; esac\n"
            )
            .unwrap();
        }
    }
    let printed = run_shell(&env, &dir, &script);
    let mut lines: Vec<(usize, String)> = Vec::new();
    for line in printed.lines() {
        match line.strip_prefix(MARK) {
            Some(code) if code.starts_with("code") => {
                let (at, said) = lines.last().unwrap();
                panic!("{}:{at} ends with {code}\n{said}", page.name)
            }
            Some(at) => lines.push((at.parse().unwrap(), String::new())),
            None => writeln!(lines.last_mut().unwrap().1, "{line}").unwrap(),
        }
    }
    lines
}

#[test]
fn what_they_say_to_run_runs() {
    std::thread::scope(|scope| {
        for page in pages() {
            scope.spawn(move || {
                let printed = run(&page);
                let mut before = 0;
                for block in &page.blocks {
                    if block.info == "text output" {
                        let of_block = printed.iter().filter(|(at, _)| (before..block.line).contains(at));
                        let said: String = of_block.map(|(_, said)| said.as_str()).collect();
                        let mut lines = said.lines();
                        for line in block.text.lines() {
                            let found = lines.any(|said| said.trim_end() == line);
                            assert!(found, "{}:{} `{line}` is not printed\n{said}", page.name, block.line);
                        }
                    }
                    before = block.line;
                }
            });
        }
    });
}

#[test]
fn estates_in_them_are_valid() {
    for page in pages() {
        for block in &page.blocks {
            let mut words = block.info.split(' ');
            let language = words.next().unwrap();
            if !["hcl", "yaml"].contains(&language) || block.info.ends_with("not-run") {
                continue;
            }
            let env = TestEnv::new();
            let dir = env.copy_tree("examples/tutorial", "estate");
            if words.next() == Some("estate") {
                std::fs::remove_dir_all(dir.join("apps")).unwrap();
                for name in ["engine.hcl", "environments.hcl", "tests.hcl"] {
                    std::fs::remove_file(dir.join(name)).unwrap();
                }
            }
            env.write(&format!("estate/page.{language}"), &block.text);
            let output = env.run(&["-C", "estate", "validate"]);
            assert_eq!(output.code, 0, "{}:{}\n{}", page.name, block.line, output.normal());
        }
    }
}

#[test]
fn each_block_says_what_it_is() {
    const KNOWN: &[&str] = &[
        "sh",
        "sh not-run",
        "hcl",
        "hcl estate",
        "hcl not-run",
        "yaml",
        "yaml not-run",
        "text",
        "text output",
        "ini",
        "rego",
    ];
    for page in pages() {
        for block in &page.blocks {
            assert!(KNOWN.contains(&block.info.as_str()), "{}:{} `{}`", page.name, block.line, block.info);
        }
    }
    assert!(page("README.md".to_owned()).text.lines().count() <= README_LINES_MAX);
}

/// A heading as GitHub names its place.
fn place(heading: &str) -> String {
    let kept = heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>();
    kept.replace(' ', "-")
}

#[test]
fn links_lead_somewhere() {
    let mut pages = pages();
    pages.extend(
        ["ARCHITECTURE.md", "examples/conftest/README.md", "examples/tutorial/README.md"]
            .map(|name| page(name.to_owned())),
    );
    for page in &pages {
        let links = page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let here = PathBuf::from(&page.name);
            let target = match file {
                "" => root().join(&here),
                file => root().join(here.parent().unwrap()).join(file),
            };
            assert!(target.exists(), "{}: {link}", page.name);
            let has = |text: &str| {
                text.lines().any(|line| line.starts_with('#') && place(line.trim_start_matches(['#', ' '])) == heading)
            };
            assert!(heading.is_empty() || has(&std::fs::read_to_string(target).unwrap()), "{}: {link}", page.name);
        }
    }
}

/// What ARCHITECTURE.md names as a file or a folder of this repository: `object/table.rs`, `estate/lower/`. Most are told from
/// `src/`, and a few from the room or the folder that a paragraph is about.
#[test]
fn every_place_that_the_recipes_name_is_there() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut all = Vec::new();
    let mut open = vec![
        root().join("src"),
        root().join("tests"),
        root().join("docs"),
        root().join("examples"),
        root().join("policies"),
    ];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            if path.is_dir() {
                all.push(format!("/{name}/"));
                open.push(path);
            } else {
                all.push(format!("/{name}"));
            }
        }
    }
    let names = text.split('`').skip(1).step_by(2);
    let is_place = |name: &&str| {
        let word = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
        (name.ends_with(".rs") || name.ends_with(".md") && name.contains('/')) && name.chars().all(word)
    };
    let mut seen = 0;
    for name in names.filter(is_place) {
        seen += 1;
        assert!(
            all.iter().any(|path| path.ends_with(&format!("/{name}"))),
            "ARCHITECTURE.md names `{name}`, which is not there"
        );
    }
    assert!(seen > 30, "{seen}");
}

/// The map of the library and the table of rooms have each room.
#[test]
fn every_room_is_on_the_maps() {
    let (library, architecture) = (
        std::fs::read_to_string(root().join("src/lib.rs")).unwrap(),
        std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap(),
    );
    let rooms =
        library.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'));
    let on = |text: &str, room: &str| {
        let forms = [format!("`{room}`"), format!("`{room}/`")];
        let rows = text.lines().map(|line| line.trim_start_matches("//! "));
        let firsts = rows.filter_map(|row| row.strip_prefix('|')?.split('|').next());
        firsts.into_iter().any(|cell| forms.iter().any(|form| cell.contains(form)))
    };
    for room in rooms {
        assert!(on(&library, room), "src/lib.rs does not tell what `{room}` is for");
        assert!(on(&architecture, room), "ARCHITECTURE.md does not tell what `{room}` is for");
    }
}
