//! Handler of the status screen.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use axum::response::Response;

use super::screen::{Answer, Content, Screen, missing};
use super::visitor::Visitor;
use crate::http::error::{Failure, Result};
use crate::http::routes::operation::{bucket_state, mirror_statuses};
use crate::remote::MirrorStatus;
use crate::store::Store;
use crate::web::Section;
use crate::web::status::{Bucket, Peer, Status};

/// Shows the status. The page shows the names of mirrors and the errors of pushes to them, so it requires an API key that allows POST. Such
/// a key may also run gc.
pub(super) async fn status(screen: Screen, visitor: Visitor) -> Result<Response> {
    if !screen.site.shows_status {
        let detail = "the key does not allow POST, which the status needs";
        return Err(Failure::new(StatusCode::FORBIDDEN, detail));
    }
    let app = screen.app.clone();
    let statistics = app.statistics().await?;
    let mirrors: Vec<Peer> = mirror_statuses(&app).await?.iter().map(peer_of).collect();
    let primary = app.replica.as_ref().and_then(|replica| replica.status());
    let memory = (app.memory.used(), app.memory.capacity());
    let bucket = bucket_state(&app).map(|state| Bucket {
        generation: state.follow.generation,
        writer: state.follow.writer,
        is_last_writer: state.follow.is_last_writer,
        lag: state.follow.lag,
        failures: state.follow.failures,
        error: state.follow.error,
    });
    let token = visitor.token().as_str().to_owned();
    let response = screen
        .respond_without_commit(0, move |store, screen| {
            let revision = screen.revision();
            screen.tip_of_named(store)?;
            let overview = store.overview(&revision);
            let overview = overview.map_err(|error| missing(store, &revision, error))?;
            let maintenance = store.maintenance_state();
            let bucket = bucket.clone().map(|bucket| without_url(bucket, store));
            let primary = primary.clone().map(|status| Peer {
                name: store.primary().unwrap_or_default(),
                lag: status.lag,
                last_success_s: None,
                failures: status.failures,
                error: status.error,
            });
            let page = Status {
                site: &screen.site,
                place: &screen.place,
                token: &token,
                overview: &overview,
                statistics: &statistics,
                maintenance: &maintenance,
                mirrors: &mirrors,
                primary: primary.as_ref(),
                bucket: bucket.as_ref(),
                memory,
            };
            Ok(Answer::Page(Content {
                title: "Status".to_owned(),
                section: Section::Status,
                query: String::new(),
                markup: page.render(),
                is_cacheable: false,
            }))
        })
        .await?;
    Ok(visitor.with_form(response))
}

/// Replaces the URL of the bucket in the error text, because users who may only change modules must not see the URL.
fn without_url(bucket: Bucket, store: &Store) -> Bucket {
    let mark = Store::bucket_mark_of(store.root()).ok().flatten();
    let without = |error: String| match &mark {
        Some(mark) => error.replace(&mark.url, "the bucket"),
        None => error,
    };
    Bucket {
        error: bucket.error.map(without),
        ..bucket
    }
}

fn peer_of(status: &MirrorStatus) -> Peer {
    Peer {
        name: status.mirror.name.to_string(),
        lag: status.sync.lag(),
        last_success_s: status.last_success.map(seconds),
        failures: status.failures,
        error: status.last_error.as_ref().map(|(_, error)| error.clone()),
    }
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
