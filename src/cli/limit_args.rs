//! The server's limits as flags.

use std::num::IntErrorKind;
use std::time::Duration;

use clap::value_parser;

use crate::config::{CacheLimits, MirrorLimits, ModuleLimits, Options, PushLimits, ServerLimits};

/// How many of anything there may be: what counts them takes more than that.
const COUNT_MAX: usize = u32::MAX as usize;

/// What clients may take up.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct Limits {
    /// The largest module, in bytes, decoded [default: 1073741824]
    #[arg(long, value_name = "BYTES", value_parser = value_parser!(u64).range(8..))]
    max_module_bytes: Option<u64>,
    /// The largest section of a module that is neither code nor custom, in bytes [default: 67108864]
    #[arg(long, value_name = "BYTES")]
    max_section_bytes: Option<u32>,
    /// Connections at a time [default: 4096]
    #[arg(long, value_name = "N", value_parser = count)]
    max_connections: Option<usize>,
    /// WebSockets at a time [default: 2048]
    #[arg(long, value_name = "N", value_parser = count)]
    max_sockets: Option<usize>,
    /// Requests that read the store at a time, and as many that change it; more wait [default: 64]
    #[arg(long, value_name = "N", value_parser = count)]
    max_requests: Option<usize>,
    /// How long a request waits for its turn [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    request_wait: Option<Duration>,
    /// How long the head of a request may take [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    header_timeout: Option<Duration>,
    /// How long a connection may be silent [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    idle_timeout: Option<Duration>,
    /// In each such time the least part of a body must arrive [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    body_timeout: Option<Duration>,
    /// The least part of a body that must arrive in that time [default: 4096]
    #[arg(long, value_name = "BYTES", value_parser = value_parser!(u64).range(1..))]
    min_body_bytes: Option<u64>,
    /// How long running requests may go on when the server stops [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    shutdown_grace: Option<Duration>,
    /// How often a silent WebSocket is pinged [default: 20]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    ping_interval: Option<Duration>,
    /// The largest message that a WebSocket may send [default: 65536]
    #[arg(long, value_name = "BYTES", value_parser = count)]
    max_socket_message_bytes: Option<usize>,
    /// How many paths the new commits of a push may bring or change [default: 4194304]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    max_push_paths: Option<u64>,
    /// How long a push to a mirror may take [default: 3600]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    mirror_timeout: Option<Duration>,
    /// Memory for modules that were read, and as much again for trees [default: 64]
    #[arg(long, value_name = "MIB")]
    cache_mib: Option<u32>,
    /// Room for uploads under way, decoded; more are turned away [default: 16384]
    #[arg(long, value_name = "MIB")]
    spool_mib: Option<u32>,
    /// Memory for large modules while they are sent; more wait [default: 4096]
    #[arg(long, value_name = "MIB")]
    sending_mib: Option<u32>,
    /// Memory for compressed forms of modules [default: 64]
    #[arg(long, value_name = "MIB")]
    compressed_mib: Option<u32>,
    /// The largest module that is compressed, in bytes; never more than a quarter of that memory [default: 67108864]
    #[arg(long, value_name = "BYTES")]
    max_compressible_bytes: Option<u64>,
    /// Fetches and pushes of git at a time; more wait [default: 16]
    #[arg(long, value_name = "N", value_parser = count)]
    max_git_services: Option<usize>,
    /// How long one request of a fetch or push may take in all [default: 3600]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    git_timeout: Option<Duration>,
    /// The largest request of a fetch, in bytes, decoded [default: 67108864]
    #[arg(long, value_name = "BYTES", value_parser = value_parser!(u64).range(4..))]
    max_fetch_bytes: Option<u64>,
    /// The largest push, in bytes, decoded [default: 17179869184]
    #[arg(long, value_name = "BYTES", value_parser = value_parser!(u64).range(4..))]
    max_push_bytes: Option<u64>,
}

impl Limits {
    /// How the store is opened.
    pub fn options(&self) -> Options {
        let (modules, cache) = (ModuleLimits::default(), CacheLimits::default());
        let push = PushLimits::default();
        Options {
            modules: ModuleLimits {
                module_bytes_max: self.max_module_bytes.unwrap_or(modules.module_bytes_max),
                section_bytes_max: self.max_section_bytes.unwrap_or(modules.section_bytes_max),
            },
            cache: CacheLimits {
                module_bytes_max: bytes(self.cache_mib).unwrap_or(cache.module_bytes_max),
                tree_bytes_max: bytes(self.cache_mib).unwrap_or(cache.tree_bytes_max),
            },
            push: PushLimits {
                paths_max: self.max_push_paths.unwrap_or(push.paths_max),
                ..push
            },
        }
    }

    /// What mirrors may take up.
    pub fn mirrors(&self) -> MirrorLimits {
        MirrorLimits::within(self.mirror_timeout)
    }

    /// What clients may take up of the server.
    pub fn server(&self) -> ServerLimits {
        let default = ServerLimits::default();
        ServerLimits {
            connections_max: self.max_connections.unwrap_or(default.connections_max),
            sockets_max: self.max_sockets.unwrap_or(default.sockets_max),
            requests_max: self.max_requests.unwrap_or(default.requests_max),
            request_wait: self.request_wait.unwrap_or(default.request_wait),
            header_timeout: self.header_timeout.unwrap_or(default.header_timeout),
            idle_timeout: self.idle_timeout.unwrap_or(default.idle_timeout),
            body_progress_timeout: self.body_timeout.unwrap_or(default.body_progress_timeout),
            body_progress_bytes_min: self
                .min_body_bytes
                .unwrap_or(default.body_progress_bytes_min),
            shutdown_grace: self.shutdown_grace.unwrap_or(default.shutdown_grace),
            ping_interval: self.ping_interval.unwrap_or(default.ping_interval),
            socket_message_bytes_max: self
                .max_socket_message_bytes
                .unwrap_or(default.socket_message_bytes_max),
            spool_bytes_max: bytes(self.spool_mib).unwrap_or(default.spool_bytes_max),
            sending_bytes_max: bytes(self.sending_mib).unwrap_or(default.sending_bytes_max),
            compressed_bytes_max: bytes(self.compressed_mib)
                .unwrap_or(default.compressed_bytes_max),
            compressible_bytes_max: self
                .max_compressible_bytes
                .unwrap_or(default.compressible_bytes_max),
            git_services_max: self.max_git_services.unwrap_or(default.git_services_max),
            git_time_max: self.git_timeout.unwrap_or(default.git_time_max),
            fetch_bytes_max: self.max_fetch_bytes.unwrap_or(default.fetch_bytes_max),
            push_bytes_max: self.max_push_bytes.unwrap_or(default.push_bytes_max),
        }
    }
}

fn bytes(mib: Option<u32>) -> Option<u64> {
    mib.map(|mib| u64::from(mib) << 20)
}

fn count(text: &str) -> Result<usize, String> {
    let outside = || format!("it is between 1 and {COUNT_MAX}");
    match text.parse::<usize>() {
        Ok(count @ 1..=COUNT_MAX) => Ok(count),
        Ok(_) => Err(outside()),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => Err(outside()),
        Err(error) => Err(error.to_string()),
    }
}

/// At most a year: nothing is to be added up to more than a clock can tell.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(seconds @ 1..=31_536_000) => Ok(Duration::from_secs(seconds)),
        Ok(_) => Err("it is between a second and a year".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
