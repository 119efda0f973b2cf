//! Kills a server while OCI clients push, and checks that every acknowledged push can be pulled.
//!
//! Each client pushes modules to its own tags and to one that all share: a blob, then the manifest. Some servers have a `gc` running on the
//! same store, which is killed too. Afterwards, each acknowledged manifest must be there by its digest, byte for byte, with its layer; the
//! branch must have the module of each tag; a tag that only one client pushes must have the last manifest that was acknowledged, or the one
//! that was not answered.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::soak::modules;
use crate::support::client::Client;
use crate::support::program::World;
use crate::support::random::{Random, size};
use crate::support::server::Server;
use crate::support::store::blob_id;

const WRITERS: u64 = 8;
/// The number of tags of each client.
const TAGS: u64 = 4;
/// The tag that all clients push.
const SHARED: &str = "shared";
const REPOSITORY: &str = "soak/registry";
/// The minimum and the maximum time for which a server is under load. A push takes three requests.
const LOAD: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1500)];
/// Longer than the lifetime of any server in the test.
const LONG: Duration = Duration::from_secs(30);
/// The number of rounds after which the store is verified.
const VERIFY_EVERY: u64 = 5;

/// A push of one client.
struct Push {
    tag: String,
    digest: String,
    manifest: String,
    layer: Vec<u8>,
    is_acknowledged: bool,
}

/// What is known about the pushes of all rounds.
#[derive(Default)]
struct Expected {
    /// The acknowledged manifests, each with its layer.
    acknowledged: BTreeMap<String, (String, Vec<u8>)>,
    /// The digests that each tag of a single client may have.
    tags: BTreeMap<String, Vec<String>>,
    /// The numbers of processes that were killed, and of pushes that were not answered.
    kills: u64,
    unanswered: u64,
}

/// Pushes until the server is killed.
fn push_all(address: SocketAddr, writer: u64, seed: u64, acknowledged: &AtomicU64) -> Vec<Push> {
    let (mut random, mut pushes) = (Random::new(seed), Vec::new());
    let Ok(mut client) = Client::connect(address) else {
        return pushes;
    };
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < LONG, "the server was not killed");
        let n = random.next();
        let layer = if random.once_in(50) {
            modules::large(n)
        } else {
            modules::small(n)
        };
        let tag = match random.below(TAGS + 1) {
            TAGS => SHARED.to_owned(),
            nth => format!("w{writer}-{nth}"),
        };
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2},
            "layers": [{"mediaType": "application/wasm", "digest": digest_of(&layer), "size": layer.len()}],
            "annotations": {"n": n.to_string()},
        });
        let manifest = manifest.to_string();
        for blob in [&b"{}"[..], &layer] {
            let at = format!("{REPOSITORY}/blobs/uploads/?digest={}", digest_of(blob));
            match client.send_to("POST", &format!("/v2/{at}"), "", blob) {
                Ok(response) => assert_eq!(response.status, 201, "{}", response.text()),
                Err(_) => return pushes,
            }
        }
        let at = format!("/v2/{REPOSITORY}/manifests/{tag}");
        let put = client.send_to("PUT", &at, "", manifest.as_bytes());
        if let Ok(response) = &put {
            assert_eq!(response.status, 201, "{}", response.text());
        }
        let is_acknowledged = put.is_ok();
        acknowledged.fetch_add(u64::from(is_acknowledged), Ordering::Relaxed);
        pushes.push(Push {
            tag,
            digest: digest_of(manifest.as_bytes()),
            manifest,
            layer,
            is_acknowledged,
        });
        if !is_acknowledged {
            return pushes;
        }
    }
}

fn digest_of(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

impl Expected {
    fn add(&mut self, pushes: Vec<Push>) {
        for push in pushes {
            if push.tag != SHARED {
                let digests = self.tags.entry(push.tag.clone()).or_default();
                if push.is_acknowledged {
                    digests.clear();
                }
                digests.push(push.digest.clone());
            }
            if push.is_acknowledged {
                let pushed = (push.manifest, push.layer);
                self.acknowledged.insert(push.digest, pushed);
            } else {
                self.unanswered += 1;
            }
        }
    }

    /// Checks everything on a new server.
    fn check(&mut self, world: &World, address: SocketAddr, is_last: bool) {
        let mut client = Client::connect(address).unwrap();
        let mut get = |path: String| client.send_to("GET", &path, "", b"").unwrap();
        // All of them at the end; the newest ones are not among the first, because digests are random.
        let step = if is_last { 1 } else { 7 };
        for (digest, (manifest, layer)) in self.acknowledged.iter().step_by(step) {
            let found = get(format!("/v2/{REPOSITORY}/manifests/{digest}"));
            assert_eq!((found.status, &*found.text()), (200, manifest.as_str()));
            let blob = get(format!("/v2/{REPOSITORY}/blobs/{}", digest_of(layer)));
            assert_eq!((blob.status, &blob.body), (200, layer), "{digest}");
        }
        for (tag, allowed) in &mut self.tags {
            let found = get(format!("/v2/{REPOSITORY}/manifests/{tag}"));
            if found.status == 404 {
                let mut allowed = allowed.iter();
                let is_lost = allowed.any(|digest| self.acknowledged.contains_key(digest));
                assert!(!is_lost, "{tag} is lost");
                continue;
            }
            let digest = digest_of(&found.body);
            assert!(
                allowed.contains(&digest),
                "{tag}: {digest} instead of one of {allowed:?}"
            );
            // The branch has the module of the manifest.
            let manifest: serde_json::Value = serde_json::from_slice(&found.body).unwrap();
            let module = get(format!("/api/v1/module/{REPOSITORY}/{tag}.wasm"));
            let layer = manifest["layers"][0]["digest"].as_str().unwrap();
            assert_eq!(
                (module.status, &*digest_of(&module.body)),
                (200, layer),
                "{tag}"
            );
            let hash = get(format!("/api/v1/hash/{REPOSITORY}/{tag}.wasm"));
            assert_eq!(hash.text(), blob_id(&module.body));
            // The result of a push without an answer is known now.
            *allowed = vec![digest];
        }
        if is_last {
            world.fsck();
            world.ok(&["verify"]);
        }
    }
}

/// Runs one server under load until it is killed, perhaps with a `gc` at the same time.
fn round(world: &World, random: &mut Random, expected: &mut Expected, verifies: bool) {
    let server = Server::start(world, &[]);
    expected.check(world, server.address, verifies);
    let (address, seed) = (server.address, random.next());
    let load = LOAD[0] + random.shorter_than(LOAD[1] - LOAD[0]);
    let collects = random.once_in(2);
    let before_gc = load.mul_f64(random.below(100) as f64 / 100.0);
    let acknowledged = &AtomicU64::new(0);
    let pushes = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| scope.spawn(move || push_all(address, n, seed.wrapping_add(n), acknowledged)))
            .collect();
        // On a busy machine, the first push may take longer than the load.
        let start = Instant::now();
        while acknowledged.load(Ordering::Relaxed) == 0 && start.elapsed() < LONG / 2 {
            thread::sleep(Duration::from_millis(5));
        }
        thread::sleep(before_gc);
        let gc = collects.then(|| start_gc(world));
        thread::sleep(load - before_gc);
        // Dropping the server sends SIGKILL.
        drop(server);
        expected.kills += 1;
        if let Some(mut gc) = gc {
            gc.kill().unwrap();
            gc.wait().unwrap();
            expected.kills += 1;
        }
        let joined = writers.into_iter().map(|writer| writer.join().unwrap());
        joined.collect::<Vec<_>>()
    });
    pushes.into_iter().for_each(|pushes| expected.add(pushes));
}

fn start_gc(world: &World) -> Child {
    let mut command = world.wasmstore(&["gc", "--keep-history"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Runs rounds until this many processes were killed.
fn run(kills: u64) {
    let mut random = Random::from_environment();
    let (world, mut expected) = (World::empty(), Expected::default());
    for n in 1.. {
        round(&world, &mut random, &mut expected, n % VERIFY_EVERY == 0);
        if expected.kills >= kills {
            break;
        }
    }
    let server = Server::start(&world, &[]);
    expected.check(&world, server.address, true);
    drop(server);
    let collected = world.wasmstore(&["gc"]).output().unwrap();
    assert!(collected.status.success(), "{collected:?}");
    let server = Server::start(&world, &[]);
    expected.check(&world, server.address, true);
    assert!(!expected.acknowledged.is_empty(), "nothing was pushed");
    println!(
        "{} kills, {} acknowledged pushes, {} unanswered, lost = 0",
        expected.kills,
        expected.acknowledged.len(),
        expected.unanswered
    );
}

#[test]
fn killed_servers_lose_no_acknowledged_push_by_an_oci_client() {
    run(12);
}

#[test]
#[ignore = "takes about 10 minutes: SOAK_KILLS=1000"]
fn a_thousand_killed_servers_lose_no_acknowledged_push_by_an_oci_client() {
    run(size("SOAK_KILLS", 1000));
}
