//! Replicas of a primary that is written to all the time.
//!
//! The long form runs with `cargo test --release --test all replicas_are_read -- --ignored --nocapture`, and prints what it measured.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{converges, lag_s, put, replica_of, url};
use crate::support::client::Client;
use crate::support::program::{World, module};
use crate::support::server::Server;

const WRITERS: u32 = 4;

/// How often the lag of a replica is looked at.
const LAG_INTERVAL: Duration = Duration::from_millis(50);

/// For how long the primary of the long form is away.
const AWAY: Duration = Duration::from_secs(2);

/// What the readers of a replica saw.
struct Reads {
    count: u32,
    longest: Duration,
}

/// Reads from a replica until it is told to stop; every answer has to be there.
fn read(replica: &Server, stop: &AtomicBool) -> Reads {
    let (mut count, mut longest) = (0, Duration::ZERO);
    let mut client = Client::connect(replica.address).unwrap();
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let listed = client.send("GET", "/modules", "", b"").unwrap();
        assert_eq!(listed.status, 200, "{}", listed.text());
        let found = client.send("GET", "/module/seed", "", b"").unwrap();
        assert_eq!((found.status, found.body), (200, module(0)));
        let versions = client.send("GET", "/versions/seed", "", b"").unwrap();
        assert_eq!(versions.status, 200, "{}", versions.text());
        count += 3;
        longest = longest.max(began.elapsed());
    }
    Reads { count, longest }
}

#[test]
fn replicas_under_load_converge_and_replicas_can_be_followed() {
    let world = World::with_store("sha1");
    world.add("seed", 0);
    let primary = Server::start(&world, &[]);
    let others = [World::empty(), World::empty(), World::empty()];
    let first = replica_of(&others[0], &url(&primary), &[]);
    let second = replica_of(&others[1], &url(&primary), &[]);
    // It follows a replica.
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

/// Writes until it is told to stop, to a server that may be away; how often it was told that a change was made.
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

/// The largest lag of a replica while the primary was there, and while it was away or just back, in seconds.
fn watch_lag(replica: &Server, away: &AtomicBool, stop: &AtomicBool) -> [f64; 2] {
    let mut largest = [0.0_f64; 2];
    while !stop.load(Ordering::Relaxed) {
        let was_away = usize::from(away.load(Ordering::Relaxed));
        largest[was_away] = largest[was_away].max(lag_s(replica));
        std::thread::sleep(LAG_INTERVAL);
    }
    largest
}

/// Half of the time, then a kill, a pause, and the other half.
fn live(world: &World, primary: Server, away: &AtomicBool) -> Server {
    let seconds = std::env::var("SOAK_SECONDS").map_or(20, |text| text.parse().unwrap());
    let half = Duration::from_secs(seconds) / 2;
    let port = primary.address.port().to_string();
    std::thread::sleep(half);
    away.store(true, Ordering::Relaxed);
    primary.signal("KILL");
    primary.wait();
    std::thread::sleep(AWAY);
    let primary = Server::start(world, &["--port", &port]);
    // By then each replica has tried again.
    std::thread::sleep(AWAY * 3);
    away.store(false, Ordering::Relaxed);
    std::thread::sleep(half.saturating_sub(AWAY * 3));
    primary
}

#[test]
#[ignore = "takes SOAK_SECONDS=20"]
fn replicas_are_read_while_the_primary_is_written_to_and_killed_for_long() {
    let world = World::with_store("sha1");
    world.add("seed", 0);
    let primary = Server::start(&world, &[]);
    let others = [World::empty(), World::empty(), World::empty()];
    let replicas = [0, 1, 2].map(|n: usize| replica_of(&others[n], &url(&primary), &[]));
    let address = primary.address;
    let (written, read_enough) = (AtomicBool::new(false), AtomicBool::new(false));
    let away = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let (written, away) = (&written, &away);
        let readers = replicas.each_ref();
        let readers = readers.map(|replica| threads.spawn(|| read(replica, &read_enough)));
        let lags = replicas.each_ref();
        let lags = lags.map(|replica| threads.spawn(|| watch_lag(replica, away, written)));
        let writers = [0, 1, 2, 3].map(|n| threads.spawn(move || write(address, n, written)));
        let primary = live(&world, primary, away);
        written.store(true, Ordering::Relaxed);
        let made = writers.map(|writer| writer.join().unwrap());
        let last = Instant::now();
        println!("{} changes by {WRITERS} writers", made.iter().sum::<u32>());
        for (replica, lag) in replicas.iter().zip(lags) {
            converges(replica, &primary);
            let (took, [there, away]) = (last.elapsed(), lag.join().unwrap());
            println!(
                "equal {took:?} after the last change; lag at most {there:.2} s, {away:.2} s around the kill"
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
