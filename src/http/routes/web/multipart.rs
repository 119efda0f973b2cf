//! Reads a form with files (`multipart/form-data`, RFC 7578) part by part, as it arrives.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::StatusCode;

use super::form::{Fields, TOKEN, unsupported};
use super::visitor::Visitor;
use crate::budget::Charge;
use crate::http::error::{Failure, Result};
use crate::http::state::App;
use crate::http::upload::body::{RequestBody, has_media_type};
use crate::http::upload::multipart::{BodyPart, HELD_BYTES_MAX, MULTIPART, MultipartBody};

/// The maximum size of a field that is not a file, in bytes. It is the maximum size of a commit message.
const FIELD_BYTES_MAX: usize = 64 << 10;

/// The maximum length of the name of a field, in bytes. The pages use much shorter names.
const NAME_BYTES_MAX: usize = 64;

/// The maximum number of parts: fields, files, and file fields without a file.
const PARTS_MAX: usize = 1024;

/// A form with files that is being received. The fields before the first file are read, and the form token in them is checked, before the
/// first file is read.
pub(super) struct MultipartForm {
    pub visitor: Visitor,
    /// The fields that have arrived so far.
    pub fields: Fields,
    parts: MultipartBody,
    is_checked: bool,
    parts_count: usize,
    _charge: Charge,
}

/// A file that is being received.
pub(super) struct FilePart {
    /// The name of the file on the user's disk, without a directory.
    pub name: String,
    part: BodyPart,
}

impl FromRequest<App> for MultipartForm {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app).await?;
        if !has_media_type(&parts.headers, MULTIPART) {
            return Err(unsupported(MULTIPART));
        }
        let charge = app.charge(HELD_BYTES_MAX as u64).await?;
        let body = RequestBody::new((parts.version, &parts.headers), body, app.limits);
        Ok(Self {
            visitor,
            fields: Fields::default(),
            parts: MultipartBody::new(&parts.headers, body)?,
            is_checked: false,
            parts_count: 0,
            _charge: charge,
        })
    }
}

impl MultipartForm {
    /// Returns the next file, after reading the fields before it. Returns `None` at the end of the form.
    ///
    /// # Errors
    /// 400 if the form is malformed or truncated, or has too many parts; 403 if its token is not valid; 408 if the form arrives too slowly.
    pub async fn next_file(&mut self) -> Result<Option<FilePart>> {
        loop {
            let Some(part) = self.parts.next().await? else {
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
            let Some(name) = part.file_name() else {
                self.read_field(part).await?;
                continue;
            };
            self.check()?;
            let mut file = FilePart { name, part };
            // Skips a file field for which the user chose no file.
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

    async fn read_field(&mut self, mut part: BodyPart) -> Result<()> {
        let name = part.name().unwrap_or_default().to_owned();
        let mut value = Vec::new();
        while let Some(bytes) = part.next().await? {
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
    /// 400 if the form is malformed or truncated; 408 if the form arrives too slowly.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        self.part.next().await
    }
}
