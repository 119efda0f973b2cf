//! Uploads in chunks, as the OCI distribution specification defines them: for blobs of the registry, and for modules of the API.

use axum::http::header::{CONTENT_RANGE, LOCATION, RANGE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};

use super::upload_body::UploadBody;
use crate::http::error::{Failure, Result};
use crate::http::state::App;
use crate::http::upload::body::content_length;
use crate::http::upload::body_digest::BodyDigest;
use crate::http::upload::memory::CHUNK_BYTES;
use crate::names::OciDigest;
use crate::oci::{self, ErrorCode};
use crate::store::{BlobUpload, Store, UploadArea};

/// The largest chunk with a digest of its own, in bytes.
const VERIFIED_BYTES_MAX: u64 = 16 << 20;

/// An upload in chunks that a request continues.
#[derive(Clone)]
pub(super) struct UploadSession {
    app: App,
    area: UploadArea,
    id: String,
}

impl UploadSession {
    /// Returns the upload with this id, which may not exist.
    pub fn new(app: &App, area: UploadArea, id: String) -> Self {
        Self {
            app: app.clone(),
            area,
            id,
        }
    }

    /// Begins an upload.
    ///
    /// # Errors
    /// 507 if too many uploads are unfinished.
    pub async fn begin(app: &App, area: UploadArea) -> Result<Self> {
        let begun_area = area.clone();
        let begun =
            app.run_write(move |store| Ok(store.begin_upload(&begun_area)?.id().to_owned()));
        Ok(Self::new(app, area, begun.await?))
    }

    /// Continues the upload that was begun with this digest in the same area, or else begins one. Returns it with the number of bytes that
    /// have arrived.
    ///
    /// # Errors
    /// As for [`begin`](Self::begin).
    pub async fn continue_or_begin(
        app: &App,
        area: UploadArea,
        digest: OciDigest,
    ) -> Result<(Self, u64)> {
        let its_area = area.clone();
        let begun = app.run_write(move |store| {
            let upload = store.continue_or_begin_upload(&its_area, &digest)?;
            Ok((upload.id().to_owned(), upload.size_bytes()))
        });
        let (id, size_bytes) = begun.await?;
        Ok((Self::new(app, area, id), size_bytes))
    }

    /// Returns the id of the upload.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the area and the id, which together identify the upload.
    pub fn key(&self) -> (&UploadArea, &str) {
        (&self.area, &self.id)
    }

    /// Returns the number of bytes that have arrived.
    ///
    /// # Errors
    /// 404 if there is no such upload; 503 if another request writes to it.
    pub async fn size_bytes(&self) -> Result<u64> {
        let session = self.clone();
        let size = self
            .app
            .run_read(move |store| Ok(session.open(store)?.size_bytes()));
        size.await
    }

    /// Discards the upload.
    ///
    /// # Errors
    /// As for [`size_bytes`](Self::size_bytes).
    pub async fn discard(&self) -> Result<()> {
        let session = self.clone();
        let discarded = self
            .app
            .run_write(move |store| Ok(session.open(store)?.discard()?));
        discarded.await
    }

    /// Checks that the chunk in the request continues the upload, and returns the number of bytes that the upload has. If the chunk is
    /// short and has no `Content-Range`, returns `None` without looking up the upload: [`receive`](Self::receive) looks it up once the
    /// chunk is received.
    ///
    /// # Errors
    /// 416 if the chunk does not continue the upload, or has another length than `Content-Range`; the errors of
    /// [`size_bytes`](Self::size_bytes).
    pub async fn start(&self, headers: &HeaderMap) -> Result<Option<u64>> {
        let range = content_range(headers)?;
        let length = content_length(headers);
        if range.is_none() && length.is_some_and(|length| length < CHUNK_BYTES as u64) {
            return Ok(None);
        }
        let size_bytes = self.size_bytes().await?;
        match range {
            Some(start) if start != size_bytes => Err(self.out_of_order(size_bytes)),
            _ => Ok(Some(size_bytes)),
        }
    }

    /// Appends the body to the upload. `start` is the number of bytes that the upload must have before, or `None` if it may have any
    /// number. After the last bytes of the body are written, calls `finish` on the same blocking thread.
    ///
    /// # Errors
    /// 416 if another request has written to the upload; the errors of [`size_bytes`](Self::size_bytes) and of `finish`. The upload keeps
    /// the bytes that were written before the error.
    pub async fn receive<T: Send + 'static>(
        &self,
        start: Option<u64>,
        mut body: UploadBody,
        finish: impl FnOnce(BlobUpload<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut size_bytes = start;
        let mut finish = Some(finish);
        loop {
            let chunk = body.next().await?.unwrap_or_default();
            let finish = finish.take_if(|_| body.is_complete());
            let session = self.clone();
            let written = self.app.run_write(move |store| {
                let mut upload = session.open(store)?;
                if let Some(size_bytes) = size_bytes {
                    session.check_size(&upload, size_bytes)?;
                }
                upload.write(&chunk)?;
                let size_bytes = upload.size_bytes();
                let finished = finish.map(|finish| finish(upload)).transpose()?;
                Ok((size_bytes, finished))
            });
            match written.await? {
                (_, Some(finished)) => return Ok(finished),
                (new_size_bytes, None) => size_bytes = Some(new_size_bytes),
            }
        }
    }

    /// Appends the body to the upload like [`receive`](Self::receive), but only if the whole body has these digests. The body is in memory
    /// until then. Returns the number of bytes that the upload has then.
    ///
    /// # Errors
    /// 400 if the body has another digest; 413 if it is too large to be held in memory; the errors of [`receive`](Self::receive).
    pub async fn receive_verified(
        &self,
        start: Option<u64>,
        mut body: UploadBody,
        mut digest: BodyDigest,
    ) -> Result<u64> {
        let (mut chunks, mut length) = (Vec::new(), 0);
        while let Some(chunk) = body.next().await? {
            length += chunk.len();
            check_verified_size(length as u64)?;
            body.hold(length)?;
            digest.update(&chunk);
            chunks.push(chunk);
        }
        digest.check()?;
        let session = self.clone();
        let written = self.app.run_write(move |store| {
            let mut upload = session.open(store)?;
            if let Some(size_bytes) = start {
                session.check_size(&upload, size_bytes)?;
            }
            for chunk in chunks {
                upload.write(&chunk)?;
            }
            Ok(upload.size_bytes())
        });
        written.await
    }

    /// Checks that no other request has written to the upload since it had this number of bytes.
    ///
    /// # Errors
    /// 416 if the upload has another number of bytes.
    pub fn check_size(&self, upload: &BlobUpload<'_>, size_bytes: u64) -> Result<()> {
        if upload.size_bytes() == size_bytes {
            return Ok(());
        }
        Err(self.out_of_order(upload.size_bytes()))
    }

    /// Opens the upload, and locks it until the returned value is dropped.
    ///
    /// # Errors
    /// As for [`size_bytes`](Self::size_bytes).
    pub fn open<'s>(&self, store: &'s Store) -> Result<BlobUpload<'s>> {
        let upload = store.resume_upload(&self.area, &self.id)?;
        Ok(upload.ok_or_else(|| oci::Error::UploadUnknown(self.id.clone()))?)
    }

    /// Returns the headers with the location of the upload, and the range of the bytes that have arrived.
    pub fn headers(&self, location: String, size_bytes: u64) -> HeaderMap {
        let location = Some((LOCATION, location));
        let range = self.range(size_bytes).map(|range| (RANGE, range));
        let headers = location.into_iter().chain(range);
        headers
            .map(|(name, text)| {
                let value = HeaderValue::try_from(text);
                (name, value.expect("BUG: a URL or range is a header value"))
            })
            .collect()
    }

    /// Returns the range of the bytes that have arrived. For an empty upload, OCI clients expect `0-0`, which could also stand for one
    /// byte, so the API sends no range for an empty upload.
    fn range(&self, size_bytes: u64) -> Option<String> {
        let is_sent = size_bytes > 0 || matches!(self.area, UploadArea::Repository(_));
        is_sent.then(|| format!("0-{}", size_bytes.saturating_sub(1)))
    }

    fn out_of_order(&self, size_bytes: u64) -> Failure {
        let detail =
            format!("the chunk does not begin where the upload ends: it has {size_bytes} bytes");
        let failure = Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, detail)
            .with_oci_code(ErrorCode::BlobUploadInvalid);
        match self.range(size_bytes) {
            Some(range) => failure.with_header(RANGE, range),
            None => failure,
        }
    }
}

/// Checks the size of a chunk that is held in memory until its digest is known.
///
/// # Errors
/// 413.
pub(super) fn check_verified_size(bytes: u64) -> Result<()> {
    if bytes <= VERIFIED_BYTES_MAX {
        return Ok(());
    }
    let detail = format!(
        "a chunk with Content-Digest has at most {VERIFIED_BYTES_MAX} bytes: send smaller chunks, or only the digest of the module when the upload is completed"
    );
    Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
}

/// Returns the position of the first byte according to `Content-Range`. Checks that the range is as long as the body.
fn content_range(headers: &HeaderMap) -> Result<Option<u64>> {
    let Some(value) = headers.get(CONTENT_RANGE) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let text = text.strip_prefix("bytes ").unwrap_or(text);
    let text = text.split('/').next().unwrap_or_default();
    let range = text.split_once('-').and_then(|(first, last)| {
        let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
        (first <= last).then_some((first, last))
    });
    let invalid = || {
        let detail = "Content-Range does not match the body";
        Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, detail)
            .with_oci_code(ErrorCode::BlobUploadInvalid)
    };
    let (first, last) = range.ok_or_else(invalid)?;
    match content_length(headers) {
        Some(length) if Some(length) != (last - first).checked_add(1) => Err(invalid()),
        _ => Ok(Some(first)),
    }
}
