//! What a request asks of git.

use axum::http::Uri;

use crate::http::percent;
use crate::remote::GitService;

/// The service that an address leads to, the one that tells refs included; `None` when it leads elsewhere, or names none, or
/// several. The guard judges by the same.
pub(in crate::http) fn asked_for(uri: &Uri) -> Option<GitService> {
    match uri.path().strip_prefix("/wasmstore.git/")? {
        "info/refs" => named(uri.query()?),
        name => GitService::parse(name),
    }
}

fn named(query: &str) -> Option<GitService> {
    let mut named = query.split('&').filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = percent::decode(key).ok()?;
        (key == "service").then_some(value)
    });
    let name = named.next().filter(|_| named.next().is_none())?;
    GitService::parse(&percent::decode(name).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(uri: &str) -> Option<GitService> {
        asked_for(&uri.parse().unwrap())
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
    fn what_names_none_or_two_asks_for_none() {
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
