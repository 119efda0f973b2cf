//! Tags as JSON.

use serde::{Deserialize, Serialize};

use super::as_string::AsString;
use super::schema::CommitHashSchema;
use crate::names::{CommitId, TagName};
use crate::store::Tag;

/// A git tag.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Tag)]
pub struct TagJson {
    /// The name, such as `v1.0`.
    #[schema(value_type = String)]
    pub name: AsString<TagName>,
    /// The commit that the tag points to, directly or through tag objects.
    #[schema(value_type = CommitHashSchema)]
    pub commit: AsString<CommitId>,
    /// Whether the tag has a message and a tagger of its own. Otherwise `author`, `date` and `message` are those of the commit.
    pub annotated: bool,
    /// The tagger's name.
    pub author: String,
    /// The time of the tag, in seconds since 1970-01-01 UTC.
    pub date: i64,
    /// The message, without trailing newlines.
    pub message: String,
}

impl From<Tag> for TagJson {
    fn from(tag: Tag) -> Self {
        Self {
            name: AsString(tag.name),
            commit: AsString(tag.commit),
            annotated: tag.is_annotated,
            author: tag.author,
            date: tag.date_s,
            message: tag.message,
        }
    }
}

impl From<TagJson> for Tag {
    fn from(tag: TagJson) -> Self {
        Self {
            name: tag.name.0,
            object: None,
            commit: tag.commit.0,
            is_annotated: tag.annotated,
            author: tag.author,
            date_s: tag.date,
            message: tag.message,
        }
    }
}
