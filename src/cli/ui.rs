//! `leasehold ui`: the page of the engine that commands by hand go to.

use std::path::PathBuf;

use tokio::net::TcpListener;

use super::context::Context;
use super::error::CliError;
use super::global::Global;
use super::server::stopped;
use super::{browse, output};
use crate::engine::{Engine, Listener};

/// Arguments of `leasehold ui`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The embedded engine is served on loopback for it, until Ctrl-C; a server has the page where its configuration says `ui = true`"
)]
pub(crate) struct Args {
    /// Print the address, and open no browser
    #[arg(long)]
    no_browser: bool,
}

/// Shows the page, and where the engine is in this process, serves it.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_form()?;
    let context = Context::open(global)?;
    let ended = show(&args, &context).await;
    context.close().await;
    ended.map(|()| 0)
}

async fn show(args: &Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    if let Some((data, engine)) = context.embedded_engine().await {
        return serve(args, data, engine).await;
    }
    let address = client.address().split(',').next().unwrap_or_default().trim_end_matches('/');
    if address.starts_with("unix:") {
        return Err(CliError::new(
            1,
            format!("the engine listens on a socket alone ({address}), which no browser reaches"),
        )
        .hint("give the server a listener \"tcp\" on loopback beside it"));
    }
    told(args, address)
}

/// Says where the page is, and opens it.
fn told(args: &Args, address: &str) -> Result<(), CliError> {
    let page = format!("{}/ui/", output::one_line(address));
    output::data(&format!("{page}\n"))?;
    if !args.no_browser && !browse::open(&page) {
        output::say("No browser could be opened: open that address in one.");
    }
    Ok(())
}

/// Serves an engine of this process to this machine. Other commands find it there meanwhile.
async fn serve(args: &Args, data: PathBuf, engine: Engine) -> Result<(), CliError> {
    let failed = |what: &str, error: std::io::Error| CliError::new(1, format!("{what}: {error}"));
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|e| failed("cannot listen on loopback", e))?;
    let local = listener.local_addr().map_err(|e| failed("the listener has no address", e))?;
    let address = format!("http://{local}");
    engine.announce(&address).map_err(|e| failed("cannot write the address into the data directory's lock", e))?;
    // Before anybody reads the address: who does may send a signal at once.
    let stop = stopped()?;
    output::say(&format!(
        "The engine in {} is served until this command ends (Ctrl-C). Its root token is in {}.",
        data.display(),
        data.join("root-token").display()
    ));
    told(args, &address)?;
    engine.serve_all(vec![Listener::Tcp(listener, None)], stop).await;
    Ok(())
}
