//! Replicas of a primary under constant writes.
//!
//! The long form runs with `cargo test --release --test all replica::load -- --ignored --nocapture`, and prints its measurements.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{converges, lag_s, put, replica_of, url};
use crate::support::client::Client;
use crate::support::program::{World, module};
use crate::support::server::Server;

const WRITERS: u32 = 4;

/// The interval between two reads of a replica's lag.
const LAG_INTERVAL: Duration = Duration::from_millis(50);

/// The time for which the primary is down in the long form.
const DOWN: Duration = Duration::from_secs(2);

/// The measurements of a replica's reader.
struct Reads {
    count: u32,
    longest: Duration,
}

/// Reads from a replica until `stop` is set; every request must succeed.
fn read(replica: &Server, stop: &AtomicBool) -> Reads {
    let (mut count, mut longest) = (0, Duration::ZERO);
    let mut client = Client::connect(replica.address).unwrap();
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        let listed = client.send("GET", "/modules", "", b"").unwrap();
        assert_eq!(listed.status, 200, "{}", listed.text());
        let found = client.send("GET", "/module/seed", "", b"").unwrap();
        assert_eq!((found.status, found.body), (200, module(0)));
        let versions = client.send("GET", "/versions/seed", "", b"").unwrap();
        assert_eq!(versions.status, 200, "{}", versions.text());
        count += 3;
        longest = longest.max(start.elapsed());
    }
    Reads { count, longest }
}

#[test]
fn replicas_and_replicas_of_replicas_converge_under_load() {
    let world = World::with_store("sha1");
    world.add("seed", 0);
    let primary = Server::start(&world, &[]);
    let others = [World::empty(), World::empty(), World::empty()];
    let first = replica_of(&others[0], &url(&primary), &[]);
    let second = replica_of(&others[1], &url(&primary), &[]);
    // The third replica follows the first one.
    let third = replica_of(&others[2], &url(&first), &[]);
    let replicas = [&first, &second, &third];
    let stop = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let readers = replicas.map(|replica| threads.spawn(|| read(replica, &stop)));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let primary = &primary;
                threads.spawn(move || {
                    for n in 0..40 {
                        put(primary, &format!("w{writer}/{}", n % 7), writer * 1000 + n);
                    }
                })
            })
            .collect();
        let written: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        stop.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().unwrap().count > 0);
        }
        assert!(written.iter().all(Result::is_ok));
    });
    for replica in replicas {
        converges(replica, &primary);
    }
    for other in &others {
        other.fsck();
    }
}

/// Writes until `stop` is set, to a server that may be down; returns the number of acknowledged changes.
fn write(address: SocketAddr, writer: u32, stop: &AtomicBool) -> u32 {
    let (mut made, mut client) = (0, None);
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let path = format!("/module/w{writer}/{}", n % 7);
        let connected = client.take().map_or_else(|| Client::connect(address), Ok);
        let sent = connected.and_then(|mut connected| {
            let reply = connected.send("POST", &path, "", &module(writer * 1_000_000 + n))?;
            client = Some(connected);
            Ok(reply)
        });
        match sent {
            Ok(reply) => {
                assert_eq!(reply.status, 200, "{}", reply.text());
                made += 1;
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    made
}

/// Returns the largest lag of a replica in seconds, while the primary was up, and while it was down or just restarted.
fn watch_lag(replica: &Server, is_down: &AtomicBool, stop: &AtomicBool) -> [f64; 2] {
    let mut largest = [0.0_f64; 2];
    while !stop.load(Ordering::Relaxed) {
        let was_down = usize::from(is_down.load(Ordering::Relaxed));
        largest[was_down] = largest[was_down].max(lag_s(replica));
        std::thread::sleep(LAG_INTERVAL);
    }
    largest
}

/// Runs the primary for half of the time, kills it, and restarts it for the other half.
fn run_primary(world: &World, primary: Server, is_down: &AtomicBool) -> Server {
    let seconds = std::env::var("SOAK_SECONDS").map_or(20, |text| text.parse().unwrap());
    let half = Duration::from_secs(seconds) / 2;
    let port = primary.address.port().to_string();
    std::thread::sleep(half);
    is_down.store(true, Ordering::Relaxed);
    primary.signal("KILL");
    primary.wait();
    std::thread::sleep(DOWN);
    let primary = Server::start(world, &["--port", &port]);
    // By then, each replica has connected again.
    std::thread::sleep(DOWN * 3);
    is_down.store(false, Ordering::Relaxed);
    std::thread::sleep(half.saturating_sub(DOWN * 3));
    primary
}

#[test]
#[ignore = "takes SOAK_SECONDS=20"]
fn replicas_serve_reads_while_the_primary_is_killed() {
    let world = World::with_store("sha1");
    world.add("seed", 0);
    let primary = Server::start(&world, &[]);
    let others = [World::empty(), World::empty(), World::empty()];
    let replicas = [0, 1, 2].map(|n: usize| replica_of(&others[n], &url(&primary), &[]));
    let address = primary.address;
    let (written, read_enough) = (AtomicBool::new(false), AtomicBool::new(false));
    let is_down = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let (written, is_down) = (&written, &is_down);
        let readers = replicas.each_ref();
        let readers = readers.map(|replica| threads.spawn(|| read(replica, &read_enough)));
        let lags = replicas.each_ref();
        let lags = lags.map(|replica| threads.spawn(|| watch_lag(replica, is_down, written)));
        let writers = [0, 1, 2, 3].map(|n| threads.spawn(move || write(address, n, written)));
        let primary = run_primary(&world, primary, is_down);
        written.store(true, Ordering::Relaxed);
        let made = writers.map(|writer| writer.join().unwrap());
        let last = Instant::now();
        println!("{} changes by {WRITERS} writers", made.iter().sum::<u32>());
        for (replica, lag) in replicas.iter().zip(lags) {
            converges(replica, &primary);
            let (took, [up, down]) = (last.elapsed(), lag.join().unwrap());
            println!(
                "equal {took:?} after the last change; lag at most {up:.2} s, {down:.2} s around the kill"
            );
        }
        read_enough.store(true, Ordering::Relaxed);
        for reader in readers {
            let Reads { count, longest } = reader.join().unwrap();
            println!("{count} reads, none failed; three took {longest:?} at most");
            assert!(count > 0);
        }
    });
    for other in &others {
        assert_eq!(other.git(&["for-each-ref"]), world.git(&["for-each-ref"]));
        other.fsck();
    }
}
