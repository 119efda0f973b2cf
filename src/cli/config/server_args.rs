//! The flags of `server`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::builder::{PathBufValueParser, TypedValueParser as _};
use clap::{Arg, ArgMatches, Args, Command};

use super::bucket_args::BucketServerArgs;
use super::limit_args::LimitArgs;
use super::replica_args::ReplicaArgs;
use super::schedule_args::ScheduleArgs;
use super::source::SettingSources;
use super::value_types::TlsFiles;
use crate::cli::args::GlobalArgs;
use crate::cli::home::expand;
use crate::cli::secret::Secret;
use crate::http::{AllowedHost, BasePath, ListenAddress, TrustedProxy};
use crate::names::RemoteUrl;

const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 6384;

/// Serve the store over HTTP
///
/// Creates the store if it does not exist. Browsers get a web UI at /. Logs to standard error, one line for each request, and prints
/// nothing. On SIGTERM or SIGINT, finishes the running requests and exits; with --drain, continues to serve for some time before that. If
/// systemd passes sockets to the server, uses them instead of its own addresses. On SIGHUP, reads the keys and the certificate again.
///
/// The flags can also be set in a TOML file, which --config names. Each key has the long name of a flag: `port = 6384`,
/// `cors = true`, `mirror = ["https://…"]`. The keys include --root, --branch, --verbose (a number), --quiet and --color. A flag
/// takes precedence over its variable, and the variable over the file; a list replaces the list of the file. Relative paths are
/// relative to the directory of the file, and ~/ is the home directory. With --check, prints the settings as TOML, each with its
/// source: the flag, the variable, or the line of the file; secrets are printed as `…`. JSON: none, but with --check {"config":"…"|null,
/// "settings":[{"key":"…","value":…,"from":"--port"|"WASMSTORE_PORT"|"wasmstore.toml:3"}]}; --log-json makes the log JSON
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct ServerArgs {
    /// Read settings from this TOML file [env: WASMSTORE_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Check everything that a start needs, print the settings, and exit without creating or serving anything
    #[arg(long)]
    pub check: bool,
    /// Listen on this IP address or host name [env: WASMSTORE_HOST]
    #[arg(long, default_value = DEFAULT_HOST)]
    pub host: String,
    /// Listen on this port; 0 selects a free port [env: WASMSTORE_PORT]
    #[arg(long, default_value_t = DEFAULT_PORT)]
    pub port: u16,
    /// Listen on this address, instead of --host and --port: HOST:PORT or unix:PATH; can be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Vec<ListenAddress>,
    /// Serve below this path, behind a proxy that forwards requests without changing their paths
    #[arg(long, value_name = "PATH", default_value_t)]
    pub base_path: BasePath,
    /// Refuse requests that name another host than this one, --host, localhost or an IP address; can be repeated, * allows every name
    #[arg(long, value_name = "NAME")]
    pub allowed_host: Vec<AllowedHost>,
    /// Trust the X-Forwarded-For header from this proxy: an IP address, a network, or `unix`; can be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub trusted_proxy: Vec<TrustedProxy>,
    /// Require one of these keys, each for its methods: KEY:GET,POST;OTHER:* [env: WASMSTORE_AUTH]
    #[arg(long, value_name = "KEYS", value_parser = Secret::parse)]
    pub auth: Option<Secret>,
    /// Read keys from this file, one KEY:METHODS or KEY:METHODS:NAME <MAIL> per line; NAME is the author of the key's commits
    #[arg(long, value_name = "FILE", value_parser = PathBufValueParser::new().try_map(expand))]
    pub auth_file: Option<PathBuf>,
    /// Allow requests from web pages of any origin
    #[arg(long)]
    pub cors: bool,
    /// Do not serve the web UI
    #[arg(long)]
    pub no_web: bool,
    /// Serve TLS with this private key and certificate, PEM files that are reloaded when they change [env: WASMSTORE_TLS]
    #[arg(long, value_name = "KEY_FILE,CERT_FILE", value_parser = TlsFiles::parse)]
    pub tls: Option<TlsFiles>,
    /// Add this git repository as a mirror, named after its host, as `mirror add` does; can be repeated
    #[arg(long, value_name = "URL", value_parser = RemoteUrl::parse)]
    pub mirror: Vec<RemoteUrl>,
    /// Write the log as JSON, one object per line
    #[arg(long)]
    pub log_json: bool,
    #[command(flatten)]
    pub replica: ReplicaArgs,
    #[command(flatten)]
    pub bucket: BucketServerArgs,
    #[command(flatten)]
    pub schedule: ScheduleArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// The source of each setting that is set: a flag, a variable or a line of the file.
    #[arg(skip)]
    pub sources: SettingSources,
    /// The flags as clap parsed them. When the configuration file is read again, it is combined with these flags.
    #[arg(skip)]
    pub flags: Option<Arc<ServerFlags>>,
}

/// The flags of a server, as clap parsed them, before they are combined with the environment variables and the configuration file.
#[derive(Clone, Debug)]
pub(in crate::cli) struct ServerFlags {
    pub server: ServerArgs,
    pub globals: GlobalArgs,
    /// clap's matches of `server`, which say for each flag whether it was given.
    pub matches: ArgMatches,
}

impl ServerArgs {
    /// The ids of the arguments that are not settings of a server, and therefore not keys of the configuration file.
    pub(super) const NOT_SETTINGS: [&str; 5] = ["author", "check", "config", "json", "key_file"];

    /// Returns the long names of the flags that are settings of a server: the keys of the file.
    pub(super) fn setting_names() -> Vec<String> {
        let command = Self::augment_args(GlobalArgs::augment_args(Command::new("")));
        let names = command
            .get_arguments()
            .filter(|arg| !Self::NOT_SETTINGS.contains(&arg.get_id().as_str()))
            .filter_map(Arg::get_long)
            .map(str::to_owned);
        names.collect()
    }

    /// Returns the addresses to listen on.
    pub fn addresses(&self) -> Vec<ListenAddress> {
        if !self.listen.is_empty() {
            return self.listen.clone();
        }
        vec![ListenAddress::Tcp {
            host: self.host.clone(),
            port: self.port,
        }]
    }
}
