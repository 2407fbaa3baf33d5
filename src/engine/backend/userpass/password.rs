//! Passwords as bcrypt hashes: made and compared on threads of their own, a few at a time.

use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use bcrypt::HashParts;
use tokio::sync::Semaphore;

use crate::engine::wire::error::Error;
use crate::secret::Secret;

/// What a hash costs: 2 to the power of it rounds. Go's `bcrypt.DefaultCost`, which Vault and OpenBao use.
const COST: u32 = 10;

/// What a hash that somebody made may cost; another doubling doubles the time of each login, and 14 takes a second.
const COST_MAX: u32 = 14;

/// bcrypt reads no further.
const BYTES_MAX: usize = 72;

/// A hash that nobody has a password for: what an unknown name is checked against.
static NOBODY: LazyLock<Option<Secret>> =
    LazyLock::new(|| crate::engine::kernel::random::uuid().ok().and_then(|text| hashed(&text).ok()));

/// The threads that hash.
pub(super) struct Hashing(Arc<Semaphore>);

impl Hashing {
    /// As many at a time as there are processors.
    pub(super) fn new() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self(Arc::new(Semaphore::new(threads)))
    }

    /// The hash of a password.
    ///
    /// # Errors
    /// A password that bcrypt does not read to its end.
    pub(super) async fn hash(&self, password: Secret) -> Result<Secret, Error> {
        if password.expose().len() > BYTES_MAX {
            return Err(Error::Invalid(format!("a password has at most {BYTES_MAX} bytes: bcrypt reads no further")));
        }
        self.run(move || hashed(password.expose())).await?
    }

    /// Whether a password is the one of a hash; of no hash it is not, after the same work.
    ///
    /// # Errors
    /// If the engine is at its end.
    pub(super) async fn is_of(&self, password: Secret, hash: Option<Secret>) -> Result<bool, Error> {
        self.run(move || {
            let known = hash.is_some() && password.expose().len() <= BYTES_MAX;
            let hash = hash.or_else(|| NOBODY.clone()).unwrap_or_else(|| Secret::new(""));
            // A hash that can't be read is nobody's.
            bcrypt::verify(password.expose(), hash.expose()).unwrap_or(false) && known
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let failed = |what: String| Error::Internal(format!("a password can't be hashed: {what}"));
        let turn = self.0.clone().acquire_owned().await.map_err(|error| failed(error.to_string()))?;
        let task = tokio::task::spawn_blocking(move || {
            // Held until the work is done, whether or not somebody still waits for it.
            let _turn = turn;
            work()
        });
        task.await.map_err(|error| failed(error.to_string()))
    }
}

/// A hash that somebody made elsewhere.
///
/// # Errors
/// What is no bcrypt hash, and one that takes too long.
pub(super) fn made_elsewhere(hash: String) -> Result<Secret, Error> {
    let invalid = |what: &str| Error::Invalid(format!("password_hash is not taken: {what}"));
    let parts = HashParts::from_str(&hash).map_err(|_| invalid("it is not a bcrypt hash"))?;
    if parts.get_cost() > COST_MAX {
        return Err(invalid(&format!("its cost is {}, and may be {COST_MAX} at most", parts.get_cost())));
    }
    Ok(Secret::new(hash))
}

fn hashed(password: &str) -> Result<Secret, Error> {
    let made = bcrypt::hash(password, COST);
    made.map(Secret::new).map_err(|error| Error::Internal(format!("a password can't be hashed: {error}")))
}
