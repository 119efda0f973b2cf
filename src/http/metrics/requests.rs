//! Records metrics about requests.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, histogram};

use super::names::{REQUEST_DURATION, REQUESTS, REQUESTS_IN_FLIGHT};
use super::recorder::{GaugeGuard, Metrics};

/// Where [`record_route`] stores the route of a request for [`count_requests`]. [`count_requests`] itself does not know the route: it is a
/// layer outside of the router, so that it counts all responses.
#[derive(Clone, Default)]
struct RouteSlot(Arc<OnceLock<MatchedPath>>);

/// Records a request and its response in the metrics. Each label has a fixed set of values, so that clients cannot create time series.
pub(in crate::http) async fn count_requests(
    State(metrics): State<Metrics>,
    mut request: Request,
    next: Next,
) -> Response {
    let start = Instant::now();
    let method = method_label(request.method());
    let slot = RouteSlot::default();
    request.extensions_mut().insert(slot.clone());
    let in_flight = GaugeGuard::increment(REQUESTS_IN_FLIGHT);
    let response = next.run(request).await;
    drop(in_flight);
    let route = slot.0.get().map_or("unmatched", MatchedPath::as_str);
    let (route, status) = (route.to_owned(), response.status().as_str().to_owned());
    histogram!(REQUEST_DURATION, "route" => route.clone()).record(start.elapsed());
    counter!(REQUESTS, "method" => method, "route" => route, "status" => status).increment(1);
    metrics.upkeep();
    response
}

/// Stores the route of a request for [`count_requests`]. This must be a layer of the router that has the routes.
pub(in crate::http) async fn record_route(request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    if let (Some(slot), Some(path)) = (
        extensions.get::<RouteSlot>(),
        extensions.get::<MatchedPath>(),
    ) {
        // If a route is already stored, it is kept: the outermost router has stored it, and only that router knows the whole path.
        let _ = slot.0.set(path.clone());
    }
    next.run(request).await
}

fn method_label(method: &Method) -> &'static str {
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

#[cfg(test)]
mod tests;
