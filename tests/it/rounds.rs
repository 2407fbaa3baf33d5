//! How often a plan waits for an engine: what does not depend on each other is asked at the same time.

use crate::between::Between;
use crate::env::TestEnv;

/// An estate with something of every kind but an audit device, on a server that counts rounds.
fn estate(between: &Between, env: &TestEnv, apps: usize) {
    let address = &between.address;
    let mut text = format!(
        "environment \"prod\" {{\n  address = \"{address}\"\n}}\nauth \"approle\" {{}}\nauth \"second\" {{\n  \
         type = \"approle\"\n}}\npolicy \"p\" {{\n  path \"a/*\" {{\n    capabilities = [\"read\"]\n  }}\n}}\n"
    );
    for mount in ["aws", "team/aws"] {
        text.push_str(&format!(
            "aws \"{mount}\" {{\n  region = \"eu-west-1\"\n  lease {{\n    default = \"1h\"\n    max = \"2h\"\n  }}\n}}\n"
        ));
    }
    for app in 0..apps {
        text.push_str(&format!(
            "app \"a{app}\" {{\n  role \"r{app}\" {{\n    mount = \"team/aws\"\n    iam_groups = [\"g\"]\n  }}\n  \
             login \"approle\" {{\n    role_id = \"id-{app}\"\n  }}\n}}\n"
        ));
    }
    env.write("estate/estate.hcl", &text);
}

#[test]
fn a_plan_waits_for_an_engine_three_times() {
    for lists_alone in [false, true] {
        let mut env = TestEnv::new();
        let server = env.server(&["--data-dir", "data", "--listen", "127.0.0.1:0", "--aws=sandbox"]);
        let token = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap().trim().to_owned();
        env.set("LEASEHOLD_TOKEN", token);
        let between = Between::start(&server.address);
        if lists_alone {
            between.lists_tell_names_alone();
        }
        between.count_rounds();
        // A machine that is busy elsewhere may tear a round in two, and never makes one of two.
        let plan = |code: i32| {
            let rounds = || {
                let output = env.run(&["-C", "estate", "plan"]);
                assert_eq!(output.code, code, "{}", output.normal());
                between.rounds()
            };
            (0..3).map(|_| rounds()).min_by_key(Vec::len).unwrap()
        };
        let apply = || drop(env.ok(&["-C", "estate", "apply", "--auto-approve", "--address", &server.address]));
        estate(&between, &env, 40);
        // Where something is to change, others are asked whether they have it: there are none.
        let first = plan(2);
        assert!(first.len() <= 3, "{first:?}");
        apply();
        let second = plan(0);
        assert!(second.len() <= 3, "{second:?}");
        // Role ids that are declared are told one by one; each folder is listed by the page and whole.
        let objects = 40 + if lists_alone { 121 } else { 0 };
        assert!(second.iter().sum::<usize>() <= 32 + objects, "{second:?}");
        // Secrets of the server's own are read at the same time: which version of KV it is, and the secret.
        for (mount, secret) in [("one", "a"), ("two", "b"), ("three", "c")] {
            let root = format!(
                "access_key = \"secret:vault:secret/{secret}#id\"\n    secret_key = \"secret:vault:secret/{secret}#key\""
            );
            let text = format!("aws \"{mount}\" {{\n  root {{\n    {root}\n  }}\n}}\n");
            env.write(&format!("estate/{mount}.hcl"), &text);
        }
        let with_secrets = plan(2);
        assert!(with_secrets.len() <= 3, "{with_secrets:?}");
        for mount in ["one", "two", "three"] {
            std::fs::remove_file(env.dir().join(format!("estate/{mount}.hcl"))).unwrap();
        }
        // What only the ledger knows of follows when that is read: with its leases and what others have.
        estate(&between, &env, 39);
        let third = plan(2);
        assert!(third.len() <= 5, "{third:?}");
    }
}
