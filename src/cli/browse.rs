//! A person's browser.

use std::process::{Command, Stdio};

/// Opens an address in it; answers whether that could be begun.
pub(crate) fn open(url: &str) -> bool {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(opener);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.spawn() {
        Ok(mut child) => {
            // It may live as long as the browser does; nobody waits for it, but it must not stay behind as a zombie.
            std::thread::spawn(move || drop(child.wait()));
            true
        }
        Err(_) => false,
    }
}
