//! An exchange: a request and its response.

use std::sync::Arc;
use std::time::Duration;

use super::connection_state::ConnectionState;

/// A request and its response, from the time when the head of the request is received until the last byte of the response is sent. Either
/// it is the turn of the server, which works on the response, or it is the turn of the client, which reads the response. Dropping this
/// value ends the exchange.
#[derive(Debug)]
pub(super) struct Exchange {
    connection: Arc<ConnectionState>,
    /// The number of the exchange. It is unique within the connection.
    id: u64,
}

impl Exchange {
    /// Begins an exchange (a request and its response). It is the server's turn first. If other requests wait for memory, the client may
    /// stop reading the response for at most `stall_max`.
    pub fn begin(connection: &Arc<ConnectionState>, stall_max: Duration) -> Self {
        Self {
            connection: Arc::clone(connection),
            id: connection.begin_exchange(stall_max),
        }
    }

    /// Records that the server starts to work on the next part of the response.
    pub fn begin_part(&self) {
        self.connection
            .update_exchange(self.id, |clock, now| clock.begin_part(now));
    }

    /// Records that the server has finished a part of the response. The part has `bytes` bytes, which must now be sent.
    pub fn end_part(&self, bytes: usize) {
        // The progress is recorded before the client's turn begins. Otherwise the idle timeout would briefly count from an earlier time.
        self.connection.record_progress();
        self.connection
            .update_exchange(self.id, |clock, now| clock.end_part(bytes as u64, now));
    }

    /// Records that this number of bytes was written to the socket.
    pub fn add_sent(&self, bytes: usize) {
        let is_active = self
            .connection
            .update_exchange(self.id, |clock, now| clock.add_sent(bytes as u64, now));
        if is_active {
            self.connection.record_progress();
        }
    }

    /// Records that this number of bytes was dropped without being sent.
    pub fn add_dropped(&self, bytes: usize) {
        self.connection
            .update_exchange(self.id, |clock, now| clock.remove_unsent(bytes as u64, now));
    }

    /// Records that the response holds no part of the memory budget, so that no other request waits for its memory.
    pub fn set_holds_no_memory(&self) {
        self.connection
            .update_exchange(self.id, |clock, _| clock.set_holds_no_memory());
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.connection.end_exchange(self.id);
    }
}
