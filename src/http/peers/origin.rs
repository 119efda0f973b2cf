//! The headers that the servers of one bucket send to each other with forwarded requests and their responses.

use axum::http::{HeaderMap, HeaderName};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::http::error::{Failure, Result};
use crate::store::RequestId;

/// The response header with the generation (version number) of the shared store on which the response is based.
pub(in crate::http) const GENERATION: HeaderName = HeaderName::from_static("wasmstore-generation");
/// The request header with the secret that the servers share.
pub(in crate::http) const PEER_KEY: HeaderName = HeaderName::from_static("wasmstore-peer-key");
/// The request header with the id of a forwarded request.
pub(in crate::http) const REQUEST_ID: HeaderName = HeaderName::from_static("wasmstore-request-id");
/// The request header with the generation (version number) of the forwarding server's copy of the store.
pub(in crate::http) const REQUEST_GENERATION: HeaderName =
    HeaderName::from_static("wasmstore-request-generation");

/// The length of the id of a forwarded request, in hex digits.
const ID_DIGITS: usize = 32;

/// The id of a request that may be forwarded, and whether this server got the request from another server. It is an extension of the
/// request. Such a request fails as soon as another server changes the store first. Then the server that the client has sent the request to
/// forwards it to that server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) struct RequestOrigin {
    /// The id of the request. The store applies a write with this id at most once, even if two servers handle the request. `None` if no
    /// other server can have the request.
    pub request: Option<RequestId>,
    /// Whether another server of the bucket has forwarded the request to this one.
    pub is_from_peer: bool,
}

impl RequestOrigin {
    /// Returns the [`RequestOrigin`] of a request that another server forwards with these headers, and the generation (version number) of
    /// that server's copy of the store. Returns `None` if the headers contain no id.
    ///
    /// # Errors
    /// 400 if a header is malformed.
    pub fn of_peer(headers: &HeaderMap) -> Result<Option<(Self, u64)>> {
        let text = |name: &HeaderName| {
            let value = headers.get(name)?;
            Some(value.to_str().unwrap_or_default().to_owned())
        };
        let Some(id) = text(&REQUEST_ID) else {
            return Ok(None);
        };
        if !is_request_id(&id) {
            let detail = "Wasmstore-Request-Id is malformed: it must be 32 hex digits";
            return Err(Failure::malformed(detail));
        }
        let generation = text(&REQUEST_GENERATION).unwrap_or_default();
        let generation = generation.parse().map_err(|_| {
            Failure::malformed("Wasmstore-Request-Generation is malformed: it must be a number")
        })?;
        let request = RequestId {
            id,
            since: generation,
            is_sent_once: true,
        };
        let origin = Self {
            request: Some(request),
            is_from_peer: true,
        };
        Ok(Some((origin, generation)))
    }
}

fn is_request_id(text: &str) -> bool {
    text.len() == ID_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns a new random id for a request.
pub(in crate::http) fn new_request_id() -> String {
    let mut bytes = [0; ID_DIGITS / 2];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.expect("BUG: the operating system has random numbers");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_origin_of_a_request_is_parsed() {
        let id = new_request_id();
        assert_ne!(id, new_request_id());
        let parse = |id: &str, generation: &str| {
            let value = |text: &str| HeaderValue::from_str(text).unwrap();
            let headers = [
                (REQUEST_ID, value(id)),
                (REQUEST_GENERATION, value(generation)),
            ];
            RequestOrigin::of_peer(&headers.into_iter().collect())
        };
        let (origin, generation) = parse(&id, "7").unwrap().unwrap();
        assert_eq!(generation, 7);
        assert!(origin.is_from_peer);
        assert_eq!(
            origin.request,
            Some(RequestId {
                id: id.clone(),
                since: 7,
                is_sent_once: true,
            })
        );
        for (id, generation) in [("", "0"), ("x", "0"), (&*id, ""), (&*id, "a"), (&*id, "-1")] {
            assert!(parse(id, generation).is_err(), "{id:?} {generation:?}");
        }
        assert_eq!(RequestOrigin::of_peer(&HeaderMap::new()), Ok(None));
    }
}
