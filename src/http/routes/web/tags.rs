//! Handler of the list of tags.

use std::ops::ControlFlow;

use axum::response::Response;
use serde::Deserialize;

use super::screen::{Answer, Content, Screen};
use crate::http::error::Result;
use crate::http::extract::QueryParams;
use crate::names::TagName;
use crate::store::Store;
use crate::web::tags::TagList;
use crate::web::{Section, Site};

/// The number of tags on a page.
const PAGE_SIZE: usize = 50;

/// The query parameter that selects a page of the list.
#[derive(Deserialize)]
pub(super) struct AfterTagQuery {
    /// The last tag of the previous page.
    after: Option<String>,
}

pub(super) async fn list(
    screen: Screen,
    QueryParams(AfterTagQuery { after }): QueryParams<AfterTagQuery>,
) -> Result<Response> {
    let after = after.as_deref().map(TagName::parse).transpose()?;
    screen
        .respond_without_commit(0, move |store, screen| {
            tag_list(store, &screen.site, after.as_ref())
        })
        .await
}

fn tag_list(store: &Store, site: &Site, after: Option<&TagName>) -> Result<Answer> {
    let (mut tags, mut has_more) = (Vec::new(), false);
    store.tags_after(after, |tag| {
        has_more = tags.len() == PAGE_SIZE;
        if has_more {
            return ControlFlow::Break(());
        }
        tags.push(tag);
        ControlFlow::Continue(())
    })?;
    let last = tags.last().filter(|_| has_more);
    let list = TagList {
        site,
        next: last.map(|last| Site::and(&site.tags(), "after", &last.name)),
        tags: &tags,
    };
    Ok(Answer::Page(Content {
        title: "Tags".to_owned(),
        section: Section::Branches,
        query: String::new(),
        markup: list.render(),
        is_cacheable: false,
    }))
}
