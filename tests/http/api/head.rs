//! HEAD requests.

use super::{Api, TestResponse};
use crate::support::store::module;

fn headers_without_request_id(response: &TestResponse) -> Vec<(String, String)> {
    let headers = response
        .headers
        .iter()
        .filter(|(name, _)| *name != "x-request-id");
    let text = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    let mut headers: Vec<_> = headers.map(text).collect();
    headers.sort();
    headers
}

#[test]
fn head_is_get_without_the_body() {
    let s = Api::new();
    let tip = s.put("a", 1);
    let hash = s.hash_of(&module(1));
    let large = wat::parse_str(format!("(module (@custom \"x\" \"{}\"))", "y".repeat(9000)));
    s.post("/module/large", large.unwrap());
    for (path, header) in [
        ("/module/a", ("accept", "*/*")),
        ("/module/a", ("if-none-match", "*")),
        ("/module/a", ("if-match", "\"x\"")),
        ("/module/large", ("accept-encoding", "gzip")),
        (&format!("/module/{hash}"), ("accept", "*/*")),
        ("/module/none", ("accept", "*/*")),
        ("/module/none", ("accept", "application/json")),
        ("/module/sha256:x", ("accept", "*/*")),
        ("/modules", ("accept", "*/*")),
        ("/modules?limit=1", ("accept", "*/*")),
        ("/hash/a", ("accept", "*/*")),
        ("/hash/none", ("accept", "*/*")),
        ("/info/a", ("accept", "*/*")),
        ("/versions/a", ("accept", "*/*")),
        ("/version/0/a", ("accept", "*/*")),
        ("/commits", ("accept", "*/*")),
        ("/snapshot", ("accept", "*/*")),
        (&format!("/commit/{tip}"), ("accept", "*/*")),
        ("/branch", ("accept", "*/*")),
        ("/branches", ("accept", "*/*")),
        ("/nothing", ("accept", "*/*")),
    ] {
        let (get, head) = (
            s.get_with(path, &[header]),
            s.send_empty("HEAD", path, &[header]),
        );
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(
            headers_without_request_id(&head),
            headers_without_request_id(&get),
            "{path}"
        );
        let length = get.body.len().to_string();
        if get.status != 304 {
            head.has("content-length", &length);
        }
    }
}
