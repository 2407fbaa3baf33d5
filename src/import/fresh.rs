//! The first files of an estate that has nothing yet: an engine, a login method, and an app with a role.

use super::block::Block;
use super::files::{File, page};
use crate::layout::Syntax;
use crate::units::address::Addresses;

/// What a new estate is about.
#[derive(Clone, Copy, Debug)]
pub struct Fresh<'a> {
    /// The environment's name.
    pub environment: &'a str,
    /// Where its server is; none where it has an engine of its own.
    pub addresses: Option<&'a Addresses>,
    /// Which AWS that engine talks to.
    pub aws: &'a str,
    /// The name of the app and of its role.
    pub app: &'a str,
}

impl Fresh<'_> {
    /// The files.
    pub fn files(&self, syntax: Syntax) -> Vec<File> {
        let ending = syntax.ending();
        let file = |name: String, blocks: &[Block]| File { name, text: page(blocks, syntax).text };
        vec![
            file(format!("environments.{ending}"), &[self.environment()]),
            file(format!("engine.{ending}"), &engine()),
            file(format!("apps/{}.{ending}", self.app), &[self.app()]),
        ]
    }

    fn environment(&self) -> Block {
        let block = Block::new("environment", &[self.environment], "")
            .about("Where it is. `leasehold explain environment` tells what else may stand here.");
        match self.addresses {
            Some(addresses) => block.at(addresses),
            None => block.with("engine", "embedded").with("aws", self.aws),
        }
    }

    fn app(&self) -> Block {
        let resource = format!("arn:aws:s3:::{}-assets/*", self.app);
        let statement = Block::new("statement", &["Read"], "")
            .with("actions", vec!["s3:GetObject"])
            .with("resources", vec![resource]);
        let role = Block::new("role", &[self.app], "")
            .about("What it gets: an IAM user of its own each time, which may do this and nothing else.")
            .with("mount", "aws")
            .with("credential_type", "iam_user")
            .holding(statement);
        let login = Block::new("login", &["approle"], "")
            .about("A lease ends with the token that asked for it, so tokens live as long as leases may.")
            .with("token_ttl", "2h")
            .with("token_max_ttl", "2h");
        Block::new("app", &[self.app], "").holding(role).holding(login)
    }
}

fn engine() -> [Block; 2] {
    let lease = Block::new("lease", &[], "").with("default", "1h").with("max", "2h");
    let engine = Block::new("aws", &["aws"], "")
        .about("The engine that issues: leases of one hour, renewable up to two.")
        .holding(lease);
    [engine, Block::new("auth", &["approle"], "").about("How apps prove who they are.")]
}
