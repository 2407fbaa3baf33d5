//! Who is told news, and how often it is tried.

use std::time::Duration;

use serde_json::Value;

use crate::api::Poster;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::proposal;
use crate::secret::Secret;
use crate::watch::{Form, Memory, Round, news};

/// How often a message is sent that nobody takes.
const ATTEMPTS_MAX: u32 = 3;

/// The pause after the first attempt; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(1);

/// Somebody who is told news.
pub(super) struct Receiver {
    form: Form,
    poster: Poster,
}

impl Receiver {
    /// By an address, or by where one is kept.
    ///
    /// # Errors
    /// It is none, or is not there.
    pub(super) fn new(form: Form, url: &str) -> Result<Self, CliError> {
        let failed = |why: String| {
            CliError::new(1, format!("the receiver of news in the form {} can't be used: {why}", form.name()))
        };
        let url = match url.starts_with("secret:") {
            true => proposal::own_secret(url).map_err(failed)?,
            false => Secret::new(url),
        };
        Ok(Self { form, poster: Poster::new(url).map_err(|error| failed(error.to_string()))? })
    }

    /// The same, which asks who sends the news: by a token that is kept somewhere.
    ///
    /// # Errors
    /// It is not there, or stands on the command line.
    pub(super) fn with_token(self, kept: &str) -> Result<Self, CliError> {
        let name = self.form.name();
        let failed =
            |why: String| CliError::new(1, format!("the token for news in the form {name} can't be used: {why}"));
        if !kept.starts_with("secret:") {
            return Err(failed("it is a secret, and everybody sees a command line".to_owned())
                .hint("say where it is kept: secret:env:NAME or secret:file:PATH"));
        }
        let token = proposal::own_secret(kept).map_err(failed)?;
        Ok(Self { poster: self.poster.with_token(token), ..self })
    }

    async fn send(&self, message: &Value) -> bool {
        let mut attempt = 1;
        loop {
            let Err(error) = self.poster.post(message).await else { return true };
            if attempt == ATTEMPTS_MAX {
                output::say(&format!("warning: news could not be delivered: {}", output::one_line(&error.to_string())));
                return false;
            }
            tokio::time::sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
            attempt += 1;
        }
    }
}

/// Tells each receiver what is news to it. What it took is part of the state then. Answers how many took not all.
pub(super) async fn deliver(receivers: &[Receiver], state: &mut Memory, round: &Round) -> u64 {
    let mut undelivered = 0;
    for receiver in receivers {
        let name = receiver.form.name();
        let known = state.told.get(name).cloned().unwrap_or_default();
        let (news, after) = news(&known, round);
        let mut is_delivered = true;
        for one in &news {
            let message = receiver.form.message(&state.environment, &state.source, round, one);
            is_delivered &= receiver.send(&message).await;
        }
        match is_delivered {
            true => drop(state.told.insert(name.to_owned(), after)),
            false => undelivered += 1,
        }
    }
    undelivered
}
