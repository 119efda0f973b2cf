//! The endpoints and the methods that they support.

use super::Api;

#[test]
fn unknown_endpoints_are_404() {
    let s = Api::new();
    for uri in [
        "/",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v2/modules",
        "/modules",
        "/api/v1/Modules",
        "/api/v1/module.",
        "/index.html",
        "/api/v1/commit",
        "/api/v1/info",
        "/api/v1/versions/",
        "/api/v1/merge",
    ] {
        for method in ["GET", "POST", "DELETE", "BREW"] {
            let response = s.send(method, uri, &[], "");
            response.is(404, "there is no such endpoint");
        }
    }
}

#[test]
fn unsupported_methods_are_405_with_the_supported_ones() {
    let s = Api::new();
    let tip = s.put("a", 1);
    let state = s.state();
    for (path, allowed) in [
        ("/modules", "GET,HEAD"),
        ("/modules/d", "GET,HEAD"),
        ("/module/a", "GET,HEAD,POST,DELETE"),
        ("/hash/a", "GET,HEAD,POST"),
        ("/info/a", "GET,HEAD"),
        ("/versions/a", "GET,HEAD"),
        ("/version/0/a", "GET,HEAD"),
        ("/commits", "GET,HEAD"),
        ("/commits/a", "GET,HEAD"),
        ("/snapshot", "GET,HEAD"),
        (&format!("/commit/{tip}"), "GET,HEAD"),
        (&format!("/restore/{tip}"), "POST"),
        (&format!("/restore/{tip}/a"), "POST"),
        ("/rollback", "POST"),
        ("/rollback/a", "POST"),
        ("/branch", "GET,HEAD"),
        ("/branch/x", "PUT,POST,DELETE"),
        ("/branches", "GET,HEAD"),
        ("/merge/main", "POST"),
        ("/gc", "POST"),
        ("/openapi.json", "GET,HEAD"),
    ] {
        let methods = [
            "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW",
        ];
        for method in methods
            .into_iter()
            .filter(|method| !allowed.split(',').any(|name| name == *method))
        {
            let response = s.send_empty(method, path, &[]);
            let detail = if method == "HEAD" {
                ""
            } else {
                "the endpoint does not support this method"
            };
            assert_eq!(
                (response.status, response.text()),
                (405, detail),
                "{method} {path}"
            );
            response.has("allow", allowed);
        }
        // A problem document has the header, too.
        s.send_empty("PATCH", path, &[("accept", "application/json")])
            .has("allow", allowed);
    }
    assert_eq!(s.state(), state);
}
