//! Leasehold: declarative, reviewed and accounted-for AWS credentials.
//!
//! Two halves meet only at the Vault HTTP API. The reconciler turns files into desired objects, reads the same objects
//! from an engine, compares, plans and applies; the engine serves that API, and asks AWS.
//!
//! ```text
//!  files ──► estate ──► desired objects ─┐
//!                                        ├─► plan ─► review ─► apply ─► ledger
//!  engine ──api──► live objects ─────────┘                       │
//!    ▲                                                           │
//!    └──────────────────────────── api ──────────────────────────┘
//! ```
//!
//! The rooms, each naming only those above it that `tests/it/tidy.rs` lists for it:
//!
//! | room | its one job |
//! |---|---|
//! | [`text`], [`units`] | texts as they are shown and coded; days, durations, networks and addresses |
//! | `spread` | work on many things at once, as if on one processor |
//! | [`secret`], [`clock`], `durable` | a string that can't be printed; the only `now()`; files that are whole or not there |
//! | [`iam`], [`acl`], `username`, `proof` | the languages and proofs that both halves read: policies of AWS and of engines, names of users, keys of who vouches |
//! | [`guardrail`] | what may never be granted |
//! | [`object`] | what an engine can hold, a kind a file |
//! | [`estate`], [`git`], [`ssh`] | files to declarations to desired objects; the same at a commit; signatures of commits and plans |
//! | [`review`], [`plan`], [`drift`] | who gains what; the ordered changes; what moved behind our back |
//! | [`layout`] | a file in its canonical form; the same declarations in the other syntax |
//! | [`import`] | what an engine has, or Terraform declares, as files of an estate |
//! | [`api`], [`live`], [`ledger`] | the API as a client sees it; an engine's objects; what is ours |
//! | [`apply`], [`proposal`] | a plan carried out; what files mean, worked out in one place |
//! | [`trail`], [`engine`] | audit lines, chained; the API as a server |
//! | [`sandbox`] | a simulated AWS account |
//! | [`keeper`] | credentials kept for apps: renewed in time, handed to SDKs and into files |
//! | [`watch`] | the loop that keeps an engine as a commit says: what it knows between two rounds, and tells |
//! | [`cli`] | arguments in, rendering out |
//!
//! `ARCHITECTURE.md` says more of each, and which words mean what.

pub mod acl;
pub mod api;
pub mod apply;
pub mod cli;
pub mod clock;
pub mod drift;
mod durable;
pub mod engine;
pub mod estate;
pub mod git;
pub mod guardrail;
pub mod iam;
pub mod import;
pub mod keeper;
pub mod layout;
pub mod ledger;
pub mod live;
pub mod object;
pub mod plan;
mod proof;
pub mod proposal;
pub mod review;
pub mod sandbox;
pub mod secret;
mod spread;
pub mod ssh;
pub mod text;
pub mod trail;
pub mod units;
mod username;
pub mod watch;
