//! What an environment demands of an apply: signed plans, signed commits, a clean tree, a branch. Keys are ssh's, and its
//! own program makes and checks what ours checks and makes. Where there is no `ssh-keygen` most of this is not tried.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::env::{TestEnv, commit_all, git};

/// Runs ssh-keygen; `None` where there is none.
fn ssh_keygen(dir: &Path, arguments: &[&str], input: Option<&Path>) -> Option<bool> {
    let mut command = Command::new("ssh-keygen");
    command.args(arguments).current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null());
    command.stdin(input.map_or_else(Stdio::null, |input| std::fs::File::open(input).unwrap().into()));
    Some(command.status().ok()?.success())
}

/// A key in the home, and the line of its public half; `None` where there is no ssh-keygen.
fn key(env: &TestEnv, name: &str, sort: &str, passphrase: &str) -> Option<String> {
    let made = ssh_keygen(env.dir(), &["-q", "-t", sort, "-N", passphrase, "-C", name, "-f", name], None)?;
    assert!(made, "{name}");
    Some(std::fs::read_to_string(env.dir().join(format!("{name}.pub"))).unwrap().trim().to_owned())
}

/// The tutorial's estate, committed, whose environment demands this.
fn estate(env: &TestEnv, require: &str) -> PathBuf {
    let estate = env.copy_tree("examples/tutorial", "estate");
    let file = estate.join("environments.hcl");
    let text = std::fs::read_to_string(&file).unwrap();
    let demanding = text.replacen("  max_deletes", &format!("  require {{\n{require}  }}\n  max_deletes"), 1);
    assert_ne!(text, demanding);
    std::fs::write(file, demanding).unwrap();
    git(&estate, &["init", "-q", "-b", "main"]);
    commit_all(&estate);
    estate
}

#[track_caller]
fn refused(env: &TestEnv, arguments: &[&str], part: &str) {
    let output = env.on_estate(arguments, 3);
    let said = output.stdout.clone() + &output.stderr;
    assert!(said.contains("the environment `local` does not take this") && said.contains(part), "{}", output.normal());
    assert!(!said.contains("Apply complete"), "{}", output.normal());
}

#[test]
fn only_a_plan_that_a_signer_signed_is_applied_where_that_is_demanded() {
    let env = TestEnv::new();
    let Some(alice) = key(&env, "alice", "ed25519", "") else { return };
    let others = [("bob", "ecdsa"), ("carol", "rsa")].map(|(name, sort)| (name, key(&env, name, sort, "").unwrap()));
    key(&env, "mallory", "ed25519", "").unwrap();
    let signers: Vec<String> =
        [&alice].into_iter().chain(others.iter().map(|(_, line)| line)).map(|line| format!("{line:?}")).collect();
    let signers = format!("    signers = [{}]\n", signers.join(", "));
    estate(&env, &format!("    signed_plan = true\n{signers}"));
    refused(&env, &["apply", "--auto-approve"], "only a saved plan that a signer signed is applied");
    let planned = env.on_estate(&["plan", "--out", "a.plan"], 2).stdout;
    assert!(planned.contains("Note: the environment `local` does not take this as it is"), "{planned}");
    refused(&env, &["apply", "a.plan"], "the plan is not signed");
    // By somebody else.
    env.on_estate(&["plan", "--out", "m.plan", "--sign-key", "mallory"], 2);
    refused(&env, &["apply", "m.plan"], "who is no signer of this environment");
    // For something else, of something else, and what is no signature.
    let sig = env.dir().join("a.plan.sig");
    assert_eq!(ssh_keygen(env.dir(), &["-q", "-Y", "sign", "-n", "file", "-f", "alice", "a.plan"], None), Some(true));
    refused(&env, &["apply", "a.plan"], "it was made for `file`, not for `leasehold-plan`");
    env.on_estate(&["plan", "--out", "b.plan", "--sign-key", "alice"], 2);
    std::fs::copy(env.dir().join("b.plan.sig"), &sig).unwrap();
    refused(&env, &["apply", "a.plan"], "it is not of this text, or not by the key that it names");
    std::fs::write(&sig, "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n").unwrap();
    refused(&env, &["apply", "a.plan"], "the signature can't be understood");
    // What ours signed ssh's own program takes.
    env.write("allowed", &format!("alice {alice}\n"));
    let verify = ["-Y", "verify", "-f", "allowed", "-I", "alice", "-n", "leasehold-plan", "-s", "b.plan.sig"];
    assert_eq!(ssh_keygen(env.dir(), &verify, Some(&env.dir().join("b.plan"))), Some(true));
    assert_eq!(ssh_keygen(env.dir(), &verify, Some(&env.dir().join("m.plan"))), Some(false));
    // Keys of other sorts sign with ssh's own program, and are as good.
    for (number, (name, _)) in others.iter().enumerate() {
        let more = format!("policy \"p{number}\" {{\n  path \"a\" {{\n    capabilities = [\"read\"]\n  }}\n}}\n");
        env.write(&format!("estate/p{number}.hcl"), &more);
        let file = format!("{name}.plan");
        env.on_estate(&["plan", "--out", &file], 2);
        let sign = ["-q", "-Y", "sign", "-n", "leasehold-plan", "-f", name, &file];
        assert_eq!(ssh_keygen(env.dir(), &sign, None), Some(true));
        let applied = env.on_estate(&["apply", &file], 0);
        assert!(applied.stdout.contains("Apply complete"), "{}", applied.normal());
    }
    env.on_estate(&["plan"], 0);
    env.on_estate(&["apply", "--auto-approve"], 0);
}

#[test]
fn keys_that_can_not_sign_are_told_why() {
    let env = TestEnv::new();
    let Some(_) = key(&env, "alice", "ed25519", "") else { return };
    key(&env, "behind", "ed25519", "a passphrase").unwrap();
    key(&env, "bob", "ecdsa", "").unwrap();
    estate(&env, "    clean = true\n");
    for (name, part) in [
        ("behind", "it is behind a passphrase"),
        ("bob", "it is a key of the type `ecdsa-sha2-nistp256`"),
        ("alice.pub", "everybody may read"),
        ("none", "No such file"),
    ] {
        let output = env.on_estate(&["plan", "--out", "a.plan", "--sign-key", name], 1);
        assert!(output.stderr.contains(part), "{name}: {}", output.normal());
        assert!(!env.dir().join("a.plan").exists(), "{name}");
    }
    let output = env.on_estate(&["plan", "--sign-key", "alice"], 1);
    assert!(output.stderr.contains("--out"), "{}", output.normal());
}

#[test]
fn a_clean_tree_and_a_branch_are_demanded_by_name() {
    let env = TestEnv::new();
    let estate = estate(&env, "    clean = true\n    branch = \"main\"\n");
    let more = "policy \"more\" {\n  path \"a\" {\n    capabilities = [\"read\"]\n  }\n}\n";
    env.write("estate/more.hcl", more);
    refused(&env, &["apply", "--auto-approve"], "the files are not as their commit has them");
    // A plan of it may be looked at, and saved.
    env.on_estate(&["plan", "--out", "a.plan"], 2);
    refused(&env, &["apply", "a.plan"], "the files are not as their commit has them");
    commit_all(&estate);
    git(&estate, &["checkout", "-q", "-b", "side"]);
    refused(&env, &["apply", "a.plan"], "the branch `main` is not checked out");
    // What is checked out without a branch is main's if a remote's main is there.
    git(&estate, &["checkout", "-q", "--detach"]);
    refused(&env, &["apply", "a.plan"], "the branch `main` is not checked out");
    git(&estate, &["remote", "add", "origin", "https://example.com/estate.git"]);
    git(&estate, &["update-ref", "refs/remotes/origin/main", "HEAD~1"]);
    refused(&env, &["apply", "a.plan"], "the branch `main` is not checked out");
    git(&estate, &["update-ref", "refs/remotes/origin/main", "HEAD"]);
    env.on_estate(&["apply", "a.plan"], 0);
    // Where nothing is to be done nothing is demanded.
    git(&estate, &["checkout", "-q", "side"]);
    env.on_estate(&["apply", "--auto-approve"], 0);
    // Outside git nothing is clean.
    std::fs::remove_dir_all(estate.join(".git")).unwrap();
    std::fs::remove_file(estate.join("more.hcl")).unwrap();
    refused(&env, &["apply", "--auto-approve"], "the files are in no commit");
}

#[test]
fn only_a_commit_that_a_signer_signed_is_applied_where_that_is_demanded() {
    let env = TestEnv::new();
    let Some(alice) = key(&env, "alice", "ed25519", "") else { return };
    key(&env, "mallory", "ed25519", "").unwrap();
    let estate = estate(&env, &format!("    signed_commit = true\n    signers = [{alice:?}]\n"));
    let sign = |name: &str| {
        let key = format!("user.signingkey={}", env.dir().join(name).display());
        git(&estate, &["-c", "gpg.format=ssh", "-c", &key, "commit", "-q", "-S", "--amend", "--no-edit"]);
    };
    refused(&env, &["apply", "--auto-approve"], "the commit that is checked out is not signed");
    sign("mallory");
    refused(&env, &["apply", "--auto-approve"], "who is no signer of this environment");
    sign("alice");
    // The signature of one commit under another.
    let object = git(&estate, &["cat-file", "commit", "HEAD"]);
    let forged = env.write("forged", &(object.replace("the estate", "another") + "\n"));
    let forged = git(&estate, &["hash-object", "-t", "commit", "-w", forged.to_str().unwrap()]);
    git(&estate, &["checkout", "-q", &forged]);
    refused(&env, &["apply", "--auto-approve"], "the commit's signature does not hold");
    git(&estate, &["checkout", "-q", "main"]);
    env.on_estate(&["apply", "--auto-approve"], 0);
}

#[test]
fn demands_that_can_not_be_met_are_errors_in_the_files() {
    for (require, part) in [
        ("    signed_plan = true\n", "signatures are demanded, and nobody may sign"),
        ("    signers = [\"ssh-ed25519 AAAA\"]\n", "this is not the public key of a signer"),
        ("    signers = [\"alice\"]\n", "the public key can't be understood"),
        ("    signers = [\"ssh-dss AAAAB3NzaC1kc3M= old\"]\n", "keys of the type `ssh-dss` are not known here"),
        ("    branch = \"\"\n", "a branch has a name"),
        ("    signed_plans = true\n", "did you mean `signed_plan`?"),
        ("    clean = \"yes\"\n", "clean"),
    ] {
        let env = TestEnv::new();
        estate(&env, require);
        let output = env.on_estate(&["plan"], 1);
        assert!(output.stderr.contains(part), "{require}: {}", output.normal());
        assert!(output.stderr.contains("environments.hcl:"), "{}", output.normal());
    }
}
