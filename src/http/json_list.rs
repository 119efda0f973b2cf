//! Responses whose body is a list: either the complete list, which is sent in pieces, or one page of it.
//!
//! A complete list may be long, and its client may read it slowly or not at all. So the list is never in memory as a whole. The next piece
//! is made only when the connection can send it: a new read of the store continues after the last item of the previous piece. Between two
//! pieces, the response holds only the position in the list, but no thread and no transaction. All pieces are read from the same commit, so
//! the list is consistent.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{AppendHeaders, IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use serde::Serialize;

use crate::budget::{Charge, SMALL_BYTES_MAX};
use crate::http::blocking::acquire;
use crate::http::charged::{charged_bytes, charged_json_response, json_bytes};
use crate::http::commit_header::CommitHeader;
use crate::http::error::Result;
use crate::http::json_items::{JsonItems, ListKind};
use crate::http::pagination::{Page, next_page_link};
use crate::http::state::App;
use crate::names::CommitId;
use crate::store::{self, Revision, Store};

/// The size of the first pieces of a list, in bytes. A part of the memory budget is reserved for charges of at most this size. So these
/// pieces can be sent even while other requests use up the rest of the budget.
const PIECE_BYTES: usize = SMALL_BYTES_MAX as usize;

/// The memory that is reserved for the last item of a piece, in bytes: an item is added only while at least this many bytes of the piece's
/// charge are free. Few items are longer.
const ITEM_BYTES: usize = 8 << 10;

/// The size of the largest pieces, in bytes.
const PIECE_BYTES_MAX: usize = 1 << 20;

/// Determines the size of the next piece of a list that is sent in pieces: the number of bytes sent so far divided by this constant, but at
/// least [`PIECE_BYTES`] and at most [`PIECE_BYTES_MAX`]. Pieces get larger because each piece must find the position in the list again,
/// which takes longer in a longer list.
const SENT_SHARE: usize = 64;

/// A list whose items the function `F` reads from the store. `K` is the type of an item's position in the list.
pub(super) struct JsonList<K, F> {
    kind: ListKind,
    positions: PhantomData<fn(K)>,
    /// Adds the items after a position to a [`JsonItems`] until the [`JsonItems`] is full. Returns the position of the last added item, or
    /// `None` if no items follow it.
    read: Arc<F>,
}

impl<K, F> Clone for JsonList<K, F> {
    fn clone(&self) -> Self {
        Self {
            kind: self.kind,
            positions: PhantomData,
            read: Arc::clone(&self.read),
        }
    }
}

/// The first part of a list, read from the store but not sent yet.
struct FirstPart<K> {
    commit: Option<CommitId>,
    /// The revision from which the later parts are read too.
    revision: Revision,
    items: JsonItems,
    /// The position of the last item of the part; `None` if no items follow it.
    last: Option<K>,
}

/// The rest of a list that is sent in pieces: the state from which the next piece is made.
struct Rest<K, F> {
    app: App,
    list: JsonList<K, F>,
    revision: Revision,
    last: K,
    sent_bytes: usize,
}

impl<K, F> JsonList<K, F>
where
    K: Send + 'static,
    F: Fn(&Store, &Revision, Option<&K>, &mut JsonItems) -> store::Result<Option<K>>
        + Send
        + Sync
        + 'static,
{
    /// Creates a list. `read` reads its items from the store.
    pub fn new(kind: ListKind, read: F) -> Self {
        Self {
            kind,
            positions: PhantomData,
            read: Arc::new(read),
        }
    }

    /// Responds with all items after the position `after`, or with the whole list if `after` is `None`.
    pub async fn respond(
        self,
        app: &App,
        revision: Revision,
        after: Option<K>,
    ) -> Result<Response> {
        let mut charge = app.charge(PIECE_BYTES as u64).await?;
        let first = JsonItems::first(self.kind, PIECE_BYTES - ITEM_BYTES, usize::MAX);
        let part = self.read_first(app, revision, after, first).await?;
        let commit = CommitHeader(part.commit);
        let Some(last) = part.last else {
            let json = part.items.finish(true);
            return Ok((commit, json_body(json, charge)?).into_response());
        };
        let json = part.items.finish(false);
        let rest = Rest {
            app: app.clone(),
            list: self,
            revision: part.revision,
            last,
            sent_bytes: json.len(),
        };
        charge.try_resize(json.len() as u64)?;
        let first = stream::iter([Ok(charged_bytes(json, charge))]);
        let rest = stream::try_unfold(Some(rest), |rest| async {
            match rest {
                Some(rest) => rest.next().await.map(Some),
                None => Ok(None),
            }
        });
        let body = Body::from_stream(first.chain(rest));
        Ok((commit, [json_type()], body).into_response())
    }

    /// Responds with one page: the items after the position `after`, up to the limits of `page`. `link` is called with the position of the
    /// page's last item. It returns the arguments `last` and `query` of [`next_page_link`]: the position as text, and further query
    /// parameters.
    pub async fn respond_with_page<'q>(
        self,
        app: &App,
        revision: Revision,
        after: Option<K>,
        (page, link): (Page, impl Fn(&K) -> (String, &'q str)),
    ) -> Result<Response> {
        let charge = app.charge(page.bytes_max() as u64).await?;
        let first = JsonItems::first(self.kind, page.bytes_max(), page.items_max());
        let part = self.read_first(app, revision, after, first).await?;
        let link = part.last.as_ref().map(|last| {
            let (last, query) = link(last);
            next_page_link(page.items_max(), &last, query)
        });
        let body = json_body(part.items.finish(true), charge)?;
        Ok((CommitHeader(part.commit), AppendHeaders(link), body).into_response())
    }

    /// Responds with one page, or with all items after the position `after` if `page` is `None`.
    pub async fn respond_with_page_if_any<'q>(
        self,
        app: &App,
        revision: Revision,
        after: Option<K>,
        (page, link): (Option<Page>, impl Fn(&K) -> (String, &'q str)),
    ) -> Result<Response> {
        match page {
            None => self.respond(app, revision, after).await,
            Some(page) => {
                self.respond_with_page(app, revision, after, (page, link))
                    .await
            }
        }
    }

    async fn read_first(
        &self,
        app: &App,
        revision: Revision,
        after: Option<K>,
        first: JsonItems,
    ) -> Result<FirstPart<K>> {
        let read = Arc::clone(&self.read);
        app.run_long_read(move |store| {
            let (commit, (revision, items, last)) = store.as_of(&revision, |revision| {
                let mut items = first.clone();
                let last = read(store, revision, after.as_ref(), &mut items)?;
                Ok((revision.clone(), items, last))
            })?;
            Ok(FirstPart {
                commit,
                revision,
                items,
                last,
            })
        })
        .await
    }
}

impl<K, F> Rest<K, F>
where
    K: Send + 'static,
    F: Fn(&Store, &Revision, Option<&K>, &mut JsonItems) -> store::Result<Option<K>>
        + Send
        + Sync
        + 'static,
{
    /// Returns the next piece, and the rest after it. After an error, the response ends without the closing bracket of the list.
    async fn next(self) -> Result<(Bytes, Option<Self>)> {
        let piece = self.make_piece().await;
        piece.inspect_err(|error| {
            tracing::warn!(%error, "cannot continue a list: the response is cut off");
        })
    }

    /// Charges memory for the next piece of the list to the memory budget, and reads the piece from the store. Returns the piece, and the
    /// rest of the list, if any. The charge of the previous piece may still be held while this waits for memory. That cannot cause a
    /// deadlock: the previous piece releases its charge when it is sent, which does not depend on the next piece.
    ///
    /// A piece waits for memory longer than a new request does. A new request can still be answered with 503, but if a list is cut off, the
    /// client must request the whole list again.
    async fn make_piece(self) -> Result<(Bytes, Option<Self>)> {
        let wait = self.app.limits.idle_timeout;
        let wanted = (self.sent_bytes / SENT_SHARE).clamp(PIECE_BYTES, PIECE_BYTES_MAX);
        let mut charge = match self.app.memory.try_charge(wanted as u64) {
            Ok(charge) => charge,
            Err(_) => self.app.charge_within(wait, PIECE_BYTES as u64).await?,
        };
        let mut items = JsonItems::next(self.list.kind, charge.bytes() as usize - ITEM_BYTES);
        let (read, revision) = (Arc::clone(&self.list.read), self.revision.clone());
        let last = self.last;
        let _turn = acquire(&self.app.later_piece_permits, wait).await?;
        let (items, last) = self
            .app
            .run_long_read_within(wait, move |store| {
                let last = read(store, &revision, Some(&last), &mut items)?;
                Ok((items, last))
            })
            .await?;
        let json = items.finish(last.is_none());
        charge.try_resize(json.len() as u64)?;
        let sent_bytes = self.sent_bytes + json.len();
        let rest = last.map(|last| Self {
            last,
            sent_bytes,
            ..self
        });
        Ok((charged_bytes(json, charge), rest))
    }
}

/// Responds with a value as JSON. The JSON may be long. It is made only if the memory for the JSON is free, and is charged to the memory
/// budget until it is sent.
///
/// # Errors
/// 503 if no memory is free.
pub(super) fn charged_json(app: &App, value: &impl Serialize) -> Result<Response> {
    let charge = app.memory.try_charge(json_bytes(value))?;
    Ok(charged_json_response(value, charge)?)
}

/// Returns JSON as a response body that is charged to the memory budget until it is sent.
fn json_body(json: Vec<u8>, mut charge: Charge) -> Result<Response> {
    charge.try_resize(json.len() as u64)?;
    Ok(([json_type()], Body::from(charged_bytes(json, charge))).into_response())
}

fn json_type() -> (axum::http::HeaderName, HeaderValue) {
    (CONTENT_TYPE, HeaderValue::from_static("application/json"))
}
