//! Lists, creates and deletes tags in the store behind a server.

use ureq::http::Method;

use super::request::Client;
use super::response::commit_in;
use crate::names::{CommitId, TagName};
use crate::remote::error::{Error, Result};
use crate::store::{self, Change, ErrorKind, ExistingTag, Published, Revision, Tag};
use crate::wire::{self, TagJson, encode_path};

/// The maximum number of tags in one response of the server. It is limited because each tag may have a message of 64 KiB.
const TAGS_PER_PAGE: usize = 1_000;

impl Client {
    /// Requests all pages of the list of tags.
    pub(super) fn tag_pages(&self) -> Result<Vec<Tag>> {
        let mut tags: Vec<Tag> = Vec::new();
        loop {
            let mut path = format!("/tags?limit={TAGS_PER_PAGE}");
            if let Some(last) = tags.last() {
                path.push_str(&format!("&after={}", encode_path(last.name.as_str())));
            }
            let page = self.json::<Vec<TagJson>>(self.get(&path, &Revision::default()))?;
            let page_tags: Vec<_> = page.value.into_iter().map(Tag::from).collect();
            let first = page_tags.first().map(|tag| &tag.name);
            if page.has_more && first <= tags.last().map(|tag| &tag.name) {
                return Err(
                    self.invalid_response("a page of tags does not continue the previous page")
                );
            }
            tags.extend(page_tags);
            if !page.has_more {
                return Ok(tags);
            }
        }
    }

    /// Creates a tag at the commit that `from` names.
    pub(super) fn post_tag(
        &self,
        change: &Change,
        tag: &TagName,
        from: &Revision,
        existing: ExistingTag,
    ) -> Result<Published<Option<CommitId>>> {
        let mut query = self.start_query(from)?;
        if existing == ExistingTag::Replace {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str("force=true");
        }
        let path = format!("{}{query}", tag_path(tag));
        let posted = self.send(self.write(Method::POST, &path, change));
        match posted {
            // The conflict is either that the tag exists, or that its name conflicts with the name of another tag. A request for the tag
            // finds out which of the two. If the API key does not allow GET, that request fails, and the server's error is returned.
            Err(Error::Refused(response))
                if response.kind() == ErrorKind::Conflict && self.has_tag(tag).unwrap_or(false) =>
            {
                Err(store::Error::TagExists(tag.to_string()).into())
            }
            response => {
                let response = response?;
                let from = commit_in(response.headers(), wire::MOVED_FROM);
                Ok(self.read_text(response)?.published.with_value(from))
            }
        }
    }

    /// Sends the request that deletes a tag.
    pub(super) fn remove_tag(&self, change: &Change, tag: &TagName) -> Result<Published<()>> {
        self.publish(self.write(Method::DELETE, &tag_path(tag), change))
    }

    fn has_tag(&self, tag: &TagName) -> Result<bool> {
        match self.json::<TagJson>(self.get(&tag_path(tag), &Revision::default())) {
            Ok(_) => Ok(true),
            Err(Error::Refused(response)) if response.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn tag_path(tag: &TagName) -> String {
    format!("/tag/{}", encode_path(tag.as_str()))
}
