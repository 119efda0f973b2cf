//! A form with files (RFC 7578), whose parts are read as they arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use futures_util::stream;
use tokio::task::yield_now;

use super::form::{Fields, TOKEN, has_media_type, unsupported};
use super::visitor::Visitor;
use crate::budget::Charge;
use crate::http::error::{Failure, Result};
use crate::http::state::App;
use crate::http::upload::body::RequestBody;

/// How many bytes the parser may hold that belong to no content yet: the head of a part, and the frame that it ends in.
const HELD_BYTES_MAX: usize = 1 << 20;

/// The limit on the content of a field that is not a file, in bytes: that of a commit message.
const FIELD_BYTES_MAX: usize = 64 << 10;

/// The limit on the name of a field, in bytes. The fields of the pages have much shorter names.
const NAME_BYTES_MAX: usize = 64;

/// The limit on the number of parts: fields, files, and parts for which no file was chosen.
const PARTS_MAX: usize = 1024;

/// A form with files. The fields before the first file are read, and the token is checked, before the first file.
pub(super) struct MultipartForm {
    pub visitor: Visitor,
    /// The fields that have arrived.
    pub fields: Fields,
    parts: multer::Multipart<'static>,
    held_bytes: Arc<AtomicUsize>,
    is_checked: bool,
    parts_count: usize,
    _charge: Charge,
}

/// A file that is arriving.
pub(super) struct FilePart {
    /// The name of the file on the disk of the user, without a directory.
    pub name: String,
    part: multer::Field<'static>,
    held_bytes: Arc<AtomicUsize>,
}

impl FromRequest<App> for MultipartForm {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app).await?;
        let media_type = "multipart/form-data";
        if !has_media_type(&parts.headers, media_type) {
            return Err(unsupported(media_type));
        }
        let content_type = parts.headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let boundary = multer::parse_boundary(content_type.unwrap_or_default())
            .map_err(|_| unsupported("multipart/form-data with a boundary"))?;
        let charge = app.charge(HELD_BYTES_MAX as u64).await?;
        let body = RequestBody::new((parts.version, &parts.headers), body, app.limits);
        let held_bytes = Arc::new(AtomicUsize::new(0));
        let frames = frames(body, Arc::clone(&held_bytes));
        Ok(Self {
            visitor,
            fields: Fields::default(),
            parts: multer::Multipart::new(frames, boundary),
            held_bytes,
            is_checked: false,
            parts_count: 0,
            _charge: charge,
        })
    }
}

/// Returns the frames of a body. The parser reads as long as the stream is ready, and holds what it has not parsed, so the stream is never
/// ready twice in a row, and fails if the parser gets nowhere.
fn frames(
    body: RequestBody,
    held_bytes: Arc<AtomicUsize>,
) -> impl stream::Stream<Item = Result<Bytes>> {
    let start = (body, held_bytes, Instant::now());
    stream::try_unfold(start, async |(mut body, held_bytes, sent)| {
        // The client does not have to be faster than the validation of what it has sent.
        body.extend_deadline(sent.elapsed());
        yield_now().await;
        let Some(frame) = body.next().await? else {
            return Ok(None);
        };
        let held = held_bytes.fetch_add(frame.len(), Ordering::Relaxed);
        if held > HELD_BYTES_MAX {
            let detail = "the head of a part of the form is too long; nothing was changed";
            return Err(Failure::malformed(detail));
        }
        Ok(Some((frame, (body, held_bytes, Instant::now()))))
    })
}

impl MultipartForm {
    /// Returns the next file, after reading the fields before it; `None` at the end of the form.
    ///
    /// # Errors
    /// 400 if the form is malformed or truncated, or has too many fields; 403 if its token is not valid; 408 if it arrives too slowly.
    pub async fn next_file(&mut self) -> Result<Option<FilePart>> {
        loop {
            self.held_bytes.store(0, Ordering::Relaxed);
            let part = self.parts.next_field().await.map_err(failure)?;
            let Some(part) = part else {
                self.check()?;
                return Ok(None);
            };
            self.parts_count += 1;
            if self.parts_count > PARTS_MAX
                || part.name().is_some_and(|name| name.len() > NAME_BYTES_MAX)
            {
                let detail = format!(
                    "the form has more than {PARTS_MAX} parts, or a field whose name is longer than {NAME_BYTES_MAX} bytes; nothing was changed"
                );
                return Err(Failure::malformed(detail));
            }
            let Some(file_name) = part.file_name().map(str::to_owned) else {
                self.read_field(part).await?;
                continue;
            };
            self.check()?;
            let mut file = FilePart {
                name: decode_name(&file_name),
                part,
                held_bytes: Arc::clone(&self.held_bytes),
            };
            // The part of a field for which no file was chosen.
            if file.name.is_empty() {
                while file.next().await?.is_some() {}
                continue;
            }
            if file.name.contains(['/', '\\']) {
                let detail = format!(
                    "the name of the file {:?} contains a slash; nothing was changed",
                    file.name
                );
                return Err(Failure::malformed(detail));
            }
            return Ok(Some(file));
        }
    }

    async fn read_field(&mut self, mut part: multer::Field<'static>) -> Result<()> {
        let name = part.name().unwrap_or_default().to_owned();
        let mut value = Vec::new();
        while let Some(bytes) = part.chunk().await.map_err(failure)? {
            self.held_bytes.store(0, Ordering::Relaxed);
            value.extend_from_slice(&bytes);
            if value.len() > FIELD_BYTES_MAX {
                let detail = format!(
                    "the field {name:?} is larger than {FIELD_BYTES_MAX} bytes; nothing was changed"
                );
                return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
            }
        }
        let value = String::from_utf8(value);
        let value = value.map_err(|_| Failure::malformed("the form is not UTF-8"))?;
        self.fields.push(name, value)
    }

    fn check(&mut self) -> Result<()> {
        if !self.is_checked {
            self.visitor.check_token(self.fields.optional(TOKEN)?)?;
            self.is_checked = true;
        }
        Ok(())
    }
}

impl FilePart {
    /// Returns the next bytes of the file, or `None` at its end.
    ///
    /// # Errors
    /// 400 if the form is malformed or truncated; 408 if it arrives too slowly.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let bytes = self.part.chunk().await.map_err(failure)?;
        self.held_bytes.store(0, Ordering::Relaxed);
        Ok(bytes)
    }
}

/// Undoes the escapes of browsers in the name of a file (HTML Standard, "multipart form data").
fn decode_name(name: &str) -> String {
    let name = name.replace("%22", "\"");
    name.replace("%0D", "\r").replace("%0A", "\n")
}

fn failure(error: multer::Error) -> Failure {
    let malformed =
        || Failure::malformed("the form is malformed or truncated; nothing was changed");
    match error {
        multer::Error::StreamReadFailed(error) => match error.downcast::<Failure>() {
            Ok(failure) => *failure,
            Err(_) => malformed(),
        },
        _ => malformed(),
    }
}
