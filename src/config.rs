//! Plain option structs: every limit on what comes from outside, with its default.

use std::time::Duration;

/// How a store is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Limits on the modules that are taken in.
    pub modules: ModuleLimits,
    /// How much is kept in memory of what was read.
    pub cache: CacheLimits,
    /// Limits on what is pushed.
    pub push: PushLimits,
}

/// Limits on the modules that are taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleLimits {
    /// The largest module, in bytes.
    pub module_bytes_max: u64,
    /// The largest section other than code and custom sections, in bytes: such a section is held in memory whole.
    pub section_bytes_max: u32,
}

impl Default for ModuleLimits {
    fn default() -> Self {
        Self {
            module_bytes_max: 1 << 30,
            section_bytes_max: 64 << 20,
        }
    }
}

/// Limits on what is pushed, beside those on modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushLimits {
    /// The largest commit or tag, in bytes.
    pub commit_bytes_max: u64,
    /// The largest tree, in bytes: a folder of a million modules has some 40 MB.
    pub tree_bytes_max: u64,
    /// How many paths the new commits of one push may bring or change, counted in each commit: a few small trees can name billions.
    pub paths_max: u64,
}

impl Default for PushLimits {
    fn default() -> Self {
        Self {
            commit_bytes_max: 1 << 20,
            tree_bytes_max: 256 << 20,
            paths_max: 4 << 20,
        }
    }
}

/// How much is kept in memory of what was read, because it is likely to be asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// The bytes of modules.
    pub module_bytes_max: u64,
    /// Decoded trees, in bytes.
    pub tree_bytes_max: u64,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self {
            module_bytes_max: 64 << 20,
            tree_bytes_max: 64 << 20,
        }
    }
}

/// Limits of a replica on what it takes of its primary, and for how long it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaLimits {
    /// How often the primary is asked where its refs are, beside what wakes the replica before.
    pub poll_interval: Duration,
    /// How long one run of git may take.
    pub fetch_timeout: Duration,
    /// For how long the primary's WebSocket may be silent; it pings more often.
    pub socket_silence_max: Duration,
    /// How long it may take to reach the primary.
    pub connect_timeout: Duration,
}

impl Default for ReplicaLimits {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(2),
            fetch_timeout: Duration::from_secs(3600),
            socket_silence_max: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
        }
    }
}

/// Limits of a client of another store's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    /// How long it may take to reach the server.
    pub connect_timeout: Duration,
    /// For how long the server may be silent, before it answers and while it does.
    pub silence_max: Duration,
    /// The same while it collects garbage.
    pub gc_silence_max: Duration,
    /// How often a download is taken up again without that much came.
    pub attempts_max: u32,
    /// The largest answer that is not a module, in bytes.
    pub text_bytes_max: u64,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            silence_max: Duration::from_secs(300),
            gc_silence_max: Duration::from_secs(24 * 3600),
            attempts_max: 4,
            text_bytes_max: 256 << 20,
        }
    }
}

/// Limits of the server on what clients may take up. Sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Connections at a time; one more is turned away.
    pub connections_max: usize,
    /// WebSockets at a time; one more is answered 503.
    pub sockets_max: usize,
    /// Requests at a time that read the store, and as many that change it; more wait.
    pub requests_max: usize,
    /// How long a request waits for its turn before it is answered 503.
    pub request_wait: Duration,
    /// How long the head of a request, or a TLS handshake, may take.
    pub header_timeout: Duration,
    /// How long a connection may wait for its client without a sign of life.
    pub idle_timeout: Duration,
    /// In each such time [`body_progress_bytes_min`](Self::body_progress_bytes_min) of a request's body must arrive.
    pub body_progress_timeout: Duration,
    /// See [`body_progress_timeout`](Self::body_progress_timeout).
    pub body_progress_bytes_min: u64,
    /// How long running requests may go on after the server was told to stop.
    pub shutdown_grace: Duration,
    /// How often a WebSocket without traffic is pinged.
    pub ping_interval: Duration,
    /// The largest message that a WebSocket may send to the server.
    pub socket_message_bytes_max: usize,
    /// Uploads under way, decoded, in memory and on disk.
    pub spool_bytes_max: u64,
    /// Large modules in memory while they are sent.
    pub sending_bytes_max: u64,
    /// Compressed forms of modules that are kept in memory.
    pub compressed_bytes_max: u64,
    /// The largest module that is compressed at all; one that takes up more than a quarter of
    /// [`compressed_bytes_max`](Self::compressed_bytes_max) is not either.
    pub compressible_bytes_max: u64,
    /// Gits at a time that serve fetches and pushes; more wait.
    pub git_services_max: usize,
    /// How long one of them may run.
    pub git_time_max: Duration,
    /// The request of a fetch, decoded.
    pub fetch_bytes_max: u64,
    /// The request of a push, decoded: what it changes, and the pack.
    pub push_bytes_max: u64,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            sockets_max: 2048,
            requests_max: 64,
            request_wait: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            body_progress_timeout: Duration::from_secs(30),
            body_progress_bytes_min: 4 << 10,
            shutdown_grace: Duration::from_secs(10),
            ping_interval: Duration::from_secs(20),
            socket_message_bytes_max: 64 << 10,
            spool_bytes_max: 16 << 30,
            sending_bytes_max: 4 << 30,
            compressed_bytes_max: 64 << 20,
            compressible_bytes_max: 64 << 20,
            git_services_max: 16,
            git_time_max: Duration::from_secs(3600),
            fetch_bytes_max: 64 << 20,
            push_bytes_max: 16 << 30,
        }
    }
}

/// Limits on what mirrors may take up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MirrorLimits {
    /// How long a push may take as a whole.
    pub push_timeout: Duration,
    /// How long a look at what a mirror has may take.
    pub look_timeout: Duration,
}

impl MirrorLimits {
    /// The usual limits, but for the time that a push may take if that is given.
    pub fn within(push_timeout: Option<Duration>) -> Self {
        let default = Self::default();
        Self {
            push_timeout: push_timeout.unwrap_or(default.push_timeout),
            ..default
        }
    }
}

impl Default for MirrorLimits {
    fn default() -> Self {
        Self {
            push_timeout: Duration::from_secs(3600),
            look_timeout: Duration::from_secs(60),
        }
    }
}
