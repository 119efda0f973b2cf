//! The flags for the limits of a server.

use std::time::Duration;

use super::combine::{Combine, combine_fields};
use super::error::ConfigError;
use super::file::FileSettings;
use super::value_impls::parse_count;
use super::value_types::{AtLeast, Seconds};
use crate::cli::memory_limit::default_client_memory;
use crate::config::{
    CacheLimits, GitProcessLimits, ManifestRetention, MirrorLimits, ModuleLimits, NameRules,
    Options, PushLimits, ServerLimits,
};

/// The minimum for the default of `--memory-mib`, in bytes. It applies to machines with little memory.
const CLIENT_MEMORY_MIN: u64 = 64 << 20;

/// The flags that limit the resources that the clients of a server may use.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(in crate::cli) struct LimitArgs {
    /// Limit the size of a module, in bytes after decompression [default: the store's limit, or 1073741824]
    #[arg(long, value_name = "BYTES")]
    max_module_bytes: Option<AtLeast<8>>,
    /// Limit the size of a section of a module, other than code and custom sections, in bytes [default: the store's limit, or 67108864]
    #[arg(long, value_name = "BYTES")]
    max_section_bytes: Option<u32>,
    /// Limit the work of validating a module of 10 MiB or more, in units of about a nanosecond; for a smaller module, the limit is lower in
    /// proportion [default: the store's limit, or 20000000000]
    #[arg(long, value_name = "UNITS")]
    max_validation_fuel: Option<AtLeast<1>>,
    /// Limit the number of connections at a time
    #[arg(long, value_name = "N", value_parser = parse_count, default_value_t = server().connections_max)]
    max_connections: usize,
    /// Limit the number of WebSockets at a time
    #[arg(long, value_name = "N", value_parser = parse_count, default_value_t = server().sockets_max)]
    max_sockets: usize,
    /// Limit the number of reads at a time, and separately of writes; further requests wait
    #[arg(long, value_name = "N", value_parser = parse_count, default_value_t = server().requests_max)]
    max_requests: usize,
    /// Let a request that exceeds --max-requests wait at most this long
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(server().request_wait))]
    request_wait: Seconds,
    /// Limit the time to receive the head of a request
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(server().header_timeout))]
    header_timeout: Seconds,
    /// Close a connection whose client makes no progress for this long; pings do not count as progress
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(server().idle_timeout))]
    idle_timeout: Seconds,
    /// Require progress on a request's body in each period of this length; see --min-body-bytes
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(server().body_progress_timeout))]
    body_timeout: Seconds,
    /// Require at least this much of a request's body in each period of --body-timeout
    #[arg(long, value_name = "BYTES", default_value_t = AtLeast(server().body_progress_bytes_min))]
    min_body_bytes: AtLeast<1>,
    /// Let running requests continue for this long when the server stops
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(server().shutdown_grace))]
    shutdown_grace: Seconds,
    /// Continue to serve for this long after the signal to stop, with status 503 at /readyz, so that load balancers notice; a second
    /// signal ends this period
    #[arg(long, value_name = "SECONDS")]
    drain: Option<Seconds>,
    /// Limit the number of wrong keys that one address may send in a minute
    #[arg(long, value_name = "N", value_parser = parse_count, default_value_t = server().wrong_keys_max)]
    max_wrong_keys: usize,
    /// End a session of the web UI after this long
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(server().session_age_max))]
    session_age: Seconds,
    /// Ping a silent WebSocket this often
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(server().ping_interval))]
    ping_interval: Seconds,
    /// Limit the size of a message that a WebSocket client sends
    #[arg(long, value_name = "BYTES", value_parser = parse_count, default_value_t = server().socket_message_bytes_max)]
    max_socket_message_bytes: usize,
    /// Limit the number of paths that the new commits of a push may add or change [default: the store's limit, or 4194304]
    #[arg(long, value_name = "N")]
    max_push_paths: Option<AtLeast<1>>,
    /// Limit the total length of the paths that the new commits of a push may add or change, in bytes [default: the store's limit, or
    /// 268435456]
    #[arg(long, value_name = "BYTES")]
    max_push_path_bytes: Option<AtLeast<1>>,
    /// Limit the total length of all paths in the tree of a commit that is pushed or comes from the primary, in bytes [default: the
    /// store's limit, or 1073741824]
    #[arg(long, value_name = "BYTES")]
    max_tree_path_bytes: Option<AtLeast<1>>,
    /// Keep a manifest that an OCI client has pushed for this many days after it lost its last tag [default: the store's limit, or 30]
    #[arg(long, value_name = "DAYS")]
    oci_keep: Option<u32>,
    /// Reject new names that Windows or macOS do not accept, and names that differ from another name in the same directory only by letter
    /// case or Unicode normalization. `git config wasmstore.portableNames true` in the store does so for every process
    #[arg(long)]
    portable_names: bool,
    /// Limit the time of a push to a mirror
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(MirrorLimits::default().push_timeout))]
    mirror_timeout: Seconds,
    /// Cache this much of the modules that were read, and as much again of trees
    #[arg(long, value_name = "MIB", default_value_t = mib(CacheLimits::default().module_bytes_max))]
    cache_mib: u32,
    /// Limit the total size of running uploads after decompression; further uploads are refused
    #[arg(long, value_name = "MIB", default_value_t = mib(server().spool_bytes_max))]
    spool_mib: u32,
    /// Limit the memory for responses, uploads and everything else that is held for clients; further requests wait. Default: a quarter
    /// of the machine's or the cgroup's memory
    #[arg(long, value_name = "MIB")]
    memory_mib: Option<AtLeast<8>>,
    /// Cache this much of compressed variants of modules
    #[arg(long, value_name = "MIB", default_value_t = mib(server().compressed_bytes_max))]
    compressed_mib: u32,
    /// Do not compress modules that are larger than this, or larger than a quarter of --compressed-mib
    #[arg(long, value_name = "BYTES", default_value_t = AtLeast(server().compressible_bytes_max))]
    max_compressible_bytes: AtLeast<0>,
    /// Limit the number of git fetches at a time, and separately of pushes; further fetches and pushes wait, and one key may use half of
    /// each limit
    #[arg(long, value_name = "N", value_parser = parse_count, default_value_t = server().git_services_max)]
    max_git_services: usize,
    /// Limit the total time of one request of a fetch or push
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(server().git_time_max))]
    git_timeout: Seconds,
    /// End a fetch whose client does not read 64 KiB in this time
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(server().git_read_timeout))]
    git_read_timeout: Seconds,
    /// Limit the memory of each git process; 0 means no limit
    #[arg(long, value_name = "MIB", default_value_t = mib(server().git_process.memory_bytes_max))]
    git_memory_mib: u32,
    /// Limit the CPU time of each git process that serves a client; 0 means no limit
    #[arg(long, value_name = "SECONDS", default_value_t = AtLeast(server().git_process.cpu_seconds_max))]
    git_cpu: AtLeast<0>,
    /// Limit the size of a request of a fetch, in bytes after decompression
    #[arg(long, value_name = "BYTES", default_value_t = AtLeast(server().fetch_bytes_max))]
    max_fetch_bytes: AtLeast<4>,
    /// Limit the size of a push, in bytes after decompression
    #[arg(long, value_name = "BYTES", default_value_t = AtLeast(server().push_bytes_max))]
    max_push_bytes: AtLeast<4>,
}

impl LimitArgs {
    pub(super) fn combine(
        &mut self,
        combine: &mut Combine<'_>,
        file: &mut FileSettings,
    ) -> Result<(), ConfigError> {
        combine_fields!(combine, self, file:
            max_module_bytes, max_section_bytes, max_validation_fuel, max_connections, max_sockets, max_requests, request_wait, header_timeout,
            idle_timeout, body_timeout, min_body_bytes, shutdown_grace, drain, max_wrong_keys, session_age, ping_interval,
            max_socket_message_bytes, max_push_paths, max_push_path_bytes, max_tree_path_bytes, oci_keep,
            mirror_timeout, cache_mib, spool_mib, memory_mib, compressed_mib, max_compressible_bytes, max_git_services,
            git_timeout, git_read_timeout, git_memory_mib, git_cpu, max_fetch_bytes, max_push_bytes,
        );
        let portable_names = file.portable_names.take();
        combine.switch("portable_names", &mut self.portable_names, portable_names);
        Ok(())
    }

    /// Returns the options for opening the store. `configured` are the options from the store's own configuration; the flags override them.
    pub fn options(&self, configured: Options) -> Options {
        let (modules, push) = (configured.modules, configured.push);
        let or = |limit: Option<u64>, configured| limit.unwrap_or(configured);
        Options {
            modules: ModuleLimits {
                module_bytes_max: or(
                    self.max_module_bytes.map(|max| max.0),
                    modules.module_bytes_max,
                ),
                section_bytes_max: self.max_section_bytes.unwrap_or(modules.section_bytes_max),
                validation_fuel_max: or(
                    self.max_validation_fuel.map(|max| max.0),
                    modules.validation_fuel_max,
                ),
            },
            cache: CacheLimits {
                module_bytes_max: bytes(self.cache_mib),
                tree_bytes_max: bytes(self.cache_mib),
            },
            blob_uploads: configured.blob_uploads,
            manifests: ManifestRetention {
                keep_days: or(self.oci_keep.map(u64::from), configured.manifests.keep_days),
            },
            push: PushLimits {
                paths_max: or(self.max_push_paths.map(|max| max.0), push.paths_max),
                path_bytes_max: or(
                    self.max_push_path_bytes.map(|max| max.0),
                    push.path_bytes_max,
                ),
                tree_path_bytes_max: or(
                    self.max_tree_path_bytes.map(|max| max.0),
                    push.tree_path_bytes_max,
                ),
                ..push
            },
            names: NameRules {
                portable: self.portable_names,
            },
        }
    }

    /// Returns the limits of pushes to mirrors.
    pub fn mirrors(&self) -> MirrorLimits {
        MirrorLimits {
            push_timeout: self.mirror_timeout.0,
            ..MirrorLimits::default()
        }
    }

    /// Returns the memory for clients, in bytes.
    pub fn client_memory_bytes(&self) -> u64 {
        match self.memory_mib {
            Some(AtLeast(mib)) => mib.saturating_mul(1 << 20),
            None => default_client_memory().max(CLIENT_MEMORY_MIN),
        }
    }

    /// Returns the limits of the HTTP server.
    pub fn server(&self) -> ServerLimits {
        ServerLimits {
            connections_max: self.max_connections,
            sockets_max: self.max_sockets,
            requests_max: self.max_requests,
            request_wait: self.request_wait.0,
            header_timeout: self.header_timeout.0,
            idle_timeout: self.idle_timeout.0,
            body_progress_timeout: self.body_timeout.0,
            body_progress_bytes_min: self.min_body_bytes.0,
            shutdown_grace: self.shutdown_grace.0,
            drain: self.drain.map_or(Duration::ZERO, |drain| drain.0),
            wrong_keys_max: self.max_wrong_keys,
            session_age_max: self.session_age.0,
            ping_interval: self.ping_interval.0,
            socket_message_bytes_max: self.max_socket_message_bytes,
            spool_bytes_max: bytes(self.spool_mib),
            compressed_bytes_max: bytes(self.compressed_mib),
            compressible_bytes_max: self.max_compressible_bytes.0,
            git_services_max: self.max_git_services,
            git_time_max: self.git_timeout.0,
            git_read_timeout: self.git_read_timeout.0,
            git_process: GitProcessLimits {
                memory_bytes_max: bytes(self.git_memory_mib),
                cpu_seconds_max: self.git_cpu.0,
            },
            fetch_bytes_max: self.max_fetch_bytes.0,
            push_bytes_max: self.max_push_bytes.0,
        }
    }
}

fn server() -> ServerLimits {
    ServerLimits::default()
}

fn bytes(mib: u32) -> u64 {
    u64::from(mib) << 20
}

fn mib(bytes: u64) -> u32 {
    u32::try_from(bytes >> 20).unwrap_or(u32::MAX)
}
