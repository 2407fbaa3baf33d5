//! The blocks of an estate that are no object's, and what is known in which block.
//!
//! Blocks of objects are described with their kinds; where all of them are asked, it is here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::object::home::METHODS;
use crate::object::statement::STATEMENT;
use crate::object::words::{ANYTHING, Block, Is, Key};
use crate::object::{Class, KINDS, Kind, Shape};

/// `app "webapp" { ... }`.
pub(crate) static APP: Block = Block {
    word: "app",
    label: Some("The app's name."),
    doc: "Who may log in how, and which credentials that gets.",
    keys: &[
        Key::own("owner", Shape::Text, "Who answers for it."),
        Key::each("role", Class::Role),
        Key::each("static_role", Class::Role),
        Key::own("grants", Shape::Set, "Shared roles, each as MOUNT/ROLE."),
        Key::each("login", Class::Login),
        Key::own(
            "policies",
            Shape::Set,
            "The ACL policies of its tokens, instead of the one that follows from its roles.",
        ),
        Key::life(),
    ],
    check: ANYTHING,
};

/// `login "oidc" "people" { ... }`: what it has besides the words of its method.
pub(crate) static LOGIN: Block = Block {
    word: "login",
    label: Some("The auth method, where `mount` does not say another; then its name."),
    doc: "A login that is no app's: of people.",
    keys: &[
        Key::own("policies", Shape::Set, "The ACL policies of its tokens, besides those of who logs in."),
        Key::life(),
    ],
    check: ANYTHING,
};

/// `environment "prod" { ... }`.
pub(crate) static ENVIRONMENT: Block = Block {
    word: "environment",
    label: Some("Its name."),
    doc: "Where the estate is applied.",
    keys: &[
        Key::own("estate", Shape::Text, "The estate's name in the ledger, where several share the engine."),
        Key::own("address", Shape::Text, "The URL of its engine."),
        Key::own("addresses", Shape::List, "Instead: the URLs of its engine's nodes, where that is a cluster."),
        Key::own("namespace", Shape::Text, "The namespace of that engine, where it has them."),
        Key::own("engine", Shape::OneOf(&["embedded"]), "Instead: the engine in this process."),
        Key::own("data", Shape::Text, "Where the embedded engine keeps its data."),
        Key::own("aws", Shape::OneOf(&["aws", "sandbox"]), "Which AWS the embedded engine talks to."),
        Key::own(
            "key",
            Shape::Text,
            "Where the key is that unseals that data, if not beside it: `file:/PATH`, `file:~/PATH`, or `kms:` with a key of AWS KMS.",
        ),
        Key::own(
            "secrets",
            Shape::List,
            "Which variables and files beside the estate its secrets may be from: `env:AWS_ROOT_*`, `file:/run/secrets/*`.",
        ),
        Key::own("max_deletes", Shape::Int, "How many objects one apply may delete."),
        Key::block(&LIMIT),
        Key::block(&REQUIRE),
        Key::block(&DRIFT),
        Key::own("var", Shape::Map, "Variables, by name."),
        Key::own("override", Shape::Map, "What is otherwise here: declarations that are laid over the others."),
    ],
    check: ANYTHING,
};

/// How many objects of one kind one apply may delete.
pub(crate) static LIMIT: Block = Block {
    word: "limit",
    label: Some("The kind, as plans name it."),
    doc: "How much one apply may do to objects of a kind.",
    keys: &[Key::own(
        "deletes",
        Shape::Any,
        "How many it may delete: a count, or a percentage of those that are ours.",
    )],
    check: ANYTHING,
};

/// How much a finding of a drift may matter.
pub(crate) const LEVELS: &[&str] = &["note", "warning", "error"];

/// What counts as drift in an environment.
pub(crate) static DRIFT: Block = Block {
    word: "drift",
    label: None,
    doc: "What counts as drift, and how much it matters.",
    keys: &[Key::block(&IGNORE), Key::block(&SEVERITY)],
    check: ANYTHING,
};

/// Objects that do not count as not ours.
pub(crate) static IGNORE: Block = Block {
    word: "ignore",
    label: Some("The paths of the objects, with * and ? as wildcards."),
    doc: "Objects of nobody that do not count as not ours: they are counted apart.",
    keys: &[
        Key::own("kind", Shape::Text, "Their kind, as plans name it, if only one is meant."),
        Key::own("reason", Shape::Text, "Why they are none of ours."),
    ],
    check: ANYTHING,
};

/// How much findings matter.
pub(crate) static SEVERITY: Block = Block {
    word: "severity",
    label: Some("The paths of the objects, with * and ? as wildcards."),
    doc: "How much it matters that objects were changed behind our back, or are not ours.",
    keys: &[
        Key::own("kind", Shape::Text, "Their kind, as plans name it, if only one is meant."),
        Key::own("level", Shape::OneOf(LEVELS), "A note is told and changes no exit code."),
    ],
    check: ANYTHING,
};

/// What an environment demands of an apply.
pub(crate) static REQUIRE: Block = Block {
    word: "require",
    label: None,
    doc: "What has to be so for an apply.",
    keys: &[
        Key::own("signed_plan", Shape::Bool, "Only saved plans are applied, which a signer signed."),
        Key::own("signed_commit", Shape::Bool, "A signer signed the commit that is checked out."),
        Key::own("clean", Shape::Bool, "The estate's files are as their commit has them."),
        Key::own("branch", Shape::Text, "The branch that is checked out."),
        Key::own("signers", Shape::List, "The public keys of those whose signatures count, as ssh writes them."),
    ],
    check: ANYTHING,
};

/// `managed_policy "readers" { ... }`.
pub(crate) static MANAGED_POLICY: Block = Block {
    word: "managed_policy",
    label: Some("Its name in the estate."),
    doc: "What a managed policy says, for reviews; no apply writes it.",
    keys: &[
        Key::own("arn", Shape::PolicyArn, "Its ARN, as roles name it."),
        Key::own("policy_document", Shape::PolicyDocument, "What it says."),
        Key::block(&STATEMENT),
    ],
    check: ANYTHING,
};

/// `iam_role "deploy" { ... }`.
pub(crate) static IAM_ROLE: Block = Block {
    word: "iam_role",
    label: Some("Its name in the estate."),
    doc: "What a role of an AWS account is that sessions are of, for reviews; no apply writes it.",
    keys: &[
        Key::own("arn", Shape::Text, "Its ARN, as `role_arns` name it."),
        Key::own("policy_document", Shape::PolicyDocument, "What its inline policies say together."),
        Key::block(&STATEMENT),
        Key::own("policy_arns", Shape::PolicyArns, "The managed policies that are attached to it."),
        Key::own("permissions_boundary_arn", Shape::PolicyArn, "The managed policy that bounds it."),
        Key::own("max_session", Shape::Seconds, "How long its sessions live at most."),
        Key::own("trust", Shape::PolicyDocument, "Its trust policy: who may assume it."),
    ],
    check: ANYTHING,
};

/// `iam_user "legacy" { ... }`.
pub(crate) static IAM_USER: Block = Block {
    word: "iam_user",
    label: Some("Its name in the estate."),
    doc: "What an IAM user is that no engine makes, for reviews; no apply writes it.",
    keys: &[
        Key::own("arn", Shape::Text, "Its ARN: of a static role's user, or of the one that an engine signs as."),
        Key::own("policy_document", Shape::PolicyDocument, "What its and its groups' inline policies say together."),
        Key::block(&STATEMENT),
        Key::own("policy_arns", Shape::PolicyArns, "The managed policies that are attached to it and to its groups."),
        Key::own("permissions_boundary_arn", Shape::PolicyArn, "The managed policy that bounds it."),
    ],
    check: ANYTHING,
};

/// `test "etl reads raw" { ... }`.
pub(crate) static TEST: Block = Block {
    word: "test",
    label: Some("What is tested, in words."),
    doc: "What has to hold of one app.",
    keys: &[
        Key::own("app", Shape::Text, "The app."),
        Key::named_block("allow", &REQUEST),
        Key::named_block("deny", &REQUEST),
        Key::named_block("never", &REQUESTS),
        Key::own("at_most", Shape::Text, "A policy document: nothing is allowed that it does not allow."),
        Key::block(&ACL),
        Key::own("acl_only", Shape::List, "The only paths of the engine on which its tokens may do anything."),
    ],
    check: ANYTHING,
};

/// What `allow` and `deny` are about.
pub(crate) static REQUEST: Block = Block {
    word: "allow",
    label: None,
    doc: "A request that is allowed, or that is not.",
    keys: &[
        Key::own("action", Shape::Text, "The action."),
        Key::own("resource", Shape::Text, "The ARN of what it is about."),
        Key::own("context", Shape::Map, "The context of the request, by condition key."),
    ],
    check: ANYTHING,
};

/// What `never` is about.
pub(crate) static REQUESTS: Block = Block {
    word: "never",
    label: None,
    doc: "Requests none of which is allowed.",
    keys: &[
        Key::own("actions", Shape::List, "The actions."),
        Key::own("resources", Shape::List, "The ARNs of what they are about; any, where it is left out."),
    ],
    check: ANYTHING,
};

/// What `acl` in a test is about.
pub(crate) static ACL: Block = Block {
    word: "acl",
    label: Some("A path of the engine."),
    doc: "What the app's tokens may do on a path of the engine.",
    keys: &[Key::own("capabilities", Shape::List, "All that they may do there; `[]` is nothing.")],
    check: ANYTHING,
};

/// What there is in blocks.
#[derive(Default)]
struct Known {
    /// The blocks inside declarations that have labels.
    labelled: BTreeSet<&'static str>,
    /// What may stand in a block and is no block itself.
    keys: BTreeMap<&'static str, BTreeSet<&'static str>>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let mut known = Known::default();
    let own = [&APP, &LOGIN, &ENVIRONMENT, &MANAGED_POLICY, &IAM_ROLE, &IAM_USER, &TEST];
    own.into_iter().chain(KINDS.iter().map(|kind| kind.words)).for_each(|block| known.take(block.word, block));
    // What an auth method has several of stands in its declaration.
    let of_methods = KINDS.iter().filter(|kind| kind.class == Class::Config && kind.table() == Some(&METHODS));
    of_methods.for_each(|kind| known.take_inner(kind.words.word, kind.words));
    known
});

impl Known {
    fn take(&mut self, word: &'static str, block: &'static Block) {
        for key in block.keys() {
            match key.is {
                Is::Block(inner) => self.take_inner(key.word, inner),
                Is::Each(class) => {
                    let is_meant = |kind: &&&Kind| kind.class == class && kind.words.word == key.word;
                    let kinds = KINDS.iter().filter(is_meant);
                    kinds.for_each(|kind| self.take_inner(key.word, kind.words));
                }
                Is::Field(..) | Is::Written(..) | Is::Own { .. } | Is::AllOf(_) => {
                    self.keys.entry(word).or_default().insert(key.word);
                }
            }
        }
    }

    fn take_inner(&mut self, word: &'static str, block: &'static Block) {
        if block.label.is_some() {
            self.labelled.insert(word);
        }
        self.take(word, block);
    }
}

/// Whether blocks of this word inside declarations have labels.
pub(crate) fn is_labelled(word: &str) -> bool {
    KNOWN.labelled.contains(word)
}

/// Whether a block of this word may have this key, which is no block.
pub(crate) fn has_key(word: &str, key: &str) -> bool {
    KNOWN.keys.get(word).is_some_and(|keys| keys.contains(key))
}

#[cfg(test)]
mod tests {
    use super::{KNOWN, has_key, is_labelled};

    #[test]
    fn what_stands_in_which_block_follows_from_their_descriptions() {
        assert_eq!(
            KNOWN.labelled.iter().copied().collect::<Vec<_>>(),
            [
                "account",
                "acl",
                "ignore",
                "key",
                "limit",
                "login",
                "path",
                "role",
                "severity",
                "statement",
                "static_role"
            ]
        );
        for (word, key) in [
            ("statement", "not_actions"),
            ("role", "user_path"),
            ("login", "secret_id_ttl"),
            ("login", "token_ttl"),
            ("path", "capabilities"),
            ("acl", "capabilities"),
            ("app", "owner"),
            ("aws", "region"),
            ("auth", "type"),
            ("audit", "file_path"),
            ("policy", "file"),
            ("environment", "address"),
            ("managed_policy", "arn"),
            ("iam_role", "max_session"),
            ("test", "at_most"),
        ] {
            assert!(has_key(word, key), "{key} in {word}");
        }
        assert!(!has_key("app", "login") && !has_key("role", "owner") && !is_labelled("lease"));
    }
}
