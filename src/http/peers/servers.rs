//! What a server on a bucket knows of the bucket and of the other servers.

use std::sync::Arc;

use super::follow_queue::FollowQueue;
use super::forwarder::{ForwardCounts, Forwarder};
use super::peer_key::{PeerKey, PeerKeySource};
use crate::names::ServerUrl;
use crate::remote::BucketFollower;
use crate::store::SharedState;

/// What a server on a bucket knows of the bucket and of the other servers.
pub(in crate::http) struct BucketServers {
    /// Keeps the copy of this server up to date.
    pub follower: Arc<BucketFollower>,
    /// Checks of the bucket on behalf of requests.
    pub checks: Arc<FollowQueue>,
    peer_key: Option<PeerKeySource>,
    forwarder: Option<Forwarder>,
}

impl BucketServers {
    /// Creates the state of a server. Without the secret, no request is forwarded.
    pub fn new(follower: Arc<BucketFollower>, peer_key: Option<PeerKeySource>) -> Self {
        Self {
            follower,
            checks: Arc::default(),
            forwarder: peer_key.as_ref().and_then(|_| Forwarder::new()),
            peer_key,
        }
    }

    /// Returns the secret of the servers; `None` if it is not known yet.
    pub fn peer_key(&self) -> Option<PeerKey> {
        self.peer_key.as_ref()?.get()
    }

    /// Returns the URL of the last writer, and the client that forwards requests to it; `None` if requests have to be handled here.
    pub fn last_writer(&self, state: &SharedState) -> Option<(ServerUrl, &Forwarder)> {
        let writer = ServerUrl::parse(state.writer.as_deref()?).ok()?;
        let forwarder = self.forwarder.as_ref()?;
        let is_other = writer.at("") != self.follower.url();
        (is_other && forwarder.may_forward_to(&writer)).then_some((writer, forwarder))
    }

    /// Returns how many requests were forwarded.
    pub fn forward_counts(&self) -> ForwardCounts {
        self.forwarder
            .as_ref()
            .map_or_else(ForwardCounts::default, Forwarder::counts)
    }
}
