//! Stops the validation of an upload when its client disconnects.

use crate::store::Cancellation;

/// Cancels a validation when it is dropped. When the client disconnects, the future that handles the request is dropped, but the validation
/// that it has started on a blocking thread would continue.
pub(in crate::http) struct CancelOnDrop(pub Cancellation);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
