//! What the server counts, for Prometheus to fetch.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use metrics::{
    Gauge, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Requests answered, by `method`, `route` and `status`.
const REQUESTS: &str = "wasmstore_requests_total";
/// Requests that are not answered yet.
const REQUESTS_IN_FLIGHT: &str = "wasmstore_requests_in_flight";
/// From a request's head to the head of its answer, by `route`.
const REQUEST_DURATION: &str = "wasmstore_request_duration_seconds";
/// Bytes that came over connections, below TLS.
pub(in crate::http) const BYTES_RECEIVED: &str = "wasmstore_bytes_received_total";
/// Bytes that went over connections, below TLS.
pub(in crate::http) const BYTES_SENT: &str = "wasmstore_bytes_sent_total";
/// Connections turned away for want of a place.
pub(in crate::http) const CONNECTIONS_REFUSED: &str = "wasmstore_connections_refused_total";
/// Open connections.
pub(in crate::http) const CONNECTIONS: &str = "wasmstore_connections";
/// Open WebSockets.
pub(in crate::http) const SOCKETS: &str = "wasmstore_sockets";
/// Commits made through this server.
pub(in crate::http) const COMMITS: &str = "wasmstore_commits_total";
/// Requests that wait for their turn to work on the store.
pub(in crate::http) const QUEUE_DEPTH: &str = "wasmstore_queue_depth";
/// Reads that a `cache` answered.
pub(in crate::http) const CACHE_HITS: &str = "wasmstore_cache_hits_total";
/// Reads that a `cache` could not answer.
pub(in crate::http) const CACHE_MISSES: &str = "wasmstore_cache_misses_total";
/// Gits that serve fetches and pushes.
pub(in crate::http) const GIT_SERVICES: &str = "wasmstore_git_services";
/// Requests that git served, by `service` and `outcome`.
pub(in crate::http) const GIT_REQUESTS: &str = "wasmstore_git_requests_total";
/// Objects in the repository, by `kind`.
pub(in crate::http) const OBJECTS: &str = "wasmstore_objects";
/// Refs in the repository.
pub(in crate::http) const REFS: &str = "wasmstore_refs";

/// For how long this replica is not known to be equal to its primary, in seconds.
pub(in crate::http) const REPLICA_LAG: &str = "wasmstore_replica_lag_seconds";
/// How often this replica failed to follow its primary since it succeeded.
pub(in crate::http) const REPLICA_FAILURES: &str = "wasmstore_replica_failures";

/// The bounds between which durations are counted, in seconds.
const DURATION_BUCKETS_S: [f64; 14] = [
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// After how many requests the samples of histograms are counted, if nobody fetches them: until then each takes up memory.
const UPKEEP_REQUESTS: u64 = 4096;

/// The counts of this process. All servers in it share them.
#[derive(Clone)]
pub(in crate::http) struct Metrics {
    handle: PrometheusHandle,
    requests: Arc<AtomicU64>,
}

impl Metrics {
    /// Begins to count, the first time. A program that has installed its own recorder before gets the counts there instead.
    pub fn install() -> Self {
        static INSTALLED: OnceLock<Metrics> = OnceLock::new();
        INSTALLED.get_or_init(Self::begin).clone()
    }

    fn begin() -> Self {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&DURATION_BUCKETS_S)
            .expect("BUG: there are buckets")
            .build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::debug!("metrics go to a recorder that was there before");
        }
        describe();
        Self {
            handle,
            requests: Arc::default(),
        }
    }

    /// All counts in Prometheus' text form.
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }

    fn keep_up(&self) {
        let request = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        if request.is_multiple_of(UPKEEP_REQUESTS) {
            self.handle.run_upkeep();
        }
    }
}

fn describe() {
    describe_counter!(REQUESTS, "Requests answered");
    describe_gauge!(REQUESTS_IN_FLIGHT, "Requests that are not answered yet");
    describe_histogram!(REQUEST_DURATION, "Time to the head of the answer");
    describe_counter!(BYTES_RECEIVED, "Bytes of request bodies");
    describe_counter!(BYTES_SENT, "Bytes of response bodies");
    describe_counter!(CONNECTIONS_REFUSED, "Connections turned away");
    describe_gauge!(CONNECTIONS, "Open connections");
    describe_gauge!(SOCKETS, "Open WebSockets");
    describe_counter!(COMMITS, "Commits made through this server");
    describe_gauge!(QUEUE_DEPTH, "Requests that wait for their turn");
    describe_counter!(CACHE_HITS, "Reads that a cache answered");
    describe_counter!(CACHE_MISSES, "Reads that a cache could not answer");
    describe_gauge!(GIT_SERVICES, "Gits that serve fetches and pushes");
    describe_counter!(GIT_REQUESTS, "Requests that git served");
    describe_gauge!(OBJECTS, "Objects in the repository");
    describe_gauge!(REFS, "Refs in the repository");
    describe_gauge!(
        REPLICA_LAG,
        "Seconds for which this replica is not known to be equal to its primary"
    );
    describe_gauge!(
        REPLICA_FAILURES,
        "Failures to follow the primary since it succeeded"
    );
}

/// Where [`note_route`] leaves the route for [`count`], who stands before routing so as to see all answers.
#[derive(Clone, Default)]
struct Route(Arc<OnceLock<MatchedPath>>);

/// Counts a request and its answer. Every label has few values, whatever is asked for.
pub(in crate::http) async fn count(
    State(metrics): State<Metrics>,
    mut request: Request,
    next: Next,
) -> Response {
    let start = Instant::now();
    let method = label(request.method());
    let route = Route::default();
    request.extensions_mut().insert(route.clone());
    let in_flight = Counted::one_of(REQUESTS_IN_FLIGHT);
    let response = next.run(request).await;
    drop(in_flight);
    let route = route.0.get().map_or("unmatched", MatchedPath::as_str);
    let (route, status) = (route.to_owned(), response.status().as_str().to_owned());
    histogram!(REQUEST_DURATION, "route" => route.clone()).record(start.elapsed());
    counter!(REQUESTS, "method" => method, "route" => route, "status" => status).increment(1);
    metrics.keep_up();
    response
}

/// Tells [`count`] which route a request takes; a layer of the router that has the routes.
pub(in crate::http) async fn note_route(request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    if let (Some(route), Some(path)) = (extensions.get::<Route>(), extensions.get::<MatchedPath>())
    {
        // Once set it stays: the outermost router is the one that knows the whole path.
        let _ = route.0.set(path.clone());
    }
    next.run(request).await
}

fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        _ => "other",
    }
}

/// One of the things that a gauge counts. It ends with the value, however that comes about: a client may leave first.
pub(in crate::http) struct Counted(Gauge);

impl Counted {
    /// One more of what the gauge of that name counts.
    pub fn one_of(name: &'static str) -> Self {
        let gauge = gauge!(name);
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::{any, get};
    use axum::{Router, middleware};
    use tower::ServiceExt;

    use super::*;
    use crate::http::middleware::normalize_path;

    /// All tests of the process share the counts, so each has routes of its own.
    fn app(routes: Router) -> Router {
        let counted = middleware::from_fn_with_state(Metrics::install(), count);
        normalize_path::wrap(routes.layer(middleware::from_fn(note_route))).layer(counted)
    }

    async fn ask(app: &Router, method: &str, path: &str) {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap();
    }

    /// The value of a line of the text form.
    fn value(line: &str) -> Option<String> {
        let text = Metrics::install().render();
        let found = text.lines().find_map(|found| found.strip_prefix(line));
        found.map(|value| value.trim().to_owned())
    }

    fn requests(method: &str, route: &str, status: u16) -> Option<String> {
        value(&format!(
            r#"wasmstore_requests_total{{method="{method}",route="{route}",status="{status}"}}"#
        ))
    }

    #[tokio::test]
    async fn requests_are_counted_by_method_route_and_status() {
        let routes = Router::new().route("/counted/{*path}", get(|| async {}));
        let app = app(routes);
        ask(&app, "GET", "/counted/a").await;
        ask(&app, "GET", "//counted/b/c/?x").await;
        ask(&app, "POST", "/counted/a").await;
        let route = "/counted/{*path}";
        assert_eq!(requests("GET", route, 200).as_deref(), Some("2"));
        assert_eq!(requests("POST", route, 405).as_deref(), Some("1"));
        assert_eq!(requests("PUT", route, 405), None);
        let duration = format!("wasmstore_request_duration_seconds_count{{route=\"{route}\"}}");
        assert_eq!(value(&duration).as_deref(), Some("3"));
        let bucket = "wasmstore_request_duration_seconds_bucket";
        let bucket = format!("{bucket}{{route=\"{route}\",le=\"30\"}}");
        assert_eq!(value(&bucket).as_deref(), Some("3"));
    }

    #[tokio::test]
    async fn whatever_is_asked_for_labels_stay_few() {
        let app = app(Router::new().route("/labels", any(|| async {})));
        for number in 0..10 {
            ask(&app, &format!("METHOD{number}"), "/labels").await;
            ask(&app, "PATCH", &format!("/no-such-route/{number}")).await;
        }
        ask(&app, "PATCH", "/%zz").await;
        assert_eq!(requests("other", "/labels", 200).as_deref(), Some("10"));
        assert_eq!(requests("PATCH", "unmatched", 404).as_deref(), Some("10"));
        assert_eq!(requests("PATCH", "unmatched", 400).as_deref(), Some("1"));
        let text = Metrics::install().render();
        assert!(
            !text.contains("METHOD") && !text.contains("no-such"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn nested_routes_are_counted_whole() {
        let note = || middleware::from_fn(note_route);
        let nested = Router::new().route("/deep", get(|| async {}));
        let app = app(Router::new().nest("/nested", nested.layer(note())));
        ask(&app, "GET", "/nested/deep").await;
        assert_eq!(requests("GET", "/nested/deep", 200).as_deref(), Some("1"));
    }

    #[tokio::test]
    async fn a_request_whose_client_leaves_is_no_longer_in_flight() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let _guard = metrics::set_default_local_recorder(&recorder);
        let in_flight = || {
            let text = recorder.handle().render();
            let value = |line: &str| Some(line.strip_prefix(REQUESTS_IN_FLIGHT)?.trim().to_owned());
            text.lines().find_map(value)
        };
        let app = app(Router::new().route("/waits", get(std::future::pending::<()>)));
        let mut request = Box::pin(ask(&app, "GET", "/waits"));
        assert!(futures_util::poll!(request.as_mut()).is_pending());
        assert_eq!(in_flight().as_deref(), Some("1"));
        drop(request);
        assert_eq!(in_flight().as_deref(), Some("0"));
        assert!(!recorder.handle().render().contains(REQUESTS));
    }

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
            (15, 15),
            "{text}"
        );
        assert!(text.contains("# HELP wasmstore_bytes_received_total Bytes of request bodies\n"));
        assert!(text.contains("wasmstore_objects{kind=\"pack\"} 1\n"));
    }
}
