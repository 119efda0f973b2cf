//! The names and descriptions of the metrics. In the comments, "by `method`" means that `method` is a label.

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// The responses sent, by `method`, `route` and `status`.
pub(super) const REQUESTS: &str = "wasmstore_requests_total";
/// The number of requests in progress.
pub(super) const REQUESTS_IN_FLIGHT: &str = "wasmstore_requests_in_flight";
/// The time from receiving the head of a request until its response begins, by `route`.
pub(super) const REQUEST_DURATION: &str = "wasmstore_request_duration_seconds";
/// The bytes received on all connections. If a connection uses TLS, its encrypted bytes are counted.
pub(in crate::http) const BYTES_RECEIVED: &str = "wasmstore_bytes_received_total";
/// The bytes sent on all connections. If a connection uses TLS, its encrypted bytes are counted.
pub(in crate::http) const BYTES_SENT: &str = "wasmstore_bytes_sent_total";
/// The connections that were refused because of the connection limit.
pub(in crate::http) const CONNECTIONS_REFUSED: &str = "wasmstore_connections_refused_total";
/// The number of open connections.
pub(in crate::http) const CONNECTIONS: &str = "wasmstore_connections";
/// The number of open WebSockets.
pub(in crate::http) const SOCKETS: &str = "wasmstore_sockets";
/// The log lines that were dropped because standard error was not read.
pub(in crate::http) const LOG_LINES_DROPPED: &str = "wasmstore_log_lines_dropped_total";
/// The commits made through this server.
pub(in crate::http) const COMMITS: &str = "wasmstore_commits_total";
/// The requests that wait for a permit to use the store, or for memory.
pub(in crate::http) const QUEUE_DEPTH: &str = "wasmstore_queue_depth";
/// The memory that is charged to the memory budget, in bytes.
pub(in crate::http) const MEMORY_USED: &str = "wasmstore_memory_used_bytes";
/// The size of the memory budget, in bytes.
pub(in crate::http) const MEMORY_LIMIT: &str = "wasmstore_memory_limit_bytes";
/// The requests that wait for memory.
pub(in crate::http) const MEMORY_WAITING: &str = "wasmstore_memory_waiting";
/// The number of reads that were served from a cache. The label `cache` names the cache.
pub(in crate::http) const CACHE_HITS: &str = "wasmstore_cache_hits_total";
/// The reads that a cache could not serve, by `cache`.
pub(in crate::http) const CACHE_MISSES: &str = "wasmstore_cache_misses_total";
/// The running git processes that serve fetches and pushes.
pub(in crate::http) const GIT_SERVICES: &str = "wasmstore_git_services";
/// The requests served by git, by `service` and `outcome`.
pub(in crate::http) const GIT_REQUESTS: &str = "wasmstore_git_requests_total";
/// The objects in the repository, by `kind`: loose or packed.
pub(in crate::http) const OBJECTS: &str = "wasmstore_objects";
/// The number of branches in the repository.
pub(in crate::http) const REFS: &str = "wasmstore_refs";
/// The time since this replica was last known to be equal to its primary, in seconds.
pub(in crate::http) const REPLICA_LAG: &str = "wasmstore_replica_lag_seconds";
/// The number of failed synchronizations of this replica with its primary since the last success.
pub(in crate::http) const REPLICA_FAILURES: &str = "wasmstore_replica_failures";

/// Registers the description of each metric, which Prometheus shows as its help text.
pub(super) fn describe() {
    describe_counter!(REQUESTS, "Responses sent");
    describe_gauge!(REQUESTS_IN_FLIGHT, "Requests in progress");
    describe_histogram!(
        REQUEST_DURATION,
        "Time from the head of a request to the head of its response"
    );
    describe_counter!(BYTES_RECEIVED, "Bytes received on connections");
    describe_counter!(BYTES_SENT, "Bytes sent on connections");
    describe_counter!(
        CONNECTIONS_REFUSED,
        "Connections rejected at the connection limit"
    );
    describe_gauge!(CONNECTIONS, "Open connections");
    describe_gauge!(SOCKETS, "Open WebSockets");
    describe_counter!(
        LOG_LINES_DROPPED,
        "Log lines dropped because standard error was not read"
    );
    describe_counter!(COMMITS, "Commits made through this server");
    describe_gauge!(
        QUEUE_DEPTH,
        "Requests that wait for a permit to use the store, or for memory"
    );
    describe_gauge!(MEMORY_USED, "Memory held for clients");
    describe_gauge!(MEMORY_LIMIT, "Limit on the memory held for clients");
    describe_gauge!(MEMORY_WAITING, "Requests that wait for memory");
    describe_counter!(CACHE_HITS, "Reads served from a cache");
    describe_counter!(CACHE_MISSES, "Reads not served from a cache");
    describe_gauge!(GIT_SERVICES, "Running git processes");
    describe_counter!(GIT_REQUESTS, "Requests served by git");
    describe_gauge!(OBJECTS, "Objects in the repository");
    describe_gauge!(REFS, "Branches in the repository");
    describe_gauge!(
        REPLICA_LAG,
        "Time since this replica was last known to be equal to its primary"
    );
    describe_gauge!(
        REPLICA_FAILURES,
        "Failed synchronizations of this replica since the last success"
    );
}

#[cfg(test)]
mod tests {
    use metrics::{counter, gauge, histogram};
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn every_metric_has_a_description() {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            describe();
            for name in [REQUESTS, BYTES_RECEIVED, BYTES_SENT, COMMITS, GIT_REQUESTS] {
                counter!(name).increment(1);
            }
            for name in [CACHE_HITS, CACHE_MISSES] {
                counter!(name, "cache" => "trees").increment(1);
            }
            for name in [
                REQUESTS_IN_FLIGHT,
                CONNECTIONS,
                SOCKETS,
                QUEUE_DEPTH,
                REFS,
                GIT_SERVICES,
                MEMORY_USED,
                MEMORY_LIMIT,
                MEMORY_WAITING,
            ] {
                gauge!(name).set(1);
            }
            gauge!(OBJECTS, "kind" => "pack").set(1);
            histogram!(REQUEST_DURATION, "route" => "/").record(1);
        });
        let text = recorder.handle().render();
        let named = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(
            (named("# HELP wasmstore_"), named("# TYPE wasmstore_")),
            (18, 18),
            "{text}"
        );
        assert!(
            text.contains("# HELP wasmstore_bytes_received_total Bytes received on connections\n")
        );
        assert!(text.contains("wasmstore_objects{kind=\"pack\"} 1\n"));
    }
}
