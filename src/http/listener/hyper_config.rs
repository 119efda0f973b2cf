//! The configuration of hyper: the limits on one HTTP connection.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hyper::rt::Executor;
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto;
use tokio_util::task::TaskTracker;

use super::connection_state::ConnectionState;
use super::header_timer::HeaderTimer;
use crate::config::ServerLimits;

/// The largest head of an HTTP/1 request, and the size of the buffers for bodies, in bytes.
const BUFFER_BYTES_MAX: usize = 64 << 10;

/// The largest header list of an HTTP/2 request (RFC 9113, section 6.5.2), in bytes.
const HEADER_LIST_BYTES_MAX: u32 = 64 << 10;

/// How many requests may be open on one HTTP/2 connection at the same time.
const STREAMS_MAX: u32 = 100;

/// How many streams that the server has not accepted yet a client may reset.
const PENDING_RESETS_MAX: usize = 20;

/// How many streams the server resets because of a client's protocol errors before it closes the connection.
const ERROR_RESETS_MAX: usize = 100;

/// How long a client may take to answer an HTTP/2 ping. On a slow connection, the ping is sent after the data that is queued before it.
const PING_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs the tasks that hyper starts for the requests of an HTTP/2 connection. A shutdown waits for these tasks.
#[derive(Clone)]
pub(super) struct TrackedExecutor(pub TaskTracker);

impl<F> Executor<F> for TrackedExecutor
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

/// Returns hyper's configuration for one connection.
pub(super) fn builder(
    executor: TrackedExecutor,
    limits: &ServerLimits,
    state: &Arc<ConnectionState>,
) -> auto::Builder<TrackedExecutor> {
    let mut builder = auto::Builder::new(executor);
    builder
        .http1()
        .timer(HeaderTimer {
            state: Arc::clone(state),
        })
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(BUFFER_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .max_send_buf_size(BUFFER_BYTES_MAX)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(ERROR_RESETS_MAX)
        .keep_alive_interval(limits.idle_timeout / 2)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}
