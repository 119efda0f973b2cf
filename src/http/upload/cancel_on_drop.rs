//! Ends the validation of an upload whose client has disconnected.

use crate::store::Cancellation;

/// Cancels a validation when it is dropped. The future that handles a request is dropped when the client disconnects, but the work that
/// it has started on a blocking thread continues.
pub(in crate::http) struct CancelOnDrop(pub Cancellation);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
