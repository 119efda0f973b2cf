//! The flags of a server whose store is in a bucket, which it shares with other servers.

use std::time::Duration;

use super::combine::{Combine, combine_fields};
use super::error::ConfigError;
use super::file::FileSettings;
use super::value_types::Seconds;
use crate::bucket::{BucketOptions, BucketUrl};
use crate::cli::exit::{Error, Result};
use crate::http::{BasePath, ListenAddress};
use crate::names::ServerUrl;

/// The default of `--bucket-poll`: the time between two checks for changes that other servers have made.
const POLL: Duration = Duration::from_secs(1);

/// The flags that name the bucket, and say how the server uses it.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Bucket")]
pub(in crate::cli) struct BucketServerArgs {
    /// Serve the store in this bucket, together with other servers: s3://NAME/PREFIX, gs://, az:// or file://; --root is a local copy,
    /// which is created and may be lost. Credentials come from the variables AWS_*, GOOGLE_* or AZURE_*, and from the files of the AWS
    /// command line [env: WASMSTORE_BUCKET]
    #[arg(long, value_name = "URL", conflicts_with = "replica_of", value_parser = BucketUrl::parse)]
    pub bucket: Option<BucketUrl>,
    /// The URL at which the other servers reach this one; by default the address of --host and --port
    #[arg(long, value_name = "URL", value_parser = ServerUrl::parse)]
    peer_url: Option<ServerUrl>,
    /// Check this often for changes that other servers have made
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(POLL))]
    pub bucket_poll: Seconds,
    /// Write to the bucket at most once in this time, and let more changes share a write: for R2 and GCS, which accept about one write of
    /// an object per second
    #[arg(long, value_name = "SECONDS")]
    bucket_write_interval: Option<Seconds>,
}

impl BucketServerArgs {
    pub(super) fn combine(
        &mut self,
        combine: &mut Combine<'_>,
        file: &mut FileSettings,
    ) -> Result<(), ConfigError> {
        combine_fields!(combine, self, file: bucket, peer_url, bucket_poll, bucket_write_interval);
        Ok(())
    }

    /// Returns the options of the bucket for a server that listens on `addresses` and serves the URLs below `base_path`.
    ///
    /// # Errors
    /// `--peer-url` is missing, and other servers cannot reach the first address.
    pub fn options(
        &self,
        addresses: &[ListenAddress],
        is_tls: bool,
        base_path: &BasePath,
    ) -> Result<BucketOptions> {
        let interval = self.bucket_write_interval;
        Ok(BucketOptions {
            writer: Some(self.writer(addresses, is_tls, base_path)?),
            swap_interval: interval.map_or(Duration::ZERO, |interval| interval.0),
            ..BucketOptions::default()
        })
    }

    fn writer(
        &self,
        addresses: &[ListenAddress],
        is_tls: bool,
        base_path: &BasePath,
    ) -> Result<String> {
        if let Some(url) = &self.peer_url {
            return Ok(url.at(""));
        }
        let mut unreachable = vec!["0.0.0.0", "::", "[::]", ""];
        // Only servers on the same machine can reach a loopback address. All servers are on one machine only if the bucket is a directory.
        if !matches!(self.bucket, Some(BucketUrl::Directory(_))) {
            unreachable.extend(["127.0.0.1", "::1", "[::1]", "localhost"]);
        }
        match addresses.first() {
            Some(ListenAddress::Tcp { host, port })
                if *port != 0 && !unreachable.contains(&host.as_str()) =>
            {
                let scheme = if is_tls { "https" } else { "http" };
                let host = if host.contains(':') && !host.starts_with('[') {
                    format!("[{host}]")
                } else {
                    host.clone()
                };
                let url = format!("{scheme}://{host}:{port}{base_path}");
                Ok(url.trim_end_matches('/').to_owned())
            }
            _ => Err(Error::Usage(
                "--bucket needs --peer-url: the other servers cannot reach this one at the address that it listens on",
            )),
        }
    }
}
