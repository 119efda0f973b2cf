//! Endpoints for operating the server: health, metrics and the OpenAPI document.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use metrics::{counter, gauge};

use crate::http::error::{Failure, Result};
use crate::http::metrics::{
    BucketState, CACHE_HITS, CACHE_MISSES, LOG_LINES_DROPPED, MEMORY_LIMIT, MEMORY_USED,
    MEMORY_WAITING, Metrics, OBJECTS, REFS, REPLICA_FAILURES, REPLICA_LAG, bucket_metrics,
    maintenance_metrics, mirror_metrics,
};
use crate::http::openapi::Problems;
use crate::http::state::App;
use crate::remote::MirrorStatus;
use crate::store::{self, Revision, Store};

/// The media type of Prometheus' text format.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Returns 200 if the process responds
#[utoipa::path(get, operation_id = "is_alive", path = "/healthz", tag = "operation", security(()),
    responses((status = 200, description = "The process responds", body = String, content_type = "text/plain"), Problems))]
pub(in crate::http) async fn healthz() -> &'static str {
    "ok"
}

/// Returns 200 if the store can be read and the server accepts requests
#[utoipa::path(get, operation_id = "is_ready", path = "/readyz", tag = "operation", security(()),
    responses((status = 200, description = "The server is ready", body = String, content_type = "text/plain"), Problems))]
pub(in crate::http) async fn readyz(State(app): State<App>) -> Result<&'static str> {
    if app.draining.is_cancelled() || app.shutdown.is_cancelled() {
        let detail = "the server is stopping";
        return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, detail));
    }
    if app
        .bucket
        .as_ref()
        .is_some_and(|bucket| !bucket.follower.is_complete())
    {
        let detail = "the server has not yet copied the store from the bucket";
        return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, detail));
    }
    // This check needs no permit: a server whose permits are all in use is busy, but ready.
    match app.run_inline(|store| store.snapshot(&Revision::default())) {
        Ok(_) | Err(store::Error::NoCommit(_)) => Ok("ok"),
        Err(error) => {
            tracing::error!(%error, "the store cannot be read");
            let detail = "the store cannot be read; see the server log";
            Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, detail))
        }
    }
}

/// Returns the metrics in Prometheus' text format
#[utoipa::path(get, operation_id = "get_metrics", path = "/metrics", tag = "operation",
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain"), Problems))]
pub(in crate::http) async fn metrics(
    State(app): State<App>,
    State(metrics): State<Metrics>,
) -> Result<Response> {
    let statistics = app.statistics().await?;
    gauge!(OBJECTS, "kind" => "loose").set(statistics.loose_objects as f64);
    gauge!(OBJECTS, "kind" => "packed").set(statistics.packed_objects as f64);
    gauge!(REFS).set(statistics.branches as f64);
    gauge!(MEMORY_USED).set(app.memory.used() as f64);
    gauge!(MEMORY_LIMIT).set(app.memory.capacity() as f64);
    gauge!(MEMORY_WAITING).set(app.memory.waiting() as f64);
    let [modules, trees] = app.run_inline(Store::cache_uses);
    let (hits, misses) = app.encodings.hits_and_misses();
    for (cache, hits, misses) in [
        ("modules", modules.hits, modules.misses),
        ("trees", trees.hits, trees.misses),
        ("compressed", hits, misses),
    ] {
        counter!(CACHE_HITS, "cache" => cache).absolute(hits);
        counter!(CACHE_MISSES, "cache" => cache).absolute(misses);
    }
    if let Some(dropped) = app.dropped_log_lines {
        counter!(LOG_LINES_DROPPED).absolute(dropped());
    }
    if let Some(replica) = &app.replica {
        // A replica that was promoted has no primary, so its lag is reported as 0. Otherwise alerts about the lag would not end.
        let status = replica.status().unwrap_or_default();
        gauge!(REPLICA_LAG).set(status.lag.as_secs_f64());
        gauge!(REPLICA_FAILURES).set(f64::from(status.failures));
    }
    let maintenance = app.run_read(|store| Ok(store.maintenance_state())).await?;
    let mirrors = mirror_statuses(&app).await?;
    let text = metrics.render()
        + &mirror_metrics(&mirrors)
        + &maintenance_metrics(&maintenance)
        + &bucket_state(&app).map_or_else(String::new, |state| bucket_metrics(&state));
    Ok(([(CONTENT_TYPE, PROMETHEUS_TEXT)], text).into_response())
}

/// Returns the state of a server on a bucket, for the metrics; `None` for other servers.
pub(super) fn bucket_state(app: &App) -> Option<BucketState> {
    let bucket = app.bucket.as_ref()?;
    let forwarded = bucket.forward_counts();
    Some(BucketState {
        follow: bucket.follower.status(),
        counters: app
            .run_inline(Store::authority_counters)
            .unwrap_or_default(),
        forwarded_ok: forwarded.ok,
        forwarded_failed: forwarded.failed,
    })
}

/// Returns the state of all mirrors. If the state cannot be read, logs the error and returns no mirrors, so that the other metrics are
/// still reported.
pub(super) async fn mirror_statuses(app: &App) -> Result<Vec<MirrorStatus>> {
    let Some(mirrors) = app.mirrors.clone() else {
        return Ok(Vec::new());
    };
    let statuses = app.run_read(move |_| Ok(mirrors.statuses())).await?;
    Ok(statuses.unwrap_or_else(|error| {
        tracing::warn!(
            error = store::chain(&error),
            "cannot read the state of the mirrors"
        );
        Vec::new()
    }))
}

/// Returns this document, which describes the API
#[utoipa::path(get, operation_id = "get_description", path = "/openapi.json", tag = "operation",
    responses((status = 200, description = "An OpenAPI 3.1 document", content_type = "application/json"), Problems))]
pub(in crate::http) async fn openapi(State(app): State<App>) -> Response {
    let content_type = [(CONTENT_TYPE, "application/json")];
    (content_type, app.openapi.clone()).into_response()
}
