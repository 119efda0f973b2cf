//! `server`: serve the store over HTTP.

use std::path::PathBuf;

use crate::cli::config::Layers;
use crate::cli::exit::Result;
use crate::cli::limit_args::Limits;
use crate::cli::output::Output;
use crate::cli::replica_args::ReplicaArgs;
use crate::cli::schedule_args::ScheduleArgs;
use crate::cli::secret::Secret;
use crate::cli::serve;
use crate::cli::server_check;
use crate::cli::server_settings::TlsFiles;
use crate::cli::settings::Settings;
use crate::names::RemoteUrl;

/// Serve the store over HTTP
///
/// Creates the store if there is none. Logs to standard error, a line for each request; prints nothing. SIGTERM or SIGINT stop
/// it once the running requests are answered; SIGHUP has it read its keys and its certificate again.
///
/// With --config, what the flags say may stand in a TOML file, each under the flag's long name: `port = 6384`, `cors = true`,
/// `mirror = ["https://…"]`, and so --root, --branch, --verbose (a number), --quiet and --color. A flag beats its variable, and that
/// the file; a list is replaced, not joined. File names are taken from the file's folder. With --check, prints what is set, as TOML,
/// and where: the file's line, the variable or the flag; secrets are shown as `…`. JSON: none, but with --check {"config":"…"|null,
/// "settings":[{"key":"…","value":…,"from":"--port"|"WASMSTORE_PORT"|"wasmstore.toml:3"}]}; --log-json makes the log JSON
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ServerArgs {
    /// Read settings from this TOML file [env: WASMSTORE_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Check everything that a start needs, print what is set, and exit; nothing is made, and nothing listens
    #[arg(long)]
    pub check: bool,
    /// Listen on this address, an IP or a name [default: 127.0.0.1] [env: WASMSTORE_HOST]
    #[arg(long)]
    pub host: Option<String>,
    /// Listen on this port; 0 is any that is free [default: 6384] [env: WASMSTORE_PORT]
    #[arg(long)]
    pub port: Option<u16>,
    /// Let in only who has one of these keys, each for its methods: KEY:GET,POST;OTHER:* [env: WASMSTORE_AUTH]
    #[arg(long, value_name = "KEYS", value_parser = Secret::parse)]
    pub auth: Option<Secret>,
    /// Read keys from this file, one KEY:METHODS or KEY:METHODS:NAME <MAIL> a line, where NAME is who its changes are by
    #[arg(long, value_name = "FILE")]
    pub auth_file: Option<PathBuf>,
    /// Let pages of other sites use the store
    #[arg(long)]
    pub cors: bool,
    /// Serve over TLS with this key and certificate, PEM files that are read again when they change [env: WASMSTORE_TLS]
    #[arg(long, value_name = "KEY_FILE,CERT_FILE", value_parser = TlsFiles::parse)]
    pub tls: Option<TlsFiles>,
    /// Push every change to this git repository, as `mirror add` would, under its host's name; may be given several times
    #[arg(long, value_name = "URL", value_parser = RemoteUrl::parse)]
    pub mirror: Vec<RemoteUrl>,
    /// Log JSON, one object a line
    #[arg(long)]
    pub log_json: bool,
    #[command(flatten)]
    pub replica: ReplicaArgs,
    #[command(flatten)]
    pub schedule: ScheduleArgs,
    #[command(flatten)]
    pub limits: Limits,
    /// Where all of this comes from.
    #[arg(skip)]
    pub layers: Layers,
}

impl ServerArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        self.layers.warn();
        match self.check {
            true => server_check::run(&self, settings, out),
            false => serve::run(self, settings),
        }
    }
}
