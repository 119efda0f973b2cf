//! The options of stores, servers, clients, replicas and mirrors: limits and timeouts, with their default values.

use std::time::Duration;

/// Options for opening a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Limits on modules.
    pub modules: ModuleLimits,
    /// Sizes of the in-memory caches.
    pub cache: CacheLimits,
    /// Limits on pushes.
    pub push: PushLimits,
    /// Rules for the names of new modules and directories.
    pub names: NameRules,
    /// Limits on the blobs that OCI clients upload before the manifest that names them.
    pub blob_uploads: BlobUploadLimits,
    /// How long the OCI registry keeps a manifest that has no tag.
    pub manifests: ManifestRetention,
}

/// Rules for new names of modules and directories. Names that are already in the store are not checked against these rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameRules {
    /// Whether a new name must be valid on Windows and macOS, and must differ from the other names in its directory by more than letter
    /// case and Unicode normalization. The setting `wasmstore.portableNames` in the repository's git configuration has the same effect.
    pub portable: bool,
}

/// Limits on modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleLimits {
    /// The maximum size of a module, in bytes.
    pub module_bytes_max: u64,
    /// The maximum size of a section that must be in memory as a whole, in bytes. The limit does not apply to code sections, custom
    /// sections, and nested modules and components.
    pub section_bytes_max: u32,
    /// The maximum estimated work of validating a module of 10 MiB or more, in units of about a nanosecond of one core. For a smaller
    /// module, the maximum is lower, in proportion to its size. The estimate depends only on the bytes of the module, so the result is the
    /// same on every machine.
    pub validation_fuel_max: u64,
}

impl ModuleLimits {
    /// Returns limits that every module satisfies. They apply to modules that are already in a store, because these may have been accepted
    /// when the configured limits were higher.
    pub fn unlimited() -> Self {
        Self {
            module_bytes_max: u64::MAX,
            section_bytes_max: u32::MAX,
            validation_fuel_max: u64::MAX,
        }
    }
}

impl Default for ModuleLimits {
    fn default() -> Self {
        Self {
            module_bytes_max: 1 << 30,
            section_bytes_max: 64 << 20,
            validation_fuel_max: 20_000_000_000,
        }
    }
}

/// How long the OCI registry keeps a manifest that has no tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManifestRetention {
    /// The number of days that a manifest is kept after it lost its last tag, or after it was pushed without a tag.
    pub keep_days: u64,
}

impl Default for ManifestRetention {
    fn default() -> Self {
        Self { keep_days: 30 }
    }
}

/// Limits on the blobs that OCI clients upload before the manifest that names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobUploadLimits {
    /// The maximum total size of unfinished uploads and of blobs that no manifest names yet, in bytes.
    pub bytes_max: u64,
    /// The maximum number of unfinished uploads and of blobs that no manifest names yet, in total.
    pub files_max: u64,
    /// How long an unfinished upload, or a blob that no manifest names yet, is kept after the last write to its file.
    pub age_max: Duration,
}

impl Default for BlobUploadLimits {
    fn default() -> Self {
        Self {
            bytes_max: 16 << 30,
            files_max: 100_000,
            age_max: Duration::from_secs(24 * 3600),
        }
    }
}

/// Limits on pushes, in addition to the limits on modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushLimits {
    /// The maximum size of a commit or tag object, in bytes.
    pub commit_bytes_max: u64,
    /// The maximum size of a tree object, in bytes. A directory of a million modules has about 40 MB.
    pub tree_bytes_max: u64,
    /// The maximum number of paths that the new commits of one push add or change. A path counts once for each commit that adds or changes
    /// it. The limit is needed because a few small trees, each referenced many times, can contain billions of paths.
    pub paths_max: u64,
    /// The maximum total length of the paths that [`paths_max`](Self::paths_max) counts, in bytes. In the version index, they take up to
    /// nine times as much space.
    pub path_bytes_max: u64,
    /// The maximum total length of all paths in the tree of a commit that is pushed, fetched or cloned, in bytes.
    pub tree_path_bytes_max: u64,
}

impl Default for PushLimits {
    fn default() -> Self {
        Self {
            commit_bytes_max: 1 << 20,
            tree_bytes_max: 256 << 20,
            paths_max: 4 << 20,
            path_bytes_max: 256 << 20,
            tree_path_bytes_max: 1 << 30,
        }
    }
}

/// Sizes of the in-memory caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// The maximum size of the cache of modules, in bytes.
    pub module_bytes_max: u64,
    /// The maximum size of the cache of decoded trees, in bytes.
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

/// Limits and timeouts of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaLimits {
    /// The interval at which the replica polls the refs of the primary, in addition to notifications.
    pub poll_interval: Duration,
    /// The time limit of a git process that fetches from the primary.
    pub fetch_timeout: Duration,
    /// How long the WebSocket to the primary may stay silent before the replica connects again. The primary sends pings more often.
    pub socket_silence_max: Duration,
    /// The timeout for connecting to the primary.
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

/// Limits and timeouts of a client of a remote store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    /// The timeout for connecting to the server.
    pub connect_timeout: Duration,
    /// The longest time that the client waits for the next bytes of a response.
    pub silence_max: Duration,
    /// The longest time that the client waits for the response to a gc. The server sends nothing while the gc runs.
    pub gc_silence_max: Duration,
    /// The maximum number of attempts to resume a download. The count starts again when the download makes progress.
    pub download_attempts_max: u32,
    /// The maximum number of attempts to continue an upload. The count starts again when the upload makes progress. With the pauses between
    /// them, the attempts take about as long as a restart of a server.
    pub upload_attempts_max: u32,
    /// The maximum size of a response that is not a module, in bytes.
    pub text_bytes_max: u64,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            silence_max: Duration::from_secs(300),
            gc_silence_max: Duration::from_secs(24 * 3600),
            download_attempts_max: 4,
            upload_attempts_max: 7,
            text_bytes_max: 256 << 20,
        }
    }
}

/// The limits that the server sets for its clients. Sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// The maximum number of concurrent connections; further connections get a 503 and are closed.
    pub connections_max: usize,
    /// The maximum number of concurrent WebSockets; further ones get a 503.
    pub sockets_max: usize,
    /// The maximum number of concurrent requests that read the store. The same maximum applies separately to requests that write to it.
    /// Further requests wait.
    pub requests_max: usize,
    /// How long a request waits for a limited resource, such as one of the [`requests_max`](Self::requests_max) permits or memory, before
    /// it gets a 503.
    pub request_wait: Duration,
    /// The time limit for the header of a request, and for a TLS handshake.
    pub header_timeout: Duration,
    /// The idle timeout of a connection. It is longer than the 60 s after which proxies and load balancers usually close an idle
    /// connection. If the server closed the connection first, a request that the proxy is just sending could be lost.
    pub idle_timeout: Duration,
    /// The interval in which [`body_progress_bytes_min`](Self::body_progress_bytes_min) bytes of a request body must arrive.
    pub body_progress_timeout: Duration,
    /// The number of bytes of a request body that must arrive in each [`body_progress_timeout`](Self::body_progress_timeout).
    pub body_progress_bytes_min: u64,
    /// How long running requests may continue after the server was asked to stop.
    pub shutdown_grace: Duration,
    /// How long a server that was asked to stop continues to serve requests, while `/readyz` responds with 503, so that load balancers send
    /// no more requests.
    pub drain: Duration,
    /// The maximum number of requests with a wrong API key from one IP address in a minute; further ones get a 429.
    pub wrong_keys_max: usize,
    /// How long a browser stays signed in to the web UI.
    pub session_age_max: Duration,
    /// The interval between pings on an idle WebSocket.
    pub ping_interval: Duration,
    /// The maximum size of a WebSocket message from a client.
    pub socket_message_bytes_max: usize,
    /// The maximum total size of decoded uploads in progress, in memory and on disk.
    pub spool_bytes_max: u64,
    /// The maximum size of the cache of compressed variants of modules.
    pub compressed_bytes_max: u64,
    /// The maximum size of a module that is compressed. A module over a quarter of
    /// [`compressed_bytes_max`](Self::compressed_bytes_max) is not compressed either.
    pub compressible_bytes_max: u64,
    /// The maximum number of concurrent git processes for fetches. The same maximum applies separately to pushes. Further requests wait.
    /// One API key may use half of the processes.
    pub git_services_max: usize,
    /// The time limit of a git process for a fetch or a push.
    pub git_time_max: Duration,
    /// The time in which a client must read the next 64 KiB of git's response.
    pub git_read_timeout: Duration,
    /// The limits of each git process.
    pub git_process: GitProcessLimits,
    /// The maximum size of a decoded fetch request.
    pub fetch_bytes_max: u64,
    /// The maximum size of a decoded push request: ref updates and pack.
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
            idle_timeout: Duration::from_secs(75),
            body_progress_timeout: Duration::from_secs(30),
            body_progress_bytes_min: 4 << 10,
            shutdown_grace: Duration::from_secs(10),
            drain: Duration::ZERO,
            wrong_keys_max: 60,
            session_age_max: Duration::from_secs(12 * 3600),
            ping_interval: Duration::from_secs(20),
            socket_message_bytes_max: 64 << 10,
            spool_bytes_max: 16 << 30,
            compressed_bytes_max: 64 << 20,
            compressible_bytes_max: 64 << 20,
            git_services_max: 16,
            git_time_max: Duration::from_secs(3600),
            git_read_timeout: Duration::from_secs(60),
            git_process: GitProcessLimits::default(),
            fetch_bytes_max: 64 << 20,
            push_bytes_max: 16 << 30,
        }
    }
}

/// Limits on each git process that a server starts. 0 means no limit. The limits are enforced only on Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GitProcessLimits {
    /// The maximum size of the address space, in bytes.
    pub memory_bytes_max: u64,
    /// The maximum CPU time of a process that serves a client, in seconds. Other processes are limited by their timeouts.
    pub cpu_seconds_max: u64,
}

impl Default for GitProcessLimits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 2 << 30,
            cpu_seconds_max: 3600,
        }
    }
}

/// Time limits for mirrors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MirrorLimits {
    /// The time limit of a push.
    pub push_timeout: Duration,
    /// The time limit for listing the refs of a mirror.
    pub ls_remote_timeout: Duration,
}

impl Default for MirrorLimits {
    fn default() -> Self {
        Self {
            push_timeout: Duration::from_secs(3600),
            ls_remote_timeout: Duration::from_secs(60),
        }
    }
}
