//! `bucket`: creates and examines a store in a bucket.

use std::path::PathBuf;

use serde_json::json;

use crate::bucket::{Bucket, BucketOptions, BucketUrl, NewStore, ProbeScope};
use crate::cli::bucket::{check_atomic, open_bucket};
use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::config::Options;
use crate::store::{self, BucketMark, NewShared, ObjectFormat, PackKey, Store};

/// Create and examine a store in a bucket, which several servers share
///
/// A bucket is s3://NAME/PREFIX, gs://NAME/PREFIX, az://CONTAINER/PREFIX or, to try it out, file:///DIRECTORY. Credentials, endpoint and
/// region come from the variables AWS_*, GOOGLE_* or AZURE_*, and from the files of the AWS command line. `wasmstore server --bucket URL`
/// serves the store.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct BucketArgs {
    #[command(subcommand)]
    command: BucketCommand,
}

#[derive(Debug, clap::Subcommand)]
enum BucketCommand {
    /// Create a store in an empty bucket
    ///
    /// Checks first that the bucket's conditional writes are atomic. Prints the id of the store. JSON: {"store":"…"}
    Init {
        /// The URL of the bucket
        #[arg(value_name = "URL", value_parser = BucketUrl::parse)]
        url: BucketUrl,
        /// Copy this local store with its history into the bucket, and turn it into a copy of the store in the bucket; stop its server
        /// first
        #[arg(long, value_name = "ROOT", conflicts_with = "object_format")]
        from: Option<PathBuf>,
        /// The hash function of object ids
        #[arg(long, value_name = "FORMAT", default_value = "sha1", value_parser = ["sha1", "sha256"])]
        object_format: String,
    },
    /// Print the state of the store in a bucket
    ///
    /// Prints one `name: value` per line. The generation is the number of updates of the bucket's manifest, which names the packs in use.
    /// Other packs can be deleted if their generation is below the floor. JSON:
    /// {"url":"…","store":"…","object_format":"…","generation":…,"floor":…,"writer":"…"|null,
    /// "head":"…","refs":…,"packs":…,"pack_bytes":…,"manifest_bytes":…,"objects":…,"bytes":…,"unnamed_bytes":…}
    Status {
        /// The URL of the bucket
        #[arg(value_name = "URL", value_parser = BucketUrl::parse)]
        url: BucketUrl,
    },
    /// Check that the conditional writes of a bucket are atomic
    ///
    /// Several servers can share only such a bucket. For up to a minute, lets 64 writers at a time race for one object. Prints one line per
    /// check, and exits with 4 if a check fails. JSON: {"atomic":…,"checks":[{"name":"…","observed":"…","passed":…},…]}
    Probe {
        /// The URL of the bucket
        #[arg(value_name = "URL", value_parser = BucketUrl::parse)]
        url: BucketUrl,
    },
    /// Check that every pack of the store in a bucket exists and is intact
    ///
    /// Downloads all packs. Prints one line per fault, and exits with 5 if there is one. To check the modules and the history too, run
    /// `wasmstore verify` on a copy. JSON: [{"key":"…","problem":"…","healed":…},…]
    Verify {
        /// The URL of the bucket
        #[arg(value_name = "URL", value_parser = BucketUrl::parse)]
        url: BucketUrl,
        /// Upload missing and damaged packs again from this copy of the store, if they are intact there
        #[arg(long, value_name = "COPY")]
        heal: Option<PathBuf>,
    },
}

impl BucketArgs {
    pub fn run(self, _settings: &Settings, out: &mut Output) -> Result<()> {
        match self.command {
            BucketCommand::Init {
                url,
                from,
                object_format,
            } => {
                let bucket = open_bucket(&url, BucketOptions::default())?;
                check_atomic(&bucket, ProbeScope::Full)?;
                let format = match object_format.as_str() {
                    "sha256" => ObjectFormat::Sha256,
                    _ => ObjectFormat::Sha1,
                };
                let mark = match from {
                    Some(root) => move_store(&bucket, &root)?,
                    None => create_store(&bucket, format)?,
                };
                if out.is_json() {
                    return out.json_only(&json!({ "store": mark.store }));
                }
                out.line(mark.store)
            }
            BucketCommand::Status { url } => status(&url, out),
            BucketCommand::Probe { url } => probe(&url, out),
            BucketCommand::Verify { url, heal } => verify(&url, heal.as_deref(), out),
        }
    }
}

/// Copies the store at `root` into the bucket, and turns the store at `root` into a copy of the one in the bucket.
fn move_store(bucket: &Bucket, root: &std::path::Path) -> Result<BucketMark> {
    let store = Store::open(root, Options::of_store(root)?)?;
    if store.object_format().is_none() {
        return Err(Error::NoStore(root.to_owned()));
    }
    store.share(|new| create(bucket, new))
}

/// Creates a store in the bucket. Its history is one empty commit.
fn create_store(bucket: &Bucket, format: ObjectFormat) -> Result<BucketMark> {
    let directory = tempfile::tempdir().map_err(|source| Error::OutputFile {
        path: std::env::temp_dir(),
        source,
    })?;
    let store = Store::open_or_create(directory.path(), Options::default(), format)?;
    store.share(|new| create(bucket, new))
}

fn create(bucket: &Bucket, new: &NewShared) -> Result<BucketMark> {
    let store = NewStore {
        object_format: new.format,
        head: new.head.clone(),
        refs: new.refs.clone(),
        packs: vec![new.pack.clone()],
    };
    bucket.create(&store).map_err(store::Error::from)?;
    let identity = bucket.identity().map_err(store::Error::from)?;
    Ok(BucketMark {
        url: bucket.url().to_owned(),
        store: identity.store,
    })
}

fn status(url: &BucketUrl, out: &mut Output) -> Result<()> {
    let bucket = open_bucket(url, BucketOptions::default())?;
    let status = bucket.status().map_err(store::Error::from)?;
    let objects = bucket.count_objects().map_err(store::Error::from)?;
    let format = status.object_format.as_str();
    if out.is_json() {
        return out.json_only(&json!({
            "url": status.url, "store": status.store, "object_format": format,
            "generation": status.generation, "floor": status.floor, "writer": status.writer,
            "head": status.head, "refs": status.refs, "packs": status.packs,
            "pack_bytes": status.pack_bytes, "manifest_bytes": status.manifest_bytes,
            "objects": objects.objects, "bytes": objects.bytes, "unnamed_bytes": objects.unnamed_bytes,
        }));
    }
    let writer = status.writer.unwrap_or_else(|| "none".to_owned());
    let lines = [
        ("store", status.store),
        ("object format", format.to_owned()),
        ("generation", status.generation.to_string()),
        ("floor", status.floor.to_string()),
        ("last writer", writer),
        ("default branch", status.head),
        ("refs", status.refs.to_string()),
        (
            "packs",
            format!("{} ({} bytes)", status.packs, status.pack_bytes),
        ),
        ("manifest", format!("{} bytes", status.manifest_bytes)),
        (
            "objects",
            format!("{} ({} bytes)", objects.objects, objects.bytes),
        ),
        ("not needed", format!("{} bytes", objects.unnamed_bytes)),
    ];
    lines
        .iter()
        .try_for_each(|(name, value)| out.line(format!("{name}: {value}")))
}

fn probe(url: &BucketUrl, out: &mut Output) -> Result<()> {
    let bucket = open_bucket(url, BucketOptions::default())?;
    let report = bucket.probe(ProbeScope::Full).map_err(store::Error::from)?;
    if out.is_json() {
        let checks = report.checks.iter().map(|check| {
            json!({ "name": check.name, "observed": check.observed, "passed": check.is_passed })
        });
        let checks: Vec<_> = checks.collect();
        out.json_only(&json!({ "atomic": report.is_atomic(), "checks": checks }))?;
    } else {
        let text = report.to_string();
        text.lines().try_for_each(|line| out.line(line))?;
    }
    if report.is_atomic() {
        return Ok(());
    }
    Err(Error::NotAtomic(url.to_string()))
}

fn verify(url: &BucketUrl, heal: Option<&std::path::Path>, out: &mut Output) -> Result<()> {
    let bucket = open_bucket(url, BucketOptions::default())?;
    let findings = bucket.verify().map_err(store::Error::from)?;
    let copy = heal.map(|root| Store::open(root, Options::of_store(root)?));
    let copy = copy.transpose()?;
    let mut left = 0;
    let mut shown = Vec::new();
    for finding in &findings {
        let is_healed = match (&copy, &finding.pack) {
            (Some(copy), Some(pack)) => heal_pack(&bucket, copy, pack)?,
            _ => false,
        };
        left += usize::from(!is_healed);
        if out.is_json() {
            let (key, problem) = (&finding.key, &finding.problem);
            shown.push(json!({ "key": key, "problem": problem, "healed": is_healed }));
        } else {
            let healed = if is_healed { "; uploaded again" } else { "" };
            out.line(format!("{}: {}{healed}", finding.key, finding.problem))?;
        }
    }
    if out.is_json() {
        out.json_only(&shown)?;
    }
    match left {
        0 => Ok(()),
        left => Err(Error::Faults(left)),
    }
}

/// Uploads a pack from the local copy to the bucket. Returns false if the copy has no intact pack with this checksum.
fn heal_pack(bucket: &Bucket, copy: &Store, pack: &PackKey) -> Result<bool> {
    let Some(files) = copy.intact_pack(&pack.checksum)? else {
        return Ok(false);
    };
    let restored = bucket.restore_pack(pack, &files);
    restored.map_err(store::Error::from)?;
    Ok(true)
}
