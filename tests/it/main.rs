//! Tests through the front door: one binary, a file per story. A file forgotten here fails `tidy`.

// Helpers of tests outside a #[test] function are tests as well.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects by failing")]
#![allow(dead_code, reason = "the harness offers more than each story uses")]

mod access;
mod adopt;
mod agent;
mod any_object;
mod apply;
mod apply_events;
mod apply_many;
#[expect(clippy::duplicate_mod, reason = "the same tests against another server")]
#[path = "apply.rs"]
mod apply_on_openbao;
mod audit_devices;
mod audit_files;
mod audit_rotation;
mod aws_faults;
mod browser;
mod cases;
mod choices;
mod ci_jobs;
mod cli_apps;
mod cli_creds;
mod cli_flags;
mod cli_kv;
mod cli_output;
mod cli_vault;
mod clusters;
mod common;
mod configured;
mod conftest;
mod demands;
mod disks;
mod docs;
mod drift;
mod drift_audit;
mod drift_baseline;
#[expect(clippy::duplicate_mod, reason = "the same tests against another server")]
#[path = "drift.rs"]
mod drift_on_openbao;
mod drift_repair;
mod drift_rules;
mod engines;
mod estate;
mod estate_assert;
mod estate_git;
mod estate_large;
mod graph;
mod guardrail;
mod history;
mod hostile;
mod iam_judges;
mod iam_model;
mod iam_second;
mod iam_simulator;
mod iam_versions;
mod imports;
#[expect(clippy::duplicate_mod, reason = "the same tests against another server")]
#[path = "imports.rs"]
mod imports_on_openbao;
mod imports_terraform;
mod init;
mod kills;
mod language_server;
mod layout;
mod ledger;
mod lifecycle;
mod listeners;
mod lock;
#[expect(clippy::duplicate_mod, reason = "the same tests against another server")]
#[path = "lock.rs"]
mod lock_on_openbao;
mod log_lines;
mod login_where;
mod logins;
mod losses;
mod namespaces;
mod on_change;
mod ownership;
mod pace;
mod people;
mod plan_apply;
mod plan_command;
mod plan_fields;
mod plan_forms;
mod policy_test;
mod readings;
mod review;
mod review_rules;
mod rotated;
mod rounds;
mod run_login;
mod sandbox;
mod sandbox_direct;
mod sandbox_orders;
mod sandbox_roles;
mod saved_plans;
mod schema;
mod seal;
mod seal_keys;
mod seal_kms;
mod seal_recovery;
mod secret_sources;
mod selecting;
mod server;
mod session_sound;
mod sessions;
mod several_logins;
mod shared;
mod shells;
mod shipped;
mod static_roles;
mod store_check;
mod store_snapshots;
mod story_expiry;
mod story_hvac;
mod story_kill;
mod story_kill_calls;
mod story_kill_keys;
mod story_sessions;
mod story_tutorial;
mod tidy;
mod trail;
mod trail_engine;
mod trail_files;
mod ui;
mod undelivered;
mod unreadable;
mod users;
mod variables;
mod vocabulary;
mod watch;
mod watch_credentials;
mod watch_loop;
mod watch_told;
mod wire_audit;
mod wire_auth;
mod wire_aws;
mod wire_aws_login;
mod wire_batch;
mod wire_cert;
mod wire_cut;
mod wire_grants;
mod wire_guardrail;
mod wire_help;
mod wire_identity;
mod wire_jwt;
mod wire_kubernetes;
mod wire_kv;
mod wire_lease;
mod wire_listing;
mod wire_lockout;
mod wire_oidc;
mod wire_own_sessions;
mod wire_paths;
mod wire_quotas;
mod wire_rows;
mod wire_static;
mod wire_sts;
mod wire_sys;
mod wire_table;
mod wire_terraform;
mod wire_token_leases;
mod wire_token_roles;
mod wire_transit;
mod wire_transit_moved;
mod wire_userpass;
mod wire_wrapping;

use common::{
    aws, bao, between, certificates, chromium, ci, cluster, env, fake, http, issuer, provider, python, remote, servers,
    traced, watched, world,
};
