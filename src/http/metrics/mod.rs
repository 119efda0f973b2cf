//! Metrics in Prometheus' text format.

mod bucket;
mod maintenance;
mod mirrors;
mod names;
mod recorder;
mod requests;

pub(super) use bucket::{BucketState, bucket_metrics};
pub(super) use maintenance::maintenance_metrics;
pub(super) use mirrors::mirror_metrics;
pub(super) use names::{
    BYTES_RECEIVED, BYTES_SENT, CACHE_HITS, CACHE_MISSES, COMMITS, CONNECTIONS,
    CONNECTIONS_REFUSED, GIT_REQUESTS, GIT_SERVICES, LOG_LINES_DROPPED, MEMORY_LIMIT, MEMORY_USED,
    MEMORY_WAITING, OBJECTS, QUEUE_DEPTH, REFS, REPLICA_FAILURES, REPLICA_LAG, SOCKETS,
};
pub(super) use recorder::{GaugeGuard, Metrics};
pub(super) use requests::{count_requests, record_route};
