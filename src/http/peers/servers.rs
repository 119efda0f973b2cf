//! A server's access to the bucket in which it shares its store, and to the other servers that use the bucket.

use std::sync::Arc;

use super::follow_queue::FollowQueue;
use super::forwarder::{ForwardCounts, Forwarder};
use super::peer_key::{PeerKey, PeerKeySource};
use crate::names::ServerUrl;
use crate::remote::BucketFollower;

/// A server's access to the bucket in which it shares its store, and to the other servers that use the bucket.
pub(in crate::http) struct BucketServers {
    /// Updates this server's copy of the store from the bucket.
    pub follower: Arc<BucketFollower>,
    /// Runs checks of the bucket for requests that need the newest state.
    pub checks: Arc<FollowQueue>,
    peer_key: Option<PeerKeySource>,
    forwarder: Option<Forwarder>,
}

impl BucketServers {
    /// Creates the value for a server whose local copy of the store is updated by `follower`. `peer_key` provides the secret that the
    /// servers share; without it, this server forwards no requests.
    pub fn new(follower: Arc<BucketFollower>, peer_key: Option<PeerKeySource>) -> Self {
        Self {
            follower,
            checks: Arc::default(),
            forwarder: peer_key.as_ref().and_then(|_| Forwarder::new()),
            peer_key,
        }
    }

    /// Returns the secret that the servers share; `None` if it is not known yet.
    pub fn peer_key(&self) -> Option<PeerKey> {
        self.peer_key.as_ref()?.get()
    }

    /// Returns the last writer (the server that has changed the bucket most recently), whose URL is `writer`, and the client that forwards
    /// requests to it. Returns `None` if this server has to handle requests itself.
    pub fn last_writer(&self, writer: &str) -> Option<(ServerUrl, &Forwarder)> {
        let writer = ServerUrl::parse(writer).ok()?;
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
