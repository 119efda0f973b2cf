//! Finds the git service that the URL of a request selects.

use axum::http::Uri;

use crate::http::percent;
use crate::remote::GitService;

/// Returns the git service that a URL requests, either directly or by requesting its ref advertisement (`info/refs?service=…`). Returns
/// `None` if the URL is not below `/wasmstore.git/`, or names no service or several. The authorization uses this function too, to decide
/// which HTTP method the API key must allow.
pub(in crate::http) fn requested_service(uri: &Uri) -> Option<GitService> {
    match uri.path().strip_prefix("/wasmstore.git/")? {
        "info/refs" => service_in_query(uri.query()?),
        name => GitService::parse(name),
    }
}

fn service_in_query(query: &str) -> Option<GitService> {
    let mut names = query.split('&').filter_map(|pair| {
        let (encoded_key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = percent::decode(encoded_key).ok()?;
        (key == "service").then_some(value)
    });
    let name = names.next().filter(|_| names.next().is_none())?;
    GitService::parse(&percent::decode(name).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(uri: &str) -> Option<GitService> {
        requested_service(&uri.parse().unwrap())
    }

    #[test]
    fn services_are_named_by_path_or_query() {
        let (fetch, push) = (Some(GitService::UploadPack), Some(GitService::ReceivePack));
        for (path, expected) in [
            ("git-upload-pack", fetch),
            ("git-receive-pack", push),
            ("git-receive-pack?service=git-upload-pack", push),
            ("info/refs?service=git-upload-pack", fetch),
            ("info/refs?service=git-receive-pack", push),
            ("info/refs?a&service=git%2Dreceive-pack&b=c", push),
            ("info/refs?servic%65=git-receive-pack", push),
        ] {
            assert_eq!(
                service(&format!("/wasmstore.git/{path}")),
                expected,
                "{path}"
            );
        }
    }

    #[test]
    fn url_with_no_service_or_two_services_requests_none() {
        for path in [
            "/wasmstore.git/info/refs",
            "/wasmstore.git/info/refs?",
            "/wasmstore.git/info/refs?service",
            "/wasmstore.git/info/refs?service=",
            "/wasmstore.git/info/refs?service=git-upload-archive",
            "/wasmstore.git/info/refs?service=git-upload-pack&service=git-receive-pack",
            "/wasmstore.git/info/refs?SERVICE=git-upload-pack",
            "/wasmstore.git/HEAD",
            "/wasmstore.git",
            "/api/v1/git-upload-pack",
            "/git-upload-pack",
        ] {
            assert_eq!(service(path), None, "{path}");
        }
    }
}
