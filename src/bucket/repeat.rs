//! Repeats failed requests that are idempotent, which are all requests except the swap of the manifest.

use std::time::Duration;

use super::packs::TransferError;
use super::request_failure::RequestFailure;

/// The maximum number of attempts of a request.
const ATTEMPTS: u32 = 4;
/// The pause before the second attempt of a request. It doubles with each further attempt.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a request may go without a response before it fails and is made again. An object store that works, but is slow, responds
/// earlier.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(5);

/// An error type that says whether another attempt may succeed.
pub(super) trait Transient: From<RequestFailure> {
    /// Returns whether another attempt may succeed.
    fn is_transient(&self) -> bool;
}

impl Transient for RequestFailure {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }
}

impl Transient for TransferError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Request(failure) if failure.is_transient())
    }
}

impl From<RequestFailure> for TransferError {
    fn from(failure: RequestFailure) -> Self {
        Self::Request(failure)
    }
}

/// Makes a request until it succeeds, fails for good, or has failed too often.
pub(super) async fn repeated<T, E: Transient, F: Future<Output = Result<T, E>>>(
    mut request: impl FnMut() -> F,
) -> Result<T, E> {
    let mut pause = PAUSE;
    for _ in 1..ATTEMPTS {
        match request().await {
            Err(error) if error.is_transient() => tokio::time::sleep(pause).await,
            result => return result,
        }
        pause *= 2;
    }
    request().await
}

/// Runs one step of a request. Fails if the bucket does not respond within `SILENCE_MAX`.
pub(super) async fn unless_silent<T, E: Transient>(
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let silent = || RequestFailure::Unknown("the bucket does not respond".to_owned()).into();
    let step = tokio::time::timeout(SILENCE_MAX, step).await;
    step.unwrap_or_else(|_| Err(silent()))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn only_transient_failures_are_repeated() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().build().unwrap();
        let unknown = || RequestFailure::Unknown("reset".to_owned());
        for (failures, expected, calls) in [
            (vec![], Ok(()), 1),
            (vec![unknown(), unknown()], Ok(()), 3),
            (vec![unknown(); 9], Err(unknown()), 4),
            (
                vec![RequestFailure::NotFound],
                Err(RequestFailure::NotFound),
                1,
            ),
        ] {
            let made = Cell::new(0);
            let result = runtime.block_on(repeated(|| {
                let at = made.replace(made.get() + 1);
                let result = failures.get(at).cloned().map_or(Ok(()), Err);
                async { result }
            }));
            assert_eq!((result, made.get()), (expected, calls));
        }
    }
}
