//! Completions and manual pages, judged by the shells that read them and by man(1).

use std::path::Path;
use std::process::Command;

use crate::env::TestEnv;

/// What a program says to a script, which it must take without a word of its own.
#[track_caller]
fn judged(program: &str, arguments: &[&str], dir: &Path) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(dir)
        // A locale of this machine that is not installed would be complained of.
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", dir)
        .env("TERM", "dumb")
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed (apt-get install zsh fish man-db): {error}"));
    let (told, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && complaint.is_empty(), "{program}: {}\n{told}\n{complaint}", output.status);
    told.into_owned()
}

fn script(env: &TestEnv, shell: &str) {
    env.write(&format!("script.{shell}"), &env.ok(&["completions", shell]));
}

#[test]
fn bash_completes_commands_flags_and_choices() {
    let env = TestEnv::new();
    script(&env, "bash");
    let completed = |words: &[&str]| {
        let line = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        let ask = format!(
            "source script.bash; COMP_WORDS=({line}); COMP_CWORD={}; _leasehold leasehold '{}' '{}'; echo \"${{COMPREPLY[@]}}\"",
            words.len() - 1,
            words[words.len() - 1],
            words[words.len() - 2],
        );
        judged("bash", &["--norc", "-c", &ask], env.dir()).split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(completed(&["leasehold", "pl"]), ["plan"]);
    assert_eq!(completed(&["leasehold", "trail", "ver"]), ["verify"]);
    let flags = completed(&["leasehold", "plan", "--"]);
    assert!(["--out", "--target", "--env"].iter().all(|flag| flags.iter().any(|one| one == flag)), "{flags:?}");
    assert_eq!(completed(&["leasehold", "completions", "f"]), ["fish"]);
}

#[test]
fn fish_completes_and_zsh_reads_its_script() {
    let env = TestEnv::new();
    script(&env, "fish");
    let completed =
        |line: &str| judged("fish", &["-N", "-c", &format!("source script.fish; complete -C '{line}'")], env.dir());
    let commands = completed("leasehold pl");
    assert!(commands.starts_with("plan\t"), "{commands}");
    assert!(completed("leasehold plan --").lines().any(|line| line.starts_with("--target\t")));

    script(&env, "zsh");
    let loads =
        "autoload -U compinit; compinit -u -D; source script.zsh; whence -w _leasehold; echo $_comps[leasehold]";
    assert_eq!(judged("zsh", &["-f", "-c", loads], env.dir()), "_leasehold: function\n_leasehold\n");
}

#[test]
fn every_command_has_a_page_that_man_reads_without_a_warning() {
    let env = TestEnv::new();
    env.ok(&["man", "pages"]);
    let mut pages: Vec<_> =
        std::fs::read_dir(env.dir().join("pages")).unwrap().map(|page| page.unwrap().path()).collect();
    pages.sort();
    let names: Vec<_> = pages.iter().map(|page| page.file_name().unwrap().to_string_lossy().into_owned()).collect();
    for name in ["leasehold.1", "leasehold-plan.1", "leasehold-trail-verify.1", "leasehold-access-who.1"] {
        assert!(names.iter().any(|one| one == name), "{name}: {names:?}");
    }
    for page in &pages {
        let text = judged(
            "man",
            &["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-P", "cat", &page.display().to_string()],
            env.dir(),
        );
        // Bold letters are struck twice there.
        let struck: Vec<char> = text.chars().collect();
        let plain: String = struck
            .iter()
            .enumerate()
            .filter(|(at, c)| **c != '\u{8}' && struck.get(at + 1) != Some(&'\u{8}'))
            .map(|(_, c)| *c)
            .collect();
        assert!(plain.contains("NAME") && plain.contains("SYNOPSIS"), "{}: {plain}", page.display());
    }
    assert_eq!(env.ok(&["man"]), std::fs::read_to_string(env.dir().join("pages/leasehold.1")).unwrap());
    let taken = env.write("file", "");
    let refused = env.run(&["man", &taken.display().to_string()]);
    assert_eq!(refused.code, 1, "{}", refused.normal());
    assert!(refused.stderr.contains("the pages can't be written into"), "{}", refused.normal());
}
