//! What those who run the server ask it: whether it lives, whether it can serve, and what it counted.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use metrics::{counter, gauge};

use crate::http::error::{Failure, Result};
use crate::http::metrics::{
    CACHE_HITS, CACHE_MISSES, Metrics, OBJECTS, REFS, REPLICA_FAILURES, REPLICA_LAG,
};
use crate::http::metrics::{maintenance, mirrors};
use crate::http::openapi::{self, Problems};
use crate::http::state::App;
use crate::remote::MirrorStatus;
use crate::store::{self, Revision, Store};

/// The form of Prometheus' text.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Says that the process answers
#[utoipa::path(get, operation_id = "is_alive", path = "/healthz", tag = "operation", security(()),
    responses((status = 200, description = "It does", body = String, content_type = "text/plain"), Problems))]
pub(in crate::http) async fn healthz() -> &'static str {
    "ok"
}

/// Says whether the store can be read, and new requests are taken
#[utoipa::path(get, operation_id = "is_ready", path = "/readyz", tag = "operation", security(()),
    responses((status = 200, description = "They are", body = String, content_type = "text/plain"), Problems))]
pub(in crate::http) async fn readyz(State(app): State<App>) -> Result<&'static str> {
    if app.closing.is_cancelled() {
        let detail = "the server is stopping";
        return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, detail));
    }
    // Not in its turn: a server that is busy is ready.
    match app.at_once(|store| store.snapshot(&Revision::default())) {
        Ok(_) | Err(store::Error::NoCommit(_)) => Ok("ok"),
        Err(error) => {
            tracing::error!(%error, "the store cannot be read");
            let detail = "the store cannot be read; the log tells more";
            Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, detail))
        }
    }
}

/// Tells what was counted, as Prometheus' text
#[utoipa::path(get, operation_id = "get_metrics", path = "/metrics", tag = "operation",
    responses((status = 200, description = "Counts", body = String, content_type = "text/plain"), Problems))]
pub(in crate::http) async fn metrics(
    State(app): State<App>,
    State(metrics): State<Metrics>,
) -> Result<Response> {
    let statistics = app.statistics().await?;
    gauge!(OBJECTS, "kind" => "loose").set(statistics.loose_objects as f64);
    gauge!(OBJECTS, "kind" => "packed").set(statistics.packed_objects as f64);
    gauge!(REFS).set(statistics.refs as f64);
    let [modules, trees] = app.at_once(Store::cache_uses);
    let (hits, misses) = app.forms.hits_and_misses();
    for (cache, hits, misses) in [
        ("modules", modules.hits, modules.misses),
        ("trees", trees.hits, trees.misses),
        ("compressed", hits, misses),
    ] {
        counter!(CACHE_HITS, "cache" => cache).absolute(hits);
        counter!(CACHE_MISSES, "cache" => cache).absolute(misses);
    }
    if let Some(status) = app.replica.as_ref().map(|replica| replica.status()) {
        gauge!(REPLICA_LAG).set(status.lag.as_secs_f64());
        gauge!(REPLICA_FAILURES).set(f64::from(status.failures));
    }
    let chores = app.run(|store| Ok(store.maintenance_state())).await?;
    let text = metrics.render() + &mirrors::render(&statuses(&app).await?);
    let text = text + &maintenance::render(&chores);
    Ok(([(CONTENT_TYPE, TEXT)], text).into_response())
}

/// How the mirrors stand; nothing where that cannot be told, as the counts matter more.
async fn statuses(app: &App) -> Result<Vec<MirrorStatus>> {
    let Some(mirrors) = app.mirrors.clone() else {
        return Ok(Vec::new());
    };
    let told = app.run(move |_| Ok(mirrors.statuses())).await?;
    Ok(told.unwrap_or_else(|error| {
        tracing::warn!(error = store::chain(&error), "no word of the mirrors");
        Vec::new()
    }))
}

/// Describes the API, as this does
#[utoipa::path(get, operation_id = "get_description", path = "/api/v1/openapi.json", tag = "operation",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json"), Problems))]
pub(in crate::http) async fn openapi(State(app): State<App>) -> Response {
    let text = openapi::text(app.is_private);
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}
