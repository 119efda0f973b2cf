//! How HTTP is spoken: the limits on what one connection may ask of hyper.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hyper::rt::Executor;
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto;
use tokio_util::task::TaskTracker;

use super::connection_state::Activity;
use super::header_timer::HeadTimer;
use crate::config::ServerLimits;

/// The head of a request, and what is buffered of a body, in bytes.
const BUFFER_BYTES_MAX: usize = 64 << 10;

/// All headers of a request over HTTP/2, as that protocol counts them, in bytes.
const HEADER_LIST_BYTES_MAX: u32 = 64 << 10;

/// Requests at a time on one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;

/// Streams that a client may reset before they were looked at, and that it may make the server reset.
const RESETS_MAX: usize = 20;
const ERROR_RESETS_MAX: usize = 100;

/// How long a client may take to answer a ping. The ping waits behind what is on its way to a slow client already.
const PING_TIMEOUT: Duration = Duration::from_secs(60);

/// Spawns the requests of HTTP/2 connections such that the server waits for them when it stops.
#[derive(Clone)]
pub(in crate::http) struct Spawner(pub(in crate::http) TaskTracker);

impl<F> Executor<F> for Spawner
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

/// Makes ready to speak HTTP on one connection.
pub(in crate::http) fn builder(
    spawner: Spawner,
    limits: &ServerLimits,
    activity: &Arc<Activity>,
) -> auto::Builder<Spawner> {
    let mut builder = auto::Builder::new(spawner);
    builder
        .http1()
        .timer(HeadTimer {
            activity: Arc::clone(activity),
        })
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(BUFFER_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .max_send_buf_size(BUFFER_BYTES_MAX)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_local_error_reset_streams(ERROR_RESETS_MAX)
        .keep_alive_interval(limits.idle_timeout / 2)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}
