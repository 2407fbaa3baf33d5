//! The jobs in `examples/ci` that plan in a pull request and apply after its merge, run in a scratch repository. Who keeps
//! comments and artifacts is a script that writes down what it is asked.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::ci::{self, Runner};
use crate::env::{TestEnv, commit_all, git};
use crate::issuer::signed;
use crate::remote::{Remote, shipped};
use crate::servers::Sort;

/// What a forge does with what it is asked. `MERGED` is the commit or the number of what was merged, if anything was.
const FORGE: &str = r#"case "$*" in
*commits/*/pulls*) test -z "$MERGED" || echo "$MERGED" ;;
*commits/*/merge_requests*) if [ -n "$MERGED" ]; then printf '[{"id":1,"iid":%s,"title":"x"}]' "$MERGED"; else printf '[]'; fi ;;
"run list"*"--commit $MERGED"*) echo 9 ;;
"run download 9"*) while [ "$1" != --dir ]; do shift; done; cp "$KEPT/approved.plan" "$2/" ;;
*jobs/artifacts/refs%2Fmerge-requests%2F12%2Fhead/raw/approved.plan*)
  while [ "$1" != --output ]; do shift; done; cp "$KEPT/approved.plan" "$2" ;;
*issues/5/comments*) case "$*" in *PATCH* | *POST*) ;; *) test -z "$OPEN" || echo "$OPEN" ;; esac ;;
*issues/comments/7* | *merge_requests/12/notes*) ;;
*) exit 1 ;;
esac"#;

/// A forge's two jobs, and the engine that they are for.
struct Pipeline {
    remote: Remote,
    plan: Vec<String>,
    apply: Vec<String>,
    merged: String,
    is_github: bool,
}

impl Pipeline {
    /// GitHub's jobs, GitLab's, and GitHub's with the step of `action.yml`.
    fn each() -> [Self; 3] {
        [(true, false), (false, false), (true, true)].map(|(is_github, is_action)| {
            let remote = Remote::new(Sort::Ours);
            git_init(&remote);
            let output = remote.env.run(&["-C", "estate", "apply", "--auto-approve"]);
            assert_eq!(output.code, 0, "{}", output.normal());
            let (plan, apply) = if is_github {
                let job = |file: &str, name: &str| ci::github(&ci::example(file)["jobs"][name]);
                let (plan, mut apply) = (job("github-plan.yml", "plan"), job("github-apply.yml", "apply"));
                match is_action {
                    true => {
                        // What was approved is fetched in the same way.
                        apply.pop();
                        apply.extend(ci::action("apply"));
                        (ci::action("plan"), apply)
                    }
                    false => (plan, apply),
                }
            } else {
                let file = ci::example("gitlab-plan-apply.yml");
                (ci::gitlab(&file["plan"]), ci::gitlab(&file["apply"]))
            };
            Self { remote, plan, apply, merged: String::new(), is_github }
        })
    }

    fn kept(&self) -> PathBuf {
        self.remote.env.dir().join("kept")
    }

    /// Runs a job with the token that it gets; `open` is the comment that is there.
    fn run(&self, job: &[String], policy: &str, open: &str) -> (i32, String) {
        let token = self.remote.token(policy, &shipped(policy));
        let kept = self.kept().display().to_string();
        let head = git(&self.remote.estate, &["rev-parse", "HEAD"]);
        let names = ["LEASEHOLD_TOKEN", "LEASEHOLD_PLAN_TOKEN", "LEASEHOLD_APPLY_TOKEN"];
        let given = if self.is_github { &names[..1] } else { &names[1..] };
        let tokens = given.iter().map(|name| (*name, token.as_str()));
        let own = [
            ("ESTATE", "."),
            ("ENVIRONMENT", "remote"),
            ("NUMBER", "5"),
            ("COMMAND", "plan"),
            ("FILE", "approved.plan"),
            ("TOKEN", ""),
            ("CI_MERGE_REQUEST_IID", "12"),
            ("CI_PROJECT_ID", "3"),
            ("GITHUB_SHA", head.trim()),
            ("CI_COMMIT_SHA", head.trim()),
            ("MERGED", &self.merged),
            ("KEPT", &kept),
            ("OPEN", open),
        ];
        let variables: Vec<(&str, &str)> = own.into_iter().chain(tokens).collect();
        Runner::new(&self.remote.env, &variables, FORGE).run(&self.remote.estate, job)
    }

    /// Runs the job of a pull request; what it saved is kept, if it saved anything.
    fn plan(&mut self, open: &str) -> (i32, String) {
        let (code, asked) = self.run(&self.plan, "plan", open);
        let saved = if self.is_github { self.remote.env.dir().join("temp") } else { self.remote.estate.clone() };
        let saved = saved.join("approved.plan");
        std::fs::create_dir_all(self.kept()).unwrap();
        if code == 0 {
            std::fs::rename(saved, self.kept().join("approved.plan")).unwrap();
        }
        let head = git(&self.remote.estate, &["rev-parse", "HEAD"]);
        self.merged = if self.is_github { head.trim().to_owned() } else { "12".to_owned() };
        (code, asked)
    }

    /// A branch with a change of the web app's access.
    fn propose(&self, bucket: &str) {
        git(&self.remote.estate, &["checkout", "-q", "-B", "change"]);
        let file = self.remote.estate.join("iam/webapp.json");
        let text = std::fs::read_to_string(&file).unwrap();
        let mut document: Value = serde_json::from_str(&text).unwrap();
        document["Statement"][0]["Resource"] = json!(format!("arn:aws:s3:::{bucket}/*"));
        std::fs::write(&file, document.to_string()).unwrap();
        commit_all(&self.remote.estate);
    }

    /// Its merge, squashed.
    fn merge(&self) {
        let estate = &self.remote.estate;
        git(estate, &["checkout", "-q", "main"]);
        git(estate, &["merge", "-q", "--squash", "change"]);
        commit_all(estate);
    }

    fn holds(&self, bucket: &str) -> bool {
        self.remote.held("aws/roles/webapp")["policy_document"].to_string().contains(bucket)
    }
}

fn git_init(remote: &Remote) {
    git(&remote.estate, &["init", "-q", "-b", "main"]);
    commit_all(&remote.estate);
}

#[test]
fn what_was_planned_in_a_pull_request_is_applied_after_its_merge() {
    for mut pipeline in Pipeline::each() {
        pipeline.propose("example-webapp-new");
        let (code, asked) = pipeline.plan("");
        assert!(code == 0 && !pipeline.holds("example-webapp-new"), "{asked}");
        match pipeline.is_github {
            true => assert!(asked.contains("--method POST repos/o/r/issues/5/comments --field body=@"), "{asked}"),
            false => assert!(asked.contains("body@") && asked.contains("/merge_requests/12/notes"), "{asked}"),
        }
        let home = pipeline.remote.env.dir();
        let summary = std::fs::read_to_string(home.join("github_step_summary")).unwrap_or_default();
        let marker = "<!-- leasehold-plan remote -->\n### Plan for `remote`: 0 to add, 1 to change, 0 to delete\n";
        assert!(!pipeline.is_github || summary.starts_with(marker), "{summary}");
        // The second push of a pull request writes over its comment.
        if pipeline.is_github {
            let (code, asked) = pipeline.plan("7");
            assert!(code == 0 && asked.contains("--method PATCH repos/o/r/issues/comments/7"), "{asked}");
        }
        pipeline.merge();
        let (code, asked) = pipeline.run(&pipeline.apply, "apply", "");
        assert!(code == 0 && pipeline.holds("example-webapp-new"), "{code}: {asked}");
        // Files are those of a commit, whatever the jobs put beside them.
        let entry = pipeline.remote.env.run(&["-C", "estate", "ledger", "show"]);
        assert!(!entry.stdout.contains("dirty"), "{}", entry.normal());
        // Run again, it says that it is done, and does nothing.
        assert_eq!(pipeline.run(&pipeline.apply, "apply", "").0, 4);
    }
}

#[test]
fn what_was_not_planned_or_is_another_by_now_is_not_applied() {
    for mut pipeline in Pipeline::each() {
        // Straight to the branch.
        pipeline.propose("example-webapp-straight");
        pipeline.merge();
        let (code, asked) = pipeline.run(&pipeline.apply, "apply", "");
        assert!(code == 1 && !pipeline.holds("straight"), "{asked}");
        // Changed by hand since it was approved.
        pipeline.propose("example-webapp-new");
        assert_eq!(pipeline.plan("").0, 0);
        pipeline.merge();
        let by_hand =
            json!({ "credential_type": "iam_user", "policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"] });
        pipeline.remote.http.post("aws/roles/webapp", &by_hand);
        let (code, asked) = pipeline.run(&pipeline.apply, "apply", "");
        assert!(code == 4 && !pipeline.holds("example-webapp-new"), "{code}: {asked}");
        // What is refused stops the pull request, which is told why, and there is nothing to apply.
        std::fs::remove_dir_all(pipeline.kept()).unwrap();
        git(&pipeline.remote.estate, &["checkout", "-q", "-B", "change"]);
        let file = pipeline.remote.estate.join("iam/webapp.json");
        let all =
            json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "iam:*", "Resource": "*" } });
        std::fs::write(&file, all.to_string()).unwrap();
        commit_all(&pipeline.remote.estate);
        let (code, asked) = pipeline.plan("");
        assert!(code != 0 && asked.contains(if pipeline.is_github { "--method POST" } else { "/notes" }), "{asked}");
        let summary = pipeline.remote.env.dir().join("github_step_summary");
        let told = std::fs::read_to_string(summary).unwrap_or_default();
        assert!(!pipeline.is_github || told.contains("### Plan for `remote`: refused"), "{told}");
        assert!(!pipeline.kept().join("approved.plan").exists());
    }
}

/// A pull request whose policy is another, and the job that reviews it.
#[test]
fn a_pull_request_is_reviewed_with_one_comment_and_a_verdict() {
    let job = ci::github(&ci::example("github-review.yml")["jobs"]["review"]);
    let change = |env: &TestEnv, estate: &std::path::Path, action: &str| {
        let document = json!({
            "Version": "2012-10-17",
            "Statement": { "Effect": "Allow", "Action": action, "Resource": "arn:aws:s3:::example-webapp/*" },
        });
        std::fs::write(estate.join("iam/webapp.json"), document.to_string()).unwrap();
        let head = commit_all(estate);
        std::fs::write(env.dir().join("github_step_summary"), "").unwrap();
        head
    };
    let env = TestEnv::new();
    let estate = env.copy_tree("examples/tutorial", "estate");
    git(&estate, &["init", "-q", "-b", "main"]);
    let base = commit_all(&estate);
    let run = |head: &str, open: &str| {
        let variables =
            [("BASE", base.trim()), ("HEAD", head.trim()), ("ESTATE", "."), ("NUMBER", "5"), ("OPEN", open)];
        Runner::new(&env, &variables, FORGE).run(&estate, &job)
    };
    let summary = || std::fs::read_to_string(env.dir().join("github_step_summary")).unwrap();
    // The first push has a comment made, the second writes over it; a gain is for people to judge.
    let head = change(&env, &estate, "s3:PutObjectAcl");
    let (code, asked) = run(&head, "");
    assert_eq!(code, 0, "{asked}");
    assert!(asked.contains("--method POST repos/o/r/issues/5/comments --field body=@review.md"), "{asked}");
    assert!(
        summary().starts_with("<!-- leasehold-review -->") && summary().contains("s3:PutObjectAcl"),
        "{}",
        summary()
    );
    let sarif: Value = serde_json::from_slice(&std::fs::read(estate.join("review.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let (code, asked) = run(&head, "7");
    assert!(code == 0 && asked.contains("--method PATCH repos/o/r/issues/comments/7"), "{asked}");
    // A violated guardrail stops the merge, after it is told.
    let head = change(&env, &estate, "iam:*");
    let (code, asked) = run(&head, "7");
    assert!(code != 0 && asked.contains("--method PATCH"), "{code}: {asked}");
    // What is no review is no verdict.
    let (code, asked) = run("0000000000000000000000000000000000000000", "7");
    assert!(code != 0 && !asked.contains("PATCH"), "{code}: {asked}");
}

/// The action logs in by the token that the forge makes for the job.
#[test]
fn the_action_logs_in_by_the_jobs_own_token() {
    const FORGE: &str = r#"case "$*" in
*"--config - https://forge.example/token?x=1&audience=https://engine.example"*)
  test "$(cat)" = 'header = "Authorization: bearer to-ask"' && printf '{"count":1,"value":"%s"}' "$MADE" ;;
"api --paginate "* | "api --method POST "*) ;;
*) exit 1 ;;
esac"#;
    let remote = Remote::new(Sort::Ours);
    git_init(&remote);
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let claims = json!({
        "sub": "repo:o/r", "iss": "https://forge.example", "aud": "https://engine.example", "iat": now, "exp": now + 600,
    });
    let made = signed(&[("k", "ES256")], &[json!({ "key": "k", "claims": claims })]);
    let http = &remote.http;
    http.post("sys/auth/ci", &json!({ "type": "jwt" }));
    http.post("auth/ci/config", &json!({ "jwt_validation_pubkeys": [made.pem("k")] }));
    for name in ["plan", "apply"] {
        http.post(&format!("sys/policies/acl/ci-{name}"), &json!({ "policy": shipped(name) }));
        let role = json!({
            "role_type": "jwt", "user_claim": "sub", "bound_subject": "repo:o/r",
            "bound_audiences": ["https://engine.example"], "token_policies": [format!("ci-{name}")],
        });
        http.post(&format!("auth/ci/role/{name}"), &role);
    }
    let run = |command: &str, token: &str| {
        let variables = [
            ("COMMAND", command),
            ("ESTATE", "."),
            ("ENVIRONMENT", "remote"),
            ("FILE", "approved.plan"),
            ("LOGIN", "jwt"),
            ("LOGIN_MOUNT", "ci"),
            ("LOGIN_ROLE", command),
            ("AUDIENCE", "https://engine.example"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://forge.example/token?x=1"),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token),
            ("MADE", made.token(0)),
        ];
        Runner::new(&remote.env, &variables, FORGE).run(&remote.estate, &ci::action(command))
    };
    let (code, asked) = run("plan", "to-ask");
    assert_eq!(code, 0, "{asked}");
    // Neither token is in a list of processes.
    assert!(!asked.contains("to-ask") && !asked.contains(made.token(0)), "{asked}");
    let (code, asked) = run("apply", "to-ask");
    assert_eq!(code, 0, "{asked}");
    assert!(!remote.held("aws/roles/webapp").is_null());
    // Without the permission the job has none.
    assert_ne!(run("plan", "").0, 0);
}

/// What a plan, a review or drift says of older commits it reads in the history.
#[test]
fn every_job_has_the_whole_history() {
    let directory = format!("{}/examples/ci", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names.len() > 5, "{names:?}");
    for name in names {
        let file = ci::example(&name);
        if name.starts_with("github") {
            for (job, steps) in file["jobs"].as_object().unwrap() {
                let checkout = steps["steps"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|step| step["uses"].as_str().is_some_and(|uses| uses.starts_with("actions/checkout")));
                assert_eq!(checkout.map(|step| &step["with"]["fetch-depth"]), Some(&0.into()), "{name}: {job}");
            }
        } else {
            let depths = [&file["variables"]["GIT_DEPTH"], &file["drift"]["variables"]["GIT_DEPTH"]];
            assert!(depths.contains(&&"0".into()), "{name}");
        }
    }
}
