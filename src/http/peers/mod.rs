//! The other servers that share a store in a bucket: the secret that the servers share, and the forwarding of requests to the last writer.

mod follow_queue;
mod forwarder;
mod origin;
mod outgoing_request;
mod peer_key;
mod servers;

pub(super) use forwarder::{Forwarded, Forwarder};
pub(super) use origin::{
    GENERATION, PEER_KEY, REQUEST_GENERATION, REQUEST_ID, RequestOrigin, new_request_id,
};
pub(super) use outgoing_request::{OutgoingRequest, forwarded_headers};
pub use peer_key::{PeerKey, PeerKeySource};
pub(super) use servers::BucketServers;
