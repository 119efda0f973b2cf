//! Reads the fields of a form of the web UI.

use std::fmt::Display;

use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::StatusCode;

use super::visitor::Visitor;
use crate::http::error::{Failure, Result};
use crate::http::pages;
use crate::http::percent;
use crate::http::state::App;
use crate::http::upload::body::{RequestBody, content_length, has_media_type};
use crate::names::{Author, BranchName, Message};
use crate::store::{Change, EntityTags, Precondition};

/// The maximum size of a form without files, in bytes. Percent-encoding may make a message of 64 KiB three times as long.
const FORM_BYTES_MAX: u64 = 256 << 10;

/// The maximum size of the forms for signing in and out, in bytes. These forms are read before any API key is checked, so their memory is
/// not charged to the budget that all clients share.
const OPEN_FORM_BYTES_MAX: u64 = 8 << 10;

/// The maximum number of fields of a form.
pub(super) const FIELDS_MAX: usize = 64;

/// The name of the form field with the token.
pub(super) const TOKEN: &str = "token";

/// The value of the field `expected` that means that nothing must be at the path.
const ABSENT: &str = "absent";

/// A form whose token was checked.
pub(super) struct Form {
    pub visitor: Visitor,
    pub fields: Fields,
}

/// The fields of a form: names and values.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl FromRequest<App> for Form {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app).await?;
        if !has_media_type(&parts.headers, "application/x-www-form-urlencoded") {
            return Err(unsupported("application/x-www-form-urlencoded"));
        }
        let is_open = pages::is_open_page(parts.uri.path());
        let bytes_max = if is_open {
            OPEN_FORM_BYTES_MAX
        } else {
            FORM_BYTES_MAX
        };
        let too_large = || {
            let detail = format!("the form is larger than {bytes_max} bytes; nothing was changed");
            Failure::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
        };
        let announced = content_length(&parts.headers);
        if announced.is_some_and(|length| length > bytes_max) {
            return Err(too_large());
        }
        let _charge = if is_open {
            app.memory.empty_charge()
        } else {
            // Twice the size of the body, because the body and the decoded fields are in memory at the same time.
            app.charge(2 * announced.unwrap_or(bytes_max)).await?
        };
        let mut body = RequestBody::new((parts.version, &parts.headers), body, app.limits);
        let mut bytes = Vec::new();
        while let Some(more) = body.next().await? {
            bytes.extend_from_slice(&more);
            if bytes.len() as u64 > bytes_max {
                return Err(too_large());
            }
        }
        let fields = Fields::parse(&bytes)?;
        visitor.check_token(fields.optional(TOKEN)?)?;
        Ok(Self { visitor, fields })
    }
}

pub(super) fn unsupported(media_type: &str) -> Failure {
    let detail = format!("the form must be sent as {media_type}");
    Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
}

impl Fields {
    /// Parses a body of the type `application/x-www-form-urlencoded` (URL Standard, section 5.1).
    ///
    /// # Errors
    /// 400 if the fields are not UTF-8, or if there are too many.
    fn parse(body: &[u8]) -> Result<Self> {
        let malformed = |_| Failure::malformed("the form is not UTF-8");
        let text = std::str::from_utf8(body).map_err(malformed)?;
        let mut fields = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| percent::decode(&text.replace('+', " "));
            fields.push(decode(name)?, decode(value)?)?;
        }
        Ok(fields)
    }

    /// Adds a field.
    ///
    /// # Errors
    /// 400 if there are too many fields.
    pub fn push(&mut self, name: String, value: String) -> Result<()> {
        if self.0.len() == FIELDS_MAX {
            let detail = format!("the form has more than {FIELDS_MAX} fields; nothing was changed");
            return Err(Failure::malformed(detail));
        }
        self.0.push((name, value));
        Ok(())
    }

    /// Returns the value of a field; `None` if the field is empty or missing. Keeps white space, because a path may begin or end with a
    /// space, and a form must change exactly the path that its page has shown.
    ///
    /// # Errors
    /// 400 if the form has several fields with this name.
    pub fn optional(&self, name: &str) -> Result<Option<&str>> {
        let mut values = self.0.iter().filter(|(field, _)| field == name);
        let value = values.next().map(|(_, value)| value.as_str());
        if values.next().is_some() {
            let detail = format!("the form has the field {name:?} twice");
            return Err(Failure::malformed(detail));
        }
        Ok(value.filter(|value| !value.is_empty()))
    }

    /// Returns the value of a field that a user types, without white space around it; `None` if the field is empty or missing. Only for
    /// values that cannot begin or end with white space.
    ///
    /// # Errors
    /// 400 if the form has several fields with this name.
    pub fn typed(&self, name: &str) -> Result<Option<&str>> {
        let value = self.optional(name)?.map(str::trim);
        Ok(value.filter(|value| !value.is_empty()))
    }

    /// Parses the value of a field; returns `None` if the field is empty or missing.
    ///
    /// # Errors
    /// 400 if the value cannot be parsed.
    pub fn parse_optional<T, E: Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>> {
        let parsed = self.optional(name)?.map(parse).transpose();
        parsed.map_err(|error| Failure::malformed(error.to_string()))
    }

    /// Parses the value of a field that must not be empty.
    ///
    /// # Errors
    /// 400 if the field is empty or missing, or cannot be parsed.
    pub fn require<T, E: Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T> {
        let missing = || Failure::malformed(format!("the form has no {name}"));
        self.parse_optional(name, parse)?.ok_or_else(missing)
    }
}

impl Form {
    /// Returns the write that the form requests: its branch, author and message, and the precondition from the field `expected`.
    ///
    /// # Errors
    /// 400 if a field is malformed; 403 if the API key does not allow the author.
    pub fn change(&self) -> Result<Change> {
        Ok(Change {
            precondition: self.precondition()?,
            ..change_of(&self.visitor, &self.fields)?
        })
    }

    /// Returns the branch in the form.
    ///
    /// # Errors
    /// 400 if the branch is missing or malformed.
    pub fn branch(&self) -> Result<BranchName> {
        self.fields.require("branch", BranchName::parse)
    }

    /// Returns the author and the message of a write that does not change a branch, such as creating a tag.
    ///
    /// # Errors
    /// As for [`change`](Self::change).
    pub fn change_without_branch(&self) -> Result<Change> {
        author_and_message(&self.visitor, &self.fields)
    }

    /// Returns the precondition in the field `expected`: the entity tag that the target of the form must still have, or that there must be
    /// no target.
    ///
    /// # Errors
    /// 400 if the form does not have this field.
    pub fn precondition(&self) -> Result<Precondition> {
        let expected = self.fields.optional("expected")?;
        let missing = || Failure::malformed("the form does not say what it changes");
        Ok(match expected.ok_or_else(missing)? {
            ABSENT => Precondition {
                if_match: None,
                if_none_match: Some(EntityTags::Any),
            },
            tag => Precondition {
                if_match: Some(EntityTags::OneOf(vec![tag.to_owned()])),
                if_none_match: None,
            },
        })
    }
}

/// Returns the write that is described by the fields of a form. It has no precondition.
pub(super) fn change_of(visitor: &Visitor, fields: &Fields) -> Result<Change> {
    Ok(Change {
        branch: Some(fields.require("branch", BranchName::parse)?),
        ..author_and_message(visitor, fields)?
    })
}

fn author_and_message(visitor: &Visitor, fields: &Fields) -> Result<Change> {
    let author = fields.typed("author")?.map(Author::parse).transpose();
    let author = author.map_err(|error| Failure::malformed(error.to_string()))?;
    Ok(Change {
        author: visitor.author(author)?,
        message: fields.parse_optional("message", Message::parse)?,
        ..Change::default()
    })
}

/// Returns the value of the form field `expected`, which says what must be at the path when the form is sent. `tag` is the entity tag of
/// the module at the path; `None` if nothing is there.
pub(super) fn expected(tag: Option<String>) -> String {
    tag.unwrap_or_else(|| ABSENT.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_once() {
        let fields = Fields::parse(b"a=1+2%2B3&b=%C3%A4&c&&d=%2526&e=+").unwrap();
        for (name, value) in [
            ("a", Some("1 2+3")),
            ("b", Some("\u{e4}")),
            ("c", None),
            ("d", Some("%26")),
            ("e", Some(" ")),
            ("f", None),
        ] {
            assert_eq!(fields.optional(name).unwrap(), value, "{name}");
        }
        assert_eq!(fields.typed("e").unwrap(), None);
        for malformed in [&b"a=%ff"[..], b"a=\xff", b"a=%zz", b"%=1"] {
            let error = Fields::parse(malformed).unwrap_err();
            assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn fields_are_limited_and_occur_once() {
        let fields = |count| Fields::parse(vec!["a=1"; count].join("&").as_bytes());
        assert!(fields(FIELDS_MAX).unwrap().optional("a").is_err());
        let error = fields(10_001).unwrap_err();
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
    }
}
