use axum::body::Body;
use axum::routing::{any, get};
use axum::{Router, middleware};
use metrics_exporter_prometheus::PrometheusBuilder;
use tower::ServiceExt;

use super::*;
use crate::http::base_path::BasePath;
use crate::http::middleware::normalize_path;

/// Returns a router that counts its requests. All tests share the metrics of the process, so each test uses its own routes.
fn app(routes: Router) -> Router {
    let counted = middleware::from_fn_with_state(Metrics::install(), count_requests);
    let routes = routes.layer(middleware::from_fn(record_route));
    normalize_path::with_normalized_paths(routes, BasePath::default()).layer(counted)
}

async fn send(app: &Router, method: &str, path: &str) {
    let request = Request::builder().method(method).uri(path);
    let request = request.body(Body::empty()).unwrap();
    app.clone().oneshot(request).await.unwrap();
}

/// Returns the value of the metric that begins with `line` in the text format.
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
    send(&app, "GET", "/counted/a").await;
    send(&app, "GET", "//counted/b/c/?x").await;
    send(&app, "POST", "/counted/a").await;
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
async fn clients_cannot_create_label_values() {
    let app = app(Router::new().route("/labels", any(|| async {})));
    for number in 0..10 {
        send(&app, &format!("METHOD{number}"), "/labels").await;
        send(&app, "PATCH", &format!("/no-such-route/{number}")).await;
    }
    send(&app, "PATCH", "/%zz").await;
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
async fn nested_routes_are_counted_by_their_whole_path() {
    let record = || middleware::from_fn(record_route);
    let nested = Router::new().route("/deep", get(|| async {}));
    let app = app(Router::new().nest("/nested", nested.layer(record())));
    send(&app, "GET", "/nested/deep").await;
    assert_eq!(requests("GET", "/nested/deep", 200).as_deref(), Some("1"));
}

#[tokio::test]
async fn an_aborted_request_is_no_longer_in_flight() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let in_flight = || {
        let text = recorder.handle().render();
        let value = |line: &str| Some(line.strip_prefix(REQUESTS_IN_FLIGHT)?.trim().to_owned());
        text.lines().find_map(value)
    };
    let app = app(Router::new().route("/waits", get(std::future::pending::<()>)));
    let mut request = Box::pin(send(&app, "GET", "/waits"));
    assert!(futures_util::poll!(request.as_mut()).is_pending());
    assert_eq!(in_flight().as_deref(), Some("1"));
    drop(request);
    assert_eq!(in_flight().as_deref(), Some("0"));
    assert!(!recorder.handle().render().contains(REQUESTS));
}
