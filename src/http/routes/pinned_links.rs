//! Adds the commit to the links to next pages, if the client has selected a branch or commit in the URL.

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::LINK;
use axum::middleware::Next;
use axum::response::Response;

use crate::http::extract::selects_revision;

/// Adds the commit that was read to the link to the next page, if the query of the request has `commit` or `branch`. The link replaces the
/// whole query of the request, so without the commit, the next page would list the default branch.
pub(in crate::http) async fn pin_links(request: Request, next: Next) -> Response {
    let is_selected = matches!(selects_revision(request.uri()), Ok(true));
    let mut response = next.run(request).await;
    if is_selected && let Some(link) = pinned(&response) {
        response.headers_mut().insert(LINK, link);
    }
    response
}

/// Returns the link of a response with the commit of the response added; `None` if the response has no link or no commit.
fn pinned(response: &Response) -> Option<HeaderValue> {
    let headers = response.headers();
    let (link, commit) = (headers.get(LINK)?, headers.get("wasmstore-commit")?);
    let (link, commit) = (link.to_str().ok()?, commit.to_str().ok()?);
    let (target, relation) = link.strip_prefix("<?")?.split_once('>')?;
    format!("<?{target}&commit={commit}>{relation}")
        .parse()
        .ok()
}
