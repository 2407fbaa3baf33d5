//! Declarations to objects.

use super::{Estate, Problem, Sources};

/// Reads declarations and lowers them for one environment.
///
/// # Errors
/// Everything that is wrong with them.
pub fn load(sources: &Sources, environment: Option<&str>) -> Result<Estate, Vec<Problem>> {
    let _ = (sources, environment);
    Err(vec![Problem::general("the estate's languages are not read yet")])
}
