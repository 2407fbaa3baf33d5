//! What an environment demands of what is applied to it.

use crate::estate::blocks::REQUIRE;
use crate::estate::declared::Demands;
use crate::estate::problem::Draft;
use crate::estate::schema::{Block, Reader};
use crate::ssh::PublicKey;

/// Reads the block `require` of an environment.
pub(super) fn read(reader: &mut Reader<'_>, environment: &Block<'_>) -> Demands {
    let Some(block) = reader.inner(environment, "require") else { return Demands::default() };
    reader.check(&block, &REQUIRE);
    let mut signers = Vec::new();
    for (line, span) in reader.texts(&block, "signers") {
        match PublicKey::of_line(line) {
            Ok(key) => signers.push(key),
            Err(why) => {
                let hint = "write the line of its .pub file: ssh-ed25519 AAAA... NAME";
                reader.report(Draft::error(span, format!("this is not the public key of a signer: {why}")).hint(hint));
            }
        }
    }
    let branch = reader.text(&block, "branch").and_then(|(branch, span)| {
        if branch.is_empty() {
            reader.report(Draft::error(span, "a branch has a name"));
        }
        (!branch.is_empty()).then(|| branch.to_owned())
    });
    let [signed_plan, signed_commit, clean] =
        ["signed_plan", "signed_commit", "clean"].map(|word| reader.flag(&block, word));
    if (signed_plan || signed_commit) && !block.map.contains_key("signers") && reader.is_sound(&block) {
        let draft = Draft::error(block.span, "signatures are demanded, and nobody may sign");
        reader.report(draft.hint("add signers = [\"ssh-ed25519 AAAA... NAME\"]"));
    }
    Demands { signed_plan, signed_commit, clean, branch, signers }
}
