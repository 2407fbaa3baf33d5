//! Which process holds a lock, so that one that is gone keeps nobody on its machine waiting.
//!
//! A number alone names no process: numbers are used again, after a restart and in each container. So it goes with the
//! machine's boot, the namespace of numbers and the moment the process began. Where any of these can't be had, nothing is
//! said and nothing concluded. Source: proc(5), `random/boot_id`, `ns/pid`, `[pid]/stat`.

use std::{fs, io};

/// This process; `None` where the machine does not tell.
pub(super) fn here() -> Option<String> {
    let pid = std::process::id().to_string();
    Some(format!("{}/{pid}/{}", machine()?, began(&pid).ok()??))
}

/// Whether a process that [`here`] named on this machine runs no more. Of others nothing is known.
pub(super) fn is_gone(process: &str) -> bool {
    let Some((pid, beginning)) = machine()
        .and_then(|machine| process.strip_prefix(&machine))
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    // It goes into a path.
    let is_number = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
    // What can't be read is no proof.
    is_number && began(pid).is_ok_and(|began| began.as_deref() != Some(beginning))
}

/// The boot of the machine, and the namespace of process numbers in it.
fn machine() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let numbers = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{}/{}", boot.trim(), numbers.to_str()?))
}

/// When a process began, in ticks since the boot; `None` if there is none, or it has ended and only its parent has not
/// looked.
fn began(pid: &str) -> io::Result<Option<String>> {
    let stat = match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        stat => stat?,
    };
    // The name of the program is in parentheses and may hold anything; the state comes after it.
    let mut fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let state = fields.next().ok_or(io::ErrorKind::InvalidData)?;
    if matches!(state, "Z" | "X") {
        return Ok(None);
    }
    Ok(Some(fields.nth(18).ok_or(io::ErrorKind::InvalidData)?.to_owned()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{here, is_gone};

    #[test]
    fn a_process_is_gone_when_it_has_ended_and_of_others_nothing_is_known() {
        let here = here().expect("linux tells");
        assert!(!is_gone(&here));
        let (machine, began) = here.rsplit_once('/').expect("a beginning");
        let machine = machine.rsplit_once('/').expect("a number").0;
        let mut child = std::process::Command::new("true").spawn().expect("it runs");
        child.wait().expect("it ends");
        assert!(is_gone(&format!("{machine}/{}/{began}", child.id())));
        assert!(is_gone(&format!("{machine}/{}/1", std::process::id())), "another process with this number");
        for unknown in ["", "elsewhere/pid:[1]/1/1", &format!("{machine}/../1/1"), &format!("{machine}/1"), machine] {
            assert!(!is_gone(unknown), "{unknown}");
        }
    }
}
