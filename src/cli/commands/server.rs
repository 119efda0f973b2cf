//! `server`: serve the store over HTTP.

use std::path::PathBuf;

use crate::cli::exit::Result;
use crate::cli::limits::Limits;
use crate::cli::replica::ReplicaArgs;
use crate::cli::serve;
use crate::cli::settings::Settings;
use crate::names::RemoteUrl;

/// Serve the store over HTTP
///
/// Creates the store if there is none. Logs to standard error, a line for each request; prints nothing. SIGTERM or SIGINT stop
/// it once the running requests are answered. JSON: none; --log-json makes the log JSON
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Server {
    /// Listen on this address, an IP or a name [default: 127.0.0.1] [env: WASMSTORE_HOST]
    #[arg(long)]
    pub host: Option<String>,
    /// Listen on this port; 0 is any that is free [default: 6384] [env: WASMSTORE_PORT]
    #[arg(long)]
    pub port: Option<u16>,
    /// Let in only who has one of these keys, each for its methods: KEY:GET,POST;OTHER:* [env: WASMSTORE_AUTH]
    #[arg(long, value_name = "KEYS")]
    pub auth: Option<String>,
    /// Read keys from this file, one KEY:METHODS or KEY:METHODS:NAME <MAIL> a line, where NAME is who its changes are by
    #[arg(long, value_name = "FILE")]
    pub auth_file: Option<PathBuf>,
    /// Let pages of other sites use the store
    #[arg(long)]
    pub cors: bool,
    /// Serve over TLS with this key and certificate, PEM files that are read again when they change [env: WASMSTORE_TLS]
    #[arg(long, value_name = "KEY_FILE,CERT_FILE")]
    pub tls: Option<String>,
    /// Push every change to this git repository, as `mirror add` would, under its host's name; may be given several times
    #[arg(long, value_name = "URL", value_parser = RemoteUrl::parse)]
    pub mirror: Vec<RemoteUrl>,
    #[command(flatten)]
    pub replica: ReplicaArgs,
    /// Log JSON, one object a line
    #[arg(long)]
    pub log_json: bool,
    #[command(flatten)]
    pub limits: Limits,
}

impl Server {
    pub fn run(self, settings: &Settings) -> Result<()> {
        serve::run(self, settings)
    }
}
